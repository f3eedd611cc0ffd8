"""Read an image file completely, or raise an error that says why it cannot be read."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.image_io import exif
from immersion.image_io.picture import Metadata, Picture
from immersion.image_io.vips import error_text, load_vips

MAX_PIXELS = 200_000_000
"""Largest number of pixels: twice that of the largest camera; 1.6 GB as 16-bit RGB with alpha."""

SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "pngload",
    b"\xff\xd8\xff": "jpegload",
    b"II*\0": "tiffload",
    b"MM\0*": "tiffload",
    b"II+\0": "tiffload",
    b"MM\0+": "tiffload",
}
"""First bytes of a file, and its decoder. Other decoders are not tried: libvips also opens
drawings and volumes, which may refer to other files."""

FAIL_ON = {"jpegload": "warning"}
"""Severity that counts as damage, by default an error. For a damaged JPEG stream libvips only
warns; for TIFF it also warns of texts in tags, which are harmless."""

HARMLESS = "Invalid SOS parameters"
"""A warning about the header that some telephones write."""

PLAIN = {"b-w", "srgb", "grey16", "rgb16"}
TYPES = {"uchar", "ushort"}
ANIMATED = b"acTL"
"""The chunk that precedes the levels of an animated PNG."""


def read(path: Path, limit: int = MAX_PIXELS) -> Picture:
    """Return the picture in a PNG, JPEG, TIFF or WebP file, whatever the ending of its name.

    Levels and alpha are those of the file, 8 or 16 bits, grey or RGB. A palette becomes RGB;
    1, 2 and 4 bits become 8 (0 and 255 for bilevel); CMYK becomes sRGB by its profile;
    premultiplied alpha of a TIFF is divided out. The picture is not turned.

    Args:
        path: The file.
        limit: Largest number of pixels, checked against the header before decoding.

    Raises:
        UserError: The file is missing, unreadable, damaged, truncated or too large, or holds
            several pictures or levels of another type.
    """
    vips = load_vips()
    try:
        loader = detect_decoder(path)
        return decode_file(path, loader, limit, FAIL_ON.get(loader, "error"))
    except UnicodeEncodeError as error:
        remedy = "rename the file"
        raise UserError(f"the name {str(path)!r} is not valid text", remedy=remedy) from error
    except (vips.Error, OSError) as error:
        raise UserError(
            f"the picture {path} cannot be read",
            received=error_text(error),
            remedy="repair or remove it",
        ) from error


def decode_file(path: Path, loader: str, limit: int, fail_on: str) -> Picture:
    """Return the picture in a file; libvips raises if its damage is as severe as `fail_on`."""
    vips = load_vips()
    try:
        image = getattr(vips.Image, loader)(str(path), access="sequential", fail_on=fail_on)
        check_header(path, image, limit)
        metadata = read_metadata(path, image, loader)
        levels, alpha = to_tensors(convert_cmyk(image))
    except vips.Error as error:
        if HARMLESS not in error_text(error):
            raise
        return decode_file(path, loader, limit, "error")
    return Picture(levels, alpha, metadata)


def detect_decoder(path: Path) -> str:
    """Return the name of the libvips decoder for a file, from its first bytes."""
    with path.open("rb") as file:
        head = file.read(1 << 20)
    if ANIMATED in head.partition(b"IDAT")[0] and head.startswith(b"\x89PNG"):
        refuse_several(path, "an animation")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webpload"
    for beginning, loader in SIGNATURES.items():
        if head.startswith(beginning):
            return loader
    raise UserError(
        f"the file {path} is not a picture that can be read",
        "PNG, JPEG, TIFF or WebP",
        f"a file that begins with {head[:8]!r}" if head else "an empty file",
        "convert it or leave it out",
    )


def check_header(path: Path, image: Any, limit: int) -> None:
    """Raise `UserError` unless a header has one picture, at most `limit` pixels, known levels."""
    if image.width * image.height > limit:
        raise UserError(
            f"the picture {path} is too large",
            f"at most {limit:,} pixels",
            f"{image.width:,} x {image.height:,} pixels",
            "cut it into parts, or remove it",
        )
    if image.get_n_pages() > 1:
        refuse_several(path, f"{image.get_n_pages()} pages")
    bands = (4, 5) if image.interpretation == "cmyk" else (1, 2, 3, 4)
    supported = image.interpretation in PLAIN | {"cmyk"} and image.format in TYPES
    if not supported or image.bands not in bands:
        raise UserError(
            f"the picture {path} holds levels of an unsupported type",
            "8 or 16 bits in grey, RGB or CMYK",
            f"{image.bands} bands of type {image.format} in {image.interpretation}",
            "convert it to RGB of 16 bits",
        )


def refuse_several(path: Path, received: str) -> None:
    """Raise `UserError` because a file holds more than one picture."""
    remedy = "save its pages as separate files"
    raise UserError(f"{path} holds more than one picture", "one per file", received, remedy)


def read_metadata(path: Path, image: Any, loader: str) -> Metadata:
    """Return the metadata of a file."""
    names = set(image.get_fields())

    def blob(name: str) -> bytes:
        return bytes(image.get(name)) if name in names else b""

    # A comment's name is png-comment-NUMBER-KEYWORD.
    text = [
        (name.split("-", 3)[3], image.get(name))
        for name in image.get_fields()
        if name.startswith("png-comment-")
    ]
    resolution = (round(image.xres, 6), round(image.yres, 6))
    known = resolution != (1.0, 1.0)  # libvips reports an unknown resolution as 1 pixel per mm
    return Metadata(
        exif.read_tiff(path) if loader == "tiffload" else exif.strip_marker(blob("exif-data")),
        b"" if image.interpretation == "cmyk" else blob("icc-profile-data"),
        blob("xmp-data"),
        blob("iptc-data"),
        tuple(text),
        resolution if known else Metadata.resolution,
    )


def convert_cmyk(image: Any) -> Any:
    """Return an image in grey or RGB, with its alpha if it has one."""
    if image.interpretation == "cmyk":
        return image.colourspace("rgb16" if image.format == "ushort" else "srgb")
    return image


def to_tensors(image: Any) -> tuple[Tensor, Tensor | None]:
    """Return levels, (C, H, W), and alpha, (1, H, W) or None, as views of one decoded array."""
    array = torch.from_numpy(image.numpy()).reshape(image.height, image.width, image.bands)
    channels = array.permute(2, 0, 1)
    colours = image.bands - image.hasalpha()
    return channels[:colours], channels[colours:] if image.hasalpha() else None
