"""Two pictures that differ by their noise, from one noisy picture."""

import torch
from torch import Tensor
from torch.nn.functional import pixel_unshuffle

BESIDE = ((0, 1), (0, 2), (1, 0), (1, 3), (2, 0), (2, 3), (3, 1), (3, 2))
"""(one pixel, the other) of a square of 2 x 2, side by side or one above the other."""


def neighbours(noisy: Tensor) -> tuple[Tensor, Tensor]:
    """Return two pictures of half the size: of each square of 2 x 2 pixels one, and another.

    The clean values of neighbours are nearly alike and their noises are independent, so a network
    that says one from the other says E[clean | noisy]: with g_1, g_2 the two pictures,
    E||f(g_1) - g_2||^2 = E||f(g_1) - x||^2 + a constant, but for how neighbours differ.

    Args:
        noisy: (B, C, H, W); a last odd row or column is left out.

    Returns:
        (input, target), (B, C, H // 2, W // 2) each, drawn from PyTorch's global generator.

    Reference:
        Huang et al. 2021, Neighbor2Neighbor, section 3.2, https://arxiv.org/abs/2101.02824;
        Lehtinen et al. 2018, Noise2Noise, equation (6), https://arxiv.org/abs/1803.04189

    Example:
        >>> a, b = neighbours(torch.arange(16.0).view(1, 1, 4, 4))
        >>> a.shape, sorted((a - b).abs().unique().tolist())
        (torch.Size([1, 1, 2, 2]), [1.0, 4.0])
    """
    height, width = (length // 2 * 2 for length in noisy.shape[-2:])
    squares = pixel_unshuffle(noisy[..., :height, :width], 2).unflatten(1, (-1, 4))
    shape = (len(noisy), 1, 1, height // 2, width // 2)
    drawn = torch.randint(len(BESIDE), shape, device=noisy.device)
    chosen = torch.tensor(BESIDE, device=noisy.device)[drawn].movedim(-1, 0)
    one, other = (squares.gather(2, c.expand(-1, squares.shape[1], -1, -1, -1)) for c in chosen)
    return one.squeeze(2), other.squeeze(2)
