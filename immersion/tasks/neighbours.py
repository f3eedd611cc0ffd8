"""Two pictures that differ by their noise, from one noisy picture."""

import torch
from torch import Tensor
from torch.nn.functional import pixel_unshuffle

from immersion.imaging.parameters import constant_tensor

BESIDE = ((0, 1), (0, 2), (1, 0), (1, 3), (2, 0), (2, 3), (3, 1), (3, 2))
"""(one pixel, the other) of a square of 2 x 2, side by side or one above the other."""


def neighbours(noisy: Tensor) -> tuple[Tensor, Tensor]:
    """Return two pictures of half the size: of each square of 2 x 2 pixels one, and another.

    The clean values of neighbours are nearly alike and their noises are independent, so a network
    that says one from the other says E[clean | noisy]: with g_1, g_2 the two pictures,
    E||f(g_1) - g_2||^2 = E||f(g_1) - x||^2 + a constant, but for how neighbours differ:
    f smooths that away, unless the objective makes up for it.

    Args:
        noisy: (B, C, H, W); a last odd row or column is left out.

    Returns:
        (input, target), (B, C, H // 2, W // 2) each, drawn from PyTorch's global generator.

    Reference:
        Huang et al. 2021, Neighbor2Neighbor, section 3.2, https://arxiv.org/abs/2101.02824;
        Lehtinen et al. 2018, Noise2Noise, equation (6), https://arxiv.org/abs/1803.04189

    Example:
        >>> a, b = neighbours(torch.arange(16.0).view(1, 1, 4, 4))
        >>> a.shape, {1.0, 4.0}.issuperset((a - b).abs().flatten().tolist())
        (torch.Size([1, 1, 2, 2]), True)
    """
    return taken(noisy, chosen(noisy))


def chosen(x: Tensor) -> Tensor:
    """Return which two pixels are taken of each square, (2, B, 1, 1, H // 2, W // 2), drawn."""
    shape = (len(x), 1, 1, x.shape[-2] // 2, x.shape[-1] // 2)
    drawn = torch.randint(len(BESIDE), shape, device=x.device)
    return constant_tensor(BESIDE, torch.int64, x.device)[drawn].movedim(-1, 0)


def taken(x: Tensor, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return g_1(x) and g_2(x), (B, C, H // 2, W // 2) each.

    Args:
        x: (B, C, H, W).
        pixels: Of the squares of x, as `chosen` draws them.
    """
    height, width = (length // 2 * 2 for length in x.shape[-2:])
    squares = pixel_unshuffle(x[..., :height, :width], 2).unflatten(1, (-1, 4))
    one, other = (squares.gather(2, p.expand(-1, squares.shape[1], -1, -1, -1)) for p in pixels)
    return one.squeeze(2), other.squeeze(2)
