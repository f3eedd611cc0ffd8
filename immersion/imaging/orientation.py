"""The eight orientations of a picture: rotations by quarter turns, and their mirror images."""

from torch import Tensor

FLIPPED = 4
"""The first orientation that is a mirror image."""


def rotate_and_flip(x: Tensor, turn: int) -> Tensor:
    """Return (..., H, W) rotated by `turn % 4` quarters, and flipped if `turn` is 4 or more.

    Example:
        >>> import torch
        >>> rotate_and_flip(torch.tensor([[1, 2], [3, 4]]), 5)
        tensor([[4, 2],
                [3, 1]])
    """
    x = x.rot90(turn % 4, (-2, -1))
    return x.flip(-1) if turn >= FLIPPED else x


def undo_rotate_and_flip(x: Tensor, turn: int) -> Tensor:
    """Return the inverse of `rotate_and_flip`.

    Example:
        >>> import torch
        >>> x = torch.rand(2, 3)
        >>> all(
        ...     torch.equal(undo_rotate_and_flip(rotate_and_flip(x, turn), turn), x)
        ...     for turn in range(8)
        ... )
        True
    """
    x = x.flip(-1) if turn >= FLIPPED else x
    return x.rot90(-(turn % 4), (-2, -1))
