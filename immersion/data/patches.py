"""A split of pictures of any size: a batch holds random patches of them."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from immersion.data.dataset import to_float

TURNS = 8
"""Number of ways in which a square can be rotated and flipped."""

FLIPPED = 4
"""The first of them that is flipped; it is not rotated."""


@dataclass(frozen=True)
class PatchSplit:
    """Square patches of whole pictures that are held in memory.

    The split has as many patches as the pictures can be cut into without overlap. In training,
    patch k is cropped at random from the picture of the k-th such patch, and rotated and flipped
    at random, by PyTorch's global generator. A split that is `still` returns the k-th patch
    itself; patches of one that is `upright` are flipped left to right but not rotated.

    Args:
        pictures: (C, H, W) uint8 each, no side shorter than `side`.
        side: Side of the patches.
        masks: (H, W) int16 each, the class of every pixel; empty without classes.
        still: If True, patches are the same every time, as for validation.
        upright: True if pictures have a top and a bottom, as photographs of a street have.

    Example:
        >>> split = PatchSplit((torch.zeros(1, 20, 45, dtype=torch.uint8),), side=10)
        >>> x, _ = split.batch(torch.tensor([0, 7]))
        >>> len(split), x.shape
        (8, torch.Size([2, 1, 10, 10]))
    """

    pictures: tuple[Tensor, ...]
    side: int
    masks: tuple[Tensor, ...] = ()
    still: bool = False
    upright: bool = False
    resident: bool = field(default=True, init=False)

    @cached_property
    def cells(self) -> Tensor:
        """Return (picture, top, left) of every patch of the grid, (N, 3)."""
        cells = [
            torch.cartesian_prod(
                torch.tensor([number]), *grid_corners(picture.shape[-2:], self.side)
            )
            for number, picture in enumerate(self.pictures)
        ]
        return torch.cat(cells) if cells else torch.empty(0, 3, dtype=torch.int64)

    def __len__(self) -> int:
        return len(self.cells)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return patches, (B, C, side, side), and their masks, (B, side, side), or None."""
        cuts = [(*place, 0) for place in self.cells[indices.cpu()].tolist()]
        if not self.still:
            uniform = torch.rand(len(cuts), 3).tolist()
            cuts = [self._sample_cut(cut[0], *u) for cut, u in zip(cuts, uniform, strict=True)]
        x = to_float(torch.stack([self._crop(self.pictures, *cut) for cut in cuts]), "unit")
        if not self.masks:
            return x, None
        return x, torch.stack([self._crop(self.masks, *cut) for cut in cuts]).long()

    def _sample_cut(
        self, picture: int, down: float, right: float, turn: float
    ) -> tuple[int, int, int, int]:
        height, width = self.pictures[picture].shape[-2:]
        top, left = (height - self.side + 1) * down, (width - self.side + 1) * right
        turns = FLIPPED * int(2 * turn) if self.upright else int(TURNS * turn)
        return picture, int(top), int(left), turns

    def _crop(
        self, planes: tuple[Tensor, ...], picture: int, top: int, left: int, turn: int
    ) -> Tensor:
        patch = planes[picture][..., top : top + self.side, left : left + self.side]
        return rotate_and_flip(patch, turn)

    def to(self, device: torch.device) -> "PatchSplit":
        """Return the split with its pictures on `device`."""
        pictures = tuple(picture.to(device) for picture in self.pictures)
        return replace(self, pictures=pictures, masks=tuple(m.to(device) for m in self.masks))


def grid_corners(shape: torch.Size, side: int) -> tuple[Tensor, Tensor]:
    """Return the tops and lefts of the squares of a grid in (H, W)."""
    height, width = shape
    return (
        torch.arange(0, height - side + 1, side),
        torch.arange(0, width - side + 1, side),
    )


def rotate_and_flip(x: Tensor, turn: int) -> Tensor:
    """Return (..., H, W) rotated by `turn % 4` quarters, and flipped if `turn` is 4 or more.

    Example:
        >>> rotate_and_flip(torch.tensor([[1, 2], [3, 4]]), 5)
        tensor([[4, 2],
                [3, 1]])
    """
    x = x.rot90(turn % 4, (-2, -1))
    return x.flip(-1) if turn >= FLIPPED else x
