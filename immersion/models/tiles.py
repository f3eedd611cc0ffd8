"""Tiles of a large picture, each seen with the neighbourhood that the network depends on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import pad

SMALLEST_SIDE = 256
"""Smallest default side of a tile, in pixels of the input: its layers stay in a processor's cache,
which takes half the time of 512."""

HALOS = 13
"""Smallest side of a tile in halos: a third more pixels are then computed than are kept."""


@dataclass(frozen=True)
class Tile:
    """A rectangle of a picture, and the larger one that its output depends on.

    Args:
        rows: First row, and the one after the last.
        columns: First column, and the one after the last.
        seen_rows: First row of the input and the one after the last; it may reach beyond the
            picture, into the padding.
        seen_columns: The same for columns.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    seen_rows: tuple[int, int]
    seen_columns: tuple[int, int]


def default_side(halo: int) -> int:
    """Return the side of tiles for a network: small, but large compared with its halo.

    Example:
        >>> default_side(17), default_side(30), default_side(77)
        (256, 512, 1024)
    """
    return -(-max(SMALLEST_SIDE, HALOS * halo) // SMALLEST_SIDE) * SMALLEST_SIDE


def iterate_tiles(height: int, width: int, side: int, halo: int, multiple: int) -> Iterator[Tile]:
    """Yield tiles that cover (H, W), row by row.

    The input of a tile begins and ends on the network's grid, so that pixels are grouped as in the
    whole picture.

    Args:
        height: H.
        width: W.
        side: Side of a tile; rounded up to the grid.
        halo: Reach of an output beyond its own pixel.
        multiple: The grid: the divisor of the sides of a network's input.

    Example:
        >>> [tile.seen_columns for tile in iterate_tiles(4, 10, 4, 3, 2)]
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


def pad_to_tile(region: Tensor, tile: Tile) -> Tensor:
    """Return the input of a tile, from the part of it inside the picture, by reflection.

    Args:
        region: x[..., slice(*tile.seen_rows), slice(*tile.seen_columns)], which ends where x does.
        tile: The tile.
    """
    below = tile.seen_rows[1] - tile.seen_rows[0] - region.shape[-2]
    beside = tile.seen_columns[1] - tile.seen_columns[0] - region.shape[-1]
    if not (below or beside):
        return region
    reflect = below < region.shape[-2] and beside < region.shape[-1]
    return pad(region, (0, beside, 0, below), "reflect" if reflect else "replicate")


def crop_to_tile(output: Tensor, tile: Tile, scale: int) -> Tensor:
    """Return the tile's own part of a network's output, (..., s h, s w)."""
    (top, bottom), (left, right) = tile.rows, tile.columns
    above, before = tile.seen_rows[0], tile.seen_columns[0]
    return output[
        ...,
        scale * (top - above) : scale * (bottom - above),
        scale * (left - before) : scale * (right - before),
    ]


class Canvas:
    """A large picture that is put together from the outputs of tiles.

    Args:
        height: Rows of the input.
        width: Columns of the input.
        scale: s, the side of an output in units of the input's.
        convert: Applied to each part before it is stored, such as rounding to levels.

    Attributes:
        values: (..., s height, s width), in the shape and dtype of the first part; None before.
    """

    def __init__(
        self,
        height: int,
        width: int,
        scale: int = 1,
        convert: Callable[[Tensor], Tensor] = lambda part: part,
    ) -> None:
        self.size, self.scale, self.convert = (scale * height, scale * width), scale, convert
        self.values: Tensor | None = None

    def put(self, output: Tensor, tile: Tile) -> None:
        """Store the tile's own part of an output."""
        part = self.convert(crop_to_tile(output, tile, self.scale))
        if self.values is None:
            self.values = part.new_empty(*part.shape[:-2], *self.size)
        rows, columns = (slice(*(self.scale * n for n in s)) for s in (tile.rows, tile.columns))
        self.values[..., rows, columns] = part


def run_tiles(
    tiles: Iterable[Tile],
    compute: Callable[[Tile], Sequence[Tensor | None]],
    canvases: Sequence[Canvas],
) -> None:
    """Compute the outputs of each tile and put each on its canvas; None is left out."""
    for tile in tiles:
        for output, canvas in zip(compute(tile), canvases, strict=True):
            if output is not None:
                canvas.put(output, tile)


def apply_in_tiles(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    halo: int,
    multiple: int = 1,
    scale: int = 1,
    side: int | None = None,
) -> Tensor:
    """Return function(x), computed tile by tile: equal to the whole up to rounding.

    Args:
        function: (B, C_in, h, w) -> (B, C_out, s h, s w); local, as a `ImageToImageNetwork` is.
        x: (B, C_in, H, W) of any size.
        halo: Reach of an output beyond its own pixel.
        multiple: Divisor of the sides of the function's input.
        scale: s.
        side: Side of a tile; by default `default_side`.

    Example:
        >>> import torch
        >>> blur = torch.nn.AvgPool2d(3, stride=1, padding=1)
        >>> x = torch.rand(1, 1, 30, 50)
        >>> torch.allclose(apply_in_tiles(blur, x, halo=1, side=8), blur(x))
        True
    """
    height, width = x.shape[-2:]
    canvas = Canvas(height, width, scale)

    def compute(tile: Tile) -> tuple[Tensor]:
        region = x[..., slice(*tile.seen_rows), slice(*tile.seen_columns)]
        return (function(pad_to_tile(region, tile)),)

    tiles = iterate_tiles(height, width, side or default_side(halo), halo, multiple)
    run_tiles(tiles, compute, (canvas,))
    return require(canvas.values)


def require(values: Tensor | None) -> Tensor:
    """Return the values of a canvas, on which at least one tile was put."""
    if values is None:
        raise ValueError("nothing was put on the canvas")
    return values
