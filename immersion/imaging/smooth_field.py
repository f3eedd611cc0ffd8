"""Smooth Gaussian noise: draws for neighbouring pixels that agree."""

import math

import torch
from torch import Tensor

WAVES = 256
"""Cosines that a field is the sum of."""


def smooth_field(channels: int, size: tuple[int, int], length: float) -> Tensor:
    r"""Draw z with z(x) ~ N(0, 1) and E[z(x) z(y)] = exp(-|x - y|^2 / (2 length^2)).

    z(x) = sqrt(2 / M) sum_m cos(w_m x + b_m), w_m ~ N(0, I / length^2), b_m uniform on a circle:
    the covariance is exact, and each value nearly Gaussian for M = 256. Channels are independent.

    Args:
        channels: C.
        size: (H, W).
        length: How far neighbours agree, in pixels.

    Returns:
        (1, C, H, W), from PyTorch's global generator.

    Reference:
        Rahimi & Recht 2007, Random features for large-scale kernel machines, section 3,
        https://papers.nips.cc/paper/3182

    Example:
        >>> smooth_field(2, (8, 12), length=4.0).shape
        torch.Size([1, 2, 8, 12])
    """
    height, width = size
    down, right = torch.randn(2, channels, WAVES, 1) / length
    phase = 2 * math.pi * torch.rand(channels, WAVES, 1)
    rows = down * torch.arange(height) + phase
    columns = right * torch.arange(width)
    # cos(r + c) = cos r cos c - sin r sin c: a product of matrices, with no (M, H, W) in between.
    waves = rows.cos().mT @ columns.cos() - rows.sin().mT @ columns.sin()
    return math.sqrt(2 / WAVES) * waves.unsqueeze(0)
