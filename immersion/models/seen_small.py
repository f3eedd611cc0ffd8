"""What a network says of a picture that it is shown small: looked up between the small pixels."""

from collections.abc import Callable

from torch import Tensor

from immersion.imaging.thumbnail import upsample_window
from immersion.models.tiles import kept, mirrored, tiles

Numbers = tuple[Tensor, Tensor | None]
"""The answer, (B, C, h, w), and the standard deviation of each value, if there is one."""


class SeenSmall:
    """The answer to a picture of any size, from a network that sees it small.

    Args:
        numbers: What the network says of what it is shown, (B, C_in, h, w).
        seen: The picture made small.
        scale: By which it was shrunk.
        multiple: What both sides of what the network is shown must be divisible by.
    """

    def __init__(
        self, numbers: Callable[[Tensor], Numbers], seen: Tensor, scale: float, multiple: int
    ) -> None:
        height, width = seen.shape[-2:]
        whole = next(tiles(height, width, max(height, width), 0, multiple))
        said = numbers(mirrored(seen, whole))
        self.scale, self.said = scale, [None if x is None else kept(x, whole, 1) for x in said]

    def __call__(self, rows: range, columns: range) -> Numbers:
        """Return what is said of a window of the large picture."""
        answer, deviation = (
            None if x is None else upsample_window(x, self.scale, rows, columns) for x in self.said
        )
        return answer, deviation
