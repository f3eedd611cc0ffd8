"""Functions from picture to picture: orientation, channels, transparency, the size in EXIF."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from immersion.image_io.exif import set_size
from immersion.image_io.picture import Picture, to_levels
from immersion.imaging.bicubic import resize
from immersion.imaging.orientation import rotate_and_flip, undo_rotate_and_flip

UPRIGHT = {1: 0, 2: 4, 3: 2, 4: 6, 5: 7, 6: 3, 7: 5, 8: 1}
"""EXIF orientation -> the `turn` by which `rotate_and_flip` makes a picture upright."""


def make_upright(picture: Picture) -> Picture:
    """Return a picture with its pixels in the orientation of a viewer."""
    turn = UPRIGHT[picture.metadata.orientation]
    return map_pixels(picture, lambda x: rotate_and_flip(x, turn)) if turn else picture


def undo_upright(picture: Picture) -> Picture:
    """Return an upright picture with its pixels in the orientation of its file."""
    turn = UPRIGHT[picture.metadata.orientation]
    return map_pixels(picture, lambda x: undo_rotate_and_flip(x, turn)) if turn else picture


def map_pixels(picture: Picture, move: Callable[[Tensor], Tensor]) -> Picture:
    """Return a picture with a rearrangement applied to its levels and alpha."""

    def apply(x: Tensor) -> Tensor:
        # PyTorch does not rotate uint16; as int16 the bits are the same.
        return move(x.view(torch.int16)).view(torch.uint16) if x.dtype == torch.uint16 else move(x)

    alpha = None if picture.alpha is None else apply(picture.alpha)
    return Picture(apply(picture.levels), alpha, picture.metadata)


def is_grey(picture: Picture) -> bool:
    """Return whether a picture of three channels has no colour, as many scans have."""
    red, *others = picture.levels
    return bool(others) and all(torch.equal(red, other) for other in others)


def to_one_channel(picture: Picture) -> Picture:
    """Return the first channel of a picture."""
    return replace(picture, levels=picture.levels[:1])


def to_three_channels(picture: Picture) -> Picture:
    """Return a grey picture in three equal channels."""
    return replace(picture, levels=picture.levels.expand(3, -1, -1))


def fill_holes(alpha: Tensor) -> Tensor | None:
    """Return alpha with transparent pixels made opaque; None if all are opaque then."""
    top = 2**16 - 1 if alpha.dtype == torch.uint16 else 2**8 - 1
    values = alpha.int()
    filled = torch.where(values == 0, top, values)
    return None if (filled == top).all() else filled.to(alpha.dtype)


def enlarge_alpha(alpha: Tensor | None, scale: int) -> Tensor | None:
    """Return alpha enlarged by a factor."""
    if alpha is None or scale == 1:
        return alpha
    depth = 8 if alpha.dtype == torch.uint8 else 16
    return to_levels(resize(alpha.float() / (2**depth - 1), scale), depth)


def update_exif_size(picture: Picture) -> Picture:
    """Return a picture whose EXIF block holds its own size, if it holds one."""
    exif = set_size(picture.metadata.exif, picture.width, picture.height)
    return replace(picture, metadata=replace(picture.metadata, exif=exif))


def format_size(picture: Picture) -> str:
    """Return a picture's width and height as text."""
    return f"{picture.width} x {picture.height}"
