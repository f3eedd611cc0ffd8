"""Grids and rows of images as one picture."""

import itertools
from collections.abc import Iterable

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from immersion.check import UserError

BACKGROUND = 128
"""Mid-grey, which contrasts with black and white images, on light and dark pages."""

SMALLEST = 56
"""An image whose longer side is below this many pixels is enlarged."""


def make_grid(x: Tensor, columns: int, gap: int = 2) -> Image.Image:
    """Return images as one picture, row by row.

    Args:
        x: (N, C, H, W) in [0, 1], clipped to it; C is 1 or 3.
        columns: Images in a row.
        gap: Pixels between images and around them.

    Returns:
        A picture in mode L (C = 1) or RGB (C = 3). Images below 56 pixels are enlarged by an
        integer factor, nearest neighbour, so that every value stays a sharp square.

    Raises:
        UserError: C is neither 1 nor 3.

    Example:
        >>> make_grid(torch.rand(6, 1, 28, 28), columns=3).size  # 3 x 56 and 4 gaps, 2 x 56 and 3
        (176, 118)
    """
    return make_mosaic(x.split(columns), gap)


def make_mosaic(rows: Iterable[Tensor], gap: int = 2) -> Image.Image:
    """Return rows of images as one picture; a short row or a small image leaves its end empty.

    Args:
        rows: Each (n, C, H, W) in [0, 1], clipped to it; C is 1 or 3, H and W the row's own.
        gap: Pixels between images and around them.
    """
    rows = list(rows)
    channels = rows[0].shape[1]
    height, width = (max(row.shape[axis] for row in rows) for axis in (2, 3))
    if channels not in (1, 3):
        raise UserError("the images cannot be shown", "1 channel or 3", channels)
    scale = -(-SMALLEST // max(height, width))
    height, width = scale * height, scale * width
    columns = max(len(row) for row in rows)
    canvas = torch.full(
        (channels, len(rows) * (height + gap) + gap, columns * (width + gap) + gap),
        BACKGROUND,
        dtype=torch.uint8,
    )
    for i, row in enumerate(rows):
        images = _to_bytes(row).repeat_interleave(scale, 2).repeat_interleave(scale, 3)
        for j, image in enumerate(images):
            top, left = gap + i * (height + gap), gap + j * (width + gap)
            tall, wide = image.shape[1:]
            canvas[:, top : top + tall, left : left + wide] = image
    return Image.fromarray((canvas[0] if channels == 1 else canvas.permute(1, 2, 0)).numpy())


def make_atlas(x: Tensor, columns: int) -> Image.Image:
    """Return images side by side as they are, for a script to cut them out again.

    Args:
        x: (N, C, H, W) in [0, 1], clipped to it; C is 1 or 3.
        columns: Images in a row.

    Returns:
        A picture of W x columns by H x ceil(N / columns) pixels in mode RGB.

    Example:
        >>> make_atlas(torch.rand(7, 1, 8, 6), columns=3).size
        (18, 24)
    """
    height, width = x.shape[2:]
    rows = -(-len(x) // columns)
    canvas = torch.zeros(3, rows * height, columns * width, dtype=torch.uint8)
    for i, image in enumerate(_to_bytes(x)):
        top, left = i // columns * height, i % columns * width
        canvas[:, top : top + height, left : left + width] = image
    return Image.fromarray(canvas.permute(1, 2, 0).numpy())


def shrink(x: Tensor, side: int) -> Tensor:
    """Return images, (N, C, H, W), whose longer side is at most `side`; smaller ones as they are.

    Example:
        >>> shrink(torch.rand(2, 3, 128, 64), side=32).shape
        torch.Size([2, 3, 32, 16])
    """
    height, width = x.shape[2:]
    if max(height, width) <= side:
        return x
    scale = side / max(height, width)
    size = (max(1, round(scale * height)), max(1, round(scale * width)))
    return interpolate(x, size, mode="bilinear", antialias=True)


def _to_bytes(x: Tensor) -> Tensor:
    """Return levels in [0, 1] as 0, ..., 255, rounded."""
    return x.detach().float().cpu().clamp(0, 1).mul(255).round().byte()


def make_alternating_rows(a: Tensor, b: Tensor, columns: int = 10) -> Image.Image:
    """Return rows of images of a, below each the images of b, both (N, C, H, W)."""
    pairs = zip(a.split(columns), b.split(columns), strict=True)
    return make_mosaic(itertools.chain.from_iterable(pairs))
