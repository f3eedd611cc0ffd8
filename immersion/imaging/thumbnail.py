"""A picture made small, and what is said of the small one made large again."""

from torch import Tensor
from torch.nn.functional import interpolate

from immersion.imaging.bicubic import resize


def shrunk(x: Tensor, shortest: int) -> Tensor:
    """Return pictures whose shorter side is brought down to `shortest` pixels, antialiased.

    Args:
        x: (..., H, W), floating.
        shortest: In pixels; 0 shrinks nothing, and smaller pictures are left as they are.

    Example:
        >>> import torch
        >>> shrunk(torch.zeros(1, 3, 100, 150), 32).shape, shrunk(torch.zeros(1, 9, 9), 32).shape
        (torch.Size([1, 3, 32, 48]), torch.Size([1, 9, 9]))
    """
    shorter = min(x.shape[-2:])
    return resize(x, shortest / shorter) if 0 < shortest < shorter else x


def spread(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Return values of a small picture, (B, C, h, w), between its pixels, (B, C, *size)."""
    return interpolate(x, size, mode="bilinear")
