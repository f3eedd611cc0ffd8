"""A `Picture` to a file: whole or not at all, and never in another's place without being asked."""

import os
from pathlib import Path
from typing import Any

import torch

from immersion.check import UserError
from immersion.image_io import exif
from immersion.image_io.picture import Metadata, Picture
from immersion.image_io.vips import error_text, load_vips

SAVERS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("pngsave", {}),
    ".tif": ("tiffsave", {"compression": "deflate", "predictor": "horizontal"}),
    ".tiff": ("tiffsave", {"compression": "deflate", "predictor": "horizontal"}),
    ".webp": ("webpsave", {"lossless": True, "exact": True}),
    ".jpg": ("jpegsave", {"Q": 95}),
    ".jpeg": ("jpegsave", {"Q": 95}),
}
"""A file name's ending, libvips's encoder and its settings; only JPEG loses anything."""

INSERT = {
    "pngsave": exif.insert_into_png,
    "tiffsave": exif.insert_into_tiff,
    "webpsave": exif.insert_into_webp,
}
"""What puts an EXIF block into a file that an encoder of libvips has written."""

KINDS = {(1, 8): "b-w", (3, 8): "srgb", (1, 16): "grey16", (3, 16): "rgb16"}
COLOURS = {1: b"GRAY", 3: b"RGB "}  # how an ICC profile calls the channels that it is for

PARTIAL = ".partial"
"""Ending of a file that is being written; what a kill leaves of it is hidden and overwritten."""


def write(picture: Picture, path: Path, overwrite: bool = False) -> None:
    """Write a picture by the format that the name ends in: .png, .tif(f), .webp, .jp(e)g.

    PNG, TIFF and WebP keep every level; JPEG is written at quality 95, colours at full
    resolution. WebP knows no grey: it comes back as RGB. The file is written under a hidden name
    in the same folder, flushed to the disk and renamed, so that a process killed at any moment
    leaves no half-written picture.

    Args:
        picture: The picture; a colour profile for another number of channels is left out.
        path: The file; its folder is made.
        overwrite: Whether a file of that name is replaced.

    Raises:
        UserError: As `check_output` says, or the file cannot be written.
    """
    check_output(picture, path, overwrite)
    vips = load_vips()
    partial = path.with_name(f".{path.name}{PARTIAL}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            encode(picture, partial, path.suffix.lower())
            with partial.open("r+b") as file:
                os.fsync(file.fileno())
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except (vips.Error, OSError) as error:
        raise UserError(
            f"the picture {path} cannot be written",
            received=error_text(error),
            remedy="check the folder and the space on the disk",
        ) from error


def check_output(picture: Picture, path: Path, overwrite: bool = False) -> None:
    """Raise unless `path` can hold `picture`: to be asked before an hour of work, not after.

    Raises:
        UserError: The file exists and is not to be replaced, its ending is unknown, or its format
            cannot hold 16 bits, alpha, so many pixels or so long an EXIF block.
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
    # libvips loses tags that it does not know and letters beyond ASCII, so the block is put in as
    # it is; only for WebP it writes one of its own, whose place is then taken.
    keep = "xmp:iptc:icc:other" + (":exif" if saver == "webpsave" and block else "")
    getattr(to_vips(picture, saver), saver)(str(path), keep=keep, **settings)
    if saver == "jpegsave":
        exif.insert_into_jpeg(path, block, picture.metadata.resolution)
    elif block:
        {
            "pngsave": exif.insert_into_png,
            "tiffsave": exif.insert_into_tiff,
            "webpsave": exif.insert_into_webp,
        }[saver](path, block)


def to_vips(picture: Picture, saver: str) -> Any:
    """Return a picture as libvips has it, with all of its metadata but EXIF."""
    vips = load_vips()
    channels = picture.levels
    if picture.alpha is not None:
        channels = torch.cat([channels, picture.alpha])
    array = channels.permute(1, 2, 0).contiguous().numpy()
    xres, yres = picture.metadata.resolution
    kind = KINDS[picture.channels, picture.depth]
    image = vips.Image.new_from_array(array).copy(interpretation=kind, xres=xres, yres=yres)
    for name, value in metadata_fields(picture.metadata, picture.channels, saver).items():
        blob = isinstance(value, bytes)
        image.set_type(vips.GValue.blob_type if blob else vips.GValue.gstr_type, name, value)
    return image


def metadata_fields(told: Metadata, channels: int, saver: str) -> dict[str, bytes | str]:
    """Return metadata by libvips's names, without what the format or the channels cannot have."""
    found: dict[str, bytes | str] = {"resolution-unit": "in"}
    if is_valid_profile(told.profile, channels):
        found["icc-profile-data"] = told.profile
    if told.xmp:
        found["xmp-data"] = told.xmp
    # JPEG wraps the block in Photoshop's resources and TIFF does not.
    if told.iptc and told.iptc.startswith(b"Photoshop") == (saver == "jpegsave"):
        found["iptc-data"] = told.iptc
    for k, (keyword, value) in enumerate(told.text):
        found[f"png-comment-{k}-{keyword}"] = value
    return found


def is_valid_profile(profile: bytes, channels: int) -> bool:
    """Return whether an ICC profile is whole, by its header, and for so many channels."""
    whole = int.from_bytes(profile[:4], "big") == len(profile) and profile[36:40] == b"acsp"
    return whole and profile[16:20] == COLOURS[channels]
