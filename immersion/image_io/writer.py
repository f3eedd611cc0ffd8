"""Write a `Picture` to a file atomically; existing files are replaced only on request."""

from pathlib import Path
from typing import Any

import torch

from immersion.check import UserError
from immersion.image_io import exif
from immersion.image_io.picture import Metadata, Picture
from immersion.image_io.vips import error_text, load_vips
from immersion.output_file import write_atomically

SAVERS: dict[str, tuple[str, dict[str, object]]] = {
    ".png": ("pngsave", {}),
    ".tif": ("tiffsave", {"compression": "deflate", "predictor": "horizontal"}),
    ".tiff": ("tiffsave", {"compression": "deflate", "predictor": "horizontal"}),
    ".webp": ("webpsave", {"lossless": True, "exact": True}),
    ".jpg": ("jpegsave", {"Q": 95}),
    ".jpeg": ("jpegsave", {"Q": 95}),
}
"""Ending of a file name, encoder of libvips and its settings; only JPEG is lossy."""

INSERT = {
    "pngsave": exif.insert_into_png,
    "tiffsave": exif.insert_into_tiff,
    "webpsave": exif.insert_into_webp,
}
"""Encoder of libvips -> function that inserts an EXIF block into its file."""

INTERPRETATIONS = {(1, 8): "b-w", (3, 8): "srgb", (1, 16): "grey16", (3, 16): "rgb16"}
COLOURS = {1: b"GRAY", 3: b"RGB "}
"""Number of channels, and the name of their colour space in an ICC profile."""


def write(picture: Picture, path: Path, overwrite: bool = False) -> None:
    """Write a picture in the format of the file name's ending: .png, .tif(f), .webp, .jp(e)g.

    PNG, TIFF and WebP are lossless; JPEG is written at quality 95 with colours at full
    resolution. WebP has no grey format: grey is read back as RGB. The file is written under a
    hidden name in the same folder, flushed to disk and renamed, so that a process killed at any
    moment leaves no half-written picture.

    Args:
        picture: The picture; a colour profile for another number of channels is left out.
        path: The file; its folder is created.
        overwrite: If True, an existing file is replaced.

    Raises:
        UserError: As in `check_output`, or the file cannot be written.
    """
    check_output(picture, path, overwrite)
    vips = load_vips()
    try:
        write_atomically(path, lambda partial: encode(picture, partial, path.suffix.lower()))
    except (vips.Error, OSError) as error:
        raise UserError(
            f"the picture {path} cannot be written",
            received=error_text(error),
            remedy="check the folder and the free disk space",
        ) from error


def check_output(picture: Picture, path: Path, overwrite: bool = False) -> None:
    """Raise `UserError` if `path` cannot hold `picture`, so that no work is lost.

    Raises:
        UserError: The file exists and `overwrite` is False, its ending is unknown, or its format
            cannot hold 16 bits, alpha, this many pixels or an EXIF block of this length.
    """
    ending = path.suffix.lower()
    if ending not in SAVERS:
        known = ", ".join(SAVERS)
        raise UserError(f"the format of {path} is not written", known, f"'{path.suffix}'")
    if path.exists() and not overwrite:
        remedy = "choose another name, or pass --overwrite"
        raise UserError(f"{path} exists already", remedy=remedy)
    saver, _ = SAVERS[ending]
    remedy = "choose .png or .tif"
    if picture.depth == 16 and saver in ("jpegsave", "webpsave"):
        raise UserError(f"{path} cannot hold the picture", "8 bits", "16 bits", remedy)
    if picture.alpha is not None and saver == "jpegsave":
        raise UserError(f"{path} cannot hold the picture", "no alpha", "alpha", remedy)
    longest = {"jpegsave": 65535, "webpsave": 16383}.get(saver, 2**31 - 1)
    sides = f"{picture.width:,} x {picture.height:,} pixels"
    if max(picture.width, picture.height) > longest:
        most = f"sides of at most {longest:,} pixels"
        raise UserError(f"{path} cannot hold the picture", most, sides, remedy)
    if saver == "jpegsave" and len(picture.metadata.exif) > exif.JPEG_LIMIT:
        most = f"at most {exif.JPEG_LIMIT:,} bytes of EXIF"
        raise UserError(
            f"{path} cannot hold the picture", most, f"{len(picture.metadata.exif):,}", remedy
        )


def encode(picture: Picture, path: Path, ending: str) -> None:
    """Write levels, alpha and metadata to `path`, in the format of `ending`."""
    saver, settings = SAVERS[ending]
    block = picture.metadata.exif
    # libvips loses unknown tags and letters beyond ASCII, so the block is inserted unchanged. For
    # WebP, libvips also writes its own block, which is then replaced.
    keep = "xmp:iptc:icc:other" + (":exif" if saver == "webpsave" and block else "")
    getattr(to_vips(picture, saver), saver)(str(path), keep=keep, **settings)
    if saver == "jpegsave":
        exif.insert_into_jpeg(path, block, picture.metadata.resolution)
    elif block:
        INSERT[saver](path, block)


def to_vips(picture: Picture, saver: str) -> Any:
    """Return a picture as an image of libvips, with all metadata except EXIF."""
    vips = load_vips()
    channels = picture.levels
    if picture.alpha is not None:
        channels = torch.cat([channels, picture.alpha])
    array = channels.permute(1, 2, 0).contiguous().numpy()
    xres, yres = picture.metadata.resolution
    kind = INTERPRETATIONS[picture.channels, picture.depth]
    image = vips.Image.new_from_array(array).copy(interpretation=kind, xres=xres, yres=yres)
    for name, value in metadata_fields(picture.metadata, picture.channels, saver).items():
        blob = isinstance(value, bytes)
        image.set_type(vips.GValue.blob_type if blob else vips.GValue.gstr_type, name, value)
    return image


def metadata_fields(metadata: Metadata, channels: int, saver: str) -> dict[str, bytes | str]:
    """Return metadata by the names of libvips, without what the format or channels cannot hold."""
    fields: dict[str, bytes | str] = {"resolution-unit": "in"}
    if is_valid_profile(metadata.profile, channels):
        fields["icc-profile-data"] = metadata.profile
    if metadata.xmp:
        fields["xmp-data"] = metadata.xmp
    # JPEG wraps the block in Photoshop resources, TIFF does not.
    if metadata.iptc and metadata.iptc.startswith(b"Photoshop") == (saver == "jpegsave"):
        fields["iptc-data"] = metadata.iptc
    for k, (keyword, value) in enumerate(metadata.text):
        fields[f"png-comment-{k}-{keyword}"] = value
    return fields


def is_valid_profile(profile: bytes, channels: int) -> bool:
    """Return whether an ICC profile is complete, by its header, and has this many channels."""
    whole = int.from_bytes(profile[:4], "big") == len(profile) and profile[36:40] == b"acsp"
    return whole and profile[16:20] == COLOURS[channels]
