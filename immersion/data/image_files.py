"""Decode an image file to levels 0..255: any depth, alpha, palette and orientation."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from immersion.check import UserError

FORMATS = ("avif", "bmp", "gif", "jp2", "jpeg", "jpg", "pbm", "pgm", "png", "ppm", "tga", "tif")
SUFFIXES = frozenset(f".{name}" for name in (*FORMATS, "tiff", "webp"))
ORIENTATION = 0x0112
"""The EXIF tag; values 5 to 8 exchange width and height."""


class Header(NamedTuple):
    """Size and colour of an image, read without decoding it."""

    height: int
    width: int
    grey: bool


@contextmanager
def open_image(path: Path, content: bytes | None = None) -> Iterator[Image.Image]:
    """Open an image; any error becomes a `UserError` that names the file."""
    try:
        with Image.open(path if content is None else io.BytesIO(content)) as image:
            yield image
    except UserError:
        raise
    except Image.DecompressionBombError as error:
        raise UserError(
            f"the image {path} is too large",
            f"at most {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels",
            remedy="make it smaller, or remove it",
        ) from error
    except Exception as error:  # decoders raise anything on a damaged file
        raise UserError(
            f"the image {path} cannot be read", received=error, remedy="repair or remove it"
        ) from error


def read_header(path: Path, content: bytes | None = None) -> Header:
    """Return height and width (after EXIF orientation), and whether the image is grey.

    The image is not decoded. One stored in colour is a colour image even if all its colours are
    grey.
    """
    with open_image(path, content) as image:
        width, height = image.size
        if image.getexif().get(ORIENTATION, 1) >= 5:
            width, height = height, width
        return Header(height, width, is_grey(image))


def is_grey(image: Image.Image) -> bool:
    """Return whether an image is stored as grey levels, or with a palette of greys."""
    if image.mode == "P":
        palette = np.reshape(image.getpalette() or [], (-1, 3))
        return bool((palette == palette[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I")


def decode(path: Path, shape: tuple[int, ...], content: bytes | None = None) -> Tensor:
    """Return an image as levels.

    EXIF orientation is applied; transparency becomes white; 16-bit levels are divided by 257 and
    rounded; float levels must be in [0, 1]. An image of another size is cropped centrally to the
    shape's aspect ratio and resized (Lanczos).

    Args:
        path: The file, or its name in errors if `content` is given.
        shape: (C, H, W), C = 1 or 3.
        content: The bytes of the file.

    Returns:
        (C, H, W) uint8.
    """
    with open_image(path, content) as image:
        return to_levels(image, shape, path)


def to_levels(
    image: Image.Image, shape: tuple[int, ...], path: Path | str = "in memory"
) -> Tensor:
    """Return an open image as levels, (C, H, W) uint8; see `decode`."""
    channels, height, width = shape
    upright = ImageOps.exif_transpose(image)
    mode = "L" if channels == 1 else "RGB"
    plain = flatten_on_white(to_eight_bits(upright, path)).convert(mode)
    if plain.size != (width, height):
        plain = ImageOps.fit(plain, (width, height), Image.Resampling.LANCZOS)
    levels = np.array(plain).reshape(height, width, channels)
    return torch.from_numpy(levels).permute(2, 0, 1).contiguous()


def to_eight_bits(image: Image.Image, path: Path | str) -> Image.Image:
    """Return an image of 16-bit or float grey levels with 8-bit levels; others unchanged."""
    if not (image.mode == "F" or image.mode.startswith("I")):
        return image
    values = np.asarray(image).astype(np.float64)
    top = 1 if image.mode == "F" else 65535
    if not (values.min() >= 0 and values.max() <= top):
        raise UserError(
            f"the image {path} has levels of unknown range",
            f"levels from 0 to {top}",
            f"levels from {values.min():g} to {values.max():g}",
            "rescale it",
        )
    return Image.fromarray(np.rint(values * (255 / top)).astype(np.uint8))


def flatten_on_white(image: Image.Image) -> Image.Image:
    """Return an image composited on white, without transparency."""
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
