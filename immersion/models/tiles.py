"""A large picture in tiles: each with as much of its neighbourhood as the network looks at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import pad

SMALLEST_SIDE = 256
"""Of a tile, in pixels of the input, unless another is asked for: its layers stay in a processor's
cache, which takes half the time of 512."""

HALOS = 13
"""Halos that a tile's side is, at least: a third more pixels are then seen than kept."""


@dataclass(frozen=True)
class Tile:
    """A rectangle of a picture, and the larger one that a network must see to say what is in it.

    Args:
        rows: First row, and the one after the last.
        columns: First column, and the one after the last.
        seen_rows: The same of what is seen; it may reach beyond the picture, into the padding.
        seen_columns: The same.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    seen_rows: tuple[int, int]
    seen_columns: tuple[int, int]


def usual_side(halo: int) -> int:
    """Return the side of tiles for a network: small, but not small beside what it looks at.

    Example:
        >>> usual_side(17), usual_side(30), usual_side(77)
        (256, 512, 1024)
    """
    return -(-max(SMALLEST_SIDE, HALOS * halo) // SMALLEST_SIDE) * SMALLEST_SIDE


def tiles(height: int, width: int, side: int, halo: int, multiple: int) -> Iterator[Tile]:
    """Yield tiles that cover (H, W), row by row.

    What is seen begins and ends on the network's grid, so that squares of pixels that it takes
    together are the same as in the whole picture.

    Args:
        height: H.
        width: W.
        side: Of a tile; rounded up to the grid.
        halo: How far an output looks beyond its own pixel.
        multiple: The grid: what the sides of a network's input must be divisible by.

    Example:
        >>> [tile.seen_columns for tile in tiles(4, 10, 4, 3, 2)]
        [(0, 8), (0, 10), (4, 10)]
    """
    side += -side % multiple
    for rows, seen_rows in _spans(height, side, halo, multiple):
        for columns, seen_columns in _spans(width, side, halo, multiple):
            yield Tile(rows, columns, seen_rows, seen_columns)


def _spans(
    length: int, side: int, halo: int, multiple: int
) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    padded = length + -length % multiple
    for start in range(0, length, side):
        stop = min(start + side, length)
        first = max(0, (start - halo) // multiple * multiple)
        last = min(padded, -(-(stop + halo) // multiple) * multiple)
        yield (start, stop), (first, last)


def mirrored(region: Tensor, tile: Tile) -> Tensor:
    """Return what a network sees, from the part of it that is there: below and beside a mirror.

    Args:
        region: x[..., slice(*tile.seen_rows), slice(*tile.seen_columns)], which ends where x does.
        tile: The tile.
    """
    below = tile.seen_rows[1] - tile.seen_rows[0] - region.shape[-2]
    beside = tile.seen_columns[1] - tile.seen_columns[0] - region.shape[-1]
    if not (below or beside):
        return region
    mirror = below < region.shape[-2] and beside < region.shape[-1]
    return pad(region, (0, beside, 0, below), "reflect" if mirror else "replicate")


def kept(output: Tensor, tile: Tile, scale: int) -> Tensor:
    """Return the tile's own part of a network's output, (B, C, s h, s w)."""
    (top, bottom), (left, right) = tile.rows, tile.columns
    above, before = tile.seen_rows[0], tile.seen_columns[0]
    return output[
        ...,
        scale * (top - above) : scale * (bottom - above),
        scale * (left - before) : scale * (right - before),
    ]


def tiled(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    halo: int,
    multiple: int = 1,
    scale: int = 1,
    side: int | None = None,
) -> Tensor:
    """Return function(x), worked out tile by tile: equal to the whole, but for rounding.

    Args:
        function: (B, C_in, h, w) -> (B, C_out, s h, s w); local, as a `ImageToImageNetwork` is.
        x: (B, C_in, H, W) of any size.
        halo: How far an output looks beyond its own pixel.
        multiple: What the sides of the function's input must be divisible by.
        scale: s.
        side: Of a tile; by default as `usual_side` says.

    Example:
        >>> import torch
        >>> blur = torch.nn.AvgPool2d(3, stride=1, padding=1)
        >>> x = torch.rand(1, 1, 30, 50)
        >>> torch.allclose(tiled(blur, x, halo=1, side=8), blur(x))
        True
    """
    height, width = x.shape[-2:]
    whole: Tensor | None = None
    for tile in tiles(height, width, side or usual_side(halo), halo, multiple):
        region = x[..., slice(*tile.seen_rows), slice(*tile.seen_columns)]
        part = kept(function(mirrored(region, tile)), tile, scale)
        if whole is None:
            whole = part.new_empty(*part.shape[:-2], scale * height, scale * width)
        rows = slice(scale * tile.rows[0], scale * tile.rows[1])
        columns = slice(scale * tile.columns[0], scale * tile.columns[1])
        whole[..., rows, columns] = part
    return whole
