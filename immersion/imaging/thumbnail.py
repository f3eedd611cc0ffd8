"""Shrink a picture, and interpolate values of the small one for the large one."""

from collections.abc import Sequence

import torch
from torch import Tensor

from immersion.imaging.bicubic import resize


def shrink_factor(size: Sequence[int], shortest: int) -> float:
    """Return the factor that reduces the shorter side of (H, W) to `shortest` pixels.

    It is 1 for pictures that are not larger, and for `shortest` 0.

    Example:
        >>> shrink_factor((64, 100), 32), shrink_factor((9, 9), 32), shrink_factor((64, 100), 0)
        (0.5, 1.0, 1.0)
    """
    return min(1.0, shortest / min(size)) if shortest else 1.0


def shrink(x: Tensor, shortest: int) -> Tensor:
    """Return pictures, (..., H, W), with a shorter side of at most `shortest`, antialiased.

    Example:
        >>> shrink(torch.zeros(1, 3, 100, 150), 32).shape, shrink(torch.zeros(1, 9, 9), 32).shape
        (torch.Size([1, 3, 32, 48]), torch.Size([1, 9, 9]))
    """
    scale = shrink_factor(x.shape[-2:], shortest)
    return x if scale == 1 else resize(x, scale)


def upsample_window(x: Tensor, scale: float, rows: range, columns: range) -> Tensor:
    """Return a window of the large picture, interpolated bilinearly from a small one.

    Pixel j of the large picture is at (j + 1/2) scale - 1/2 of the small one, as in `resize`;
    beyond the centres of the outermost pixels their values are repeated.

    Args:
        x: Values of the small picture, (..., h, w).
        scale: Factor by which it was shrunk.
        rows: Rows of the window, in the large picture.
        columns: Columns of the window, in the large picture.

    Returns:
        (..., rows, columns).

    Example:
        >>> upsample_window(torch.tensor([[0.0, 1.0]]), 0.5, range(1), range(4))
        tensor([[0.0000, 0.2500, 0.7500, 1.0000]])
    """
    return _interpolate_width(_interpolate_width(x, scale, columns).mT, scale, rows).mT


def _interpolate_width(x: Tensor, scale: float, wanted: range) -> Tensor:
    last = x.shape[-1] - 1
    place = (torch.arange(wanted.start, wanted.stop, device=x.device) + 0.5) * scale - 0.5
    place = place.clamp(0, last)
    first = place.long()
    share = (place - first).to(x)
    before, after = x[..., first], x[..., (first + 1).clamp(max=last)]
    return before + share * (after - before)
