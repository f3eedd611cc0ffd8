"""Bicubic enlargement as one convolution: the same for every size of picture."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pixel_shuffle

from immersion.imaging.bicubic import keys

REACH = 2
"""Inputs on each side of an output's nearest one that Keys's kernel gives a weight."""


def enlarged(x: Tensor, factor: int) -> Tensor:
    """Return x enlarged by a whole factor: `resize(x, factor)`, but for rounding.

    With a whole factor s, output s i + p lies at i + (p + 1/2) / s - 1/2 of the input whatever i
    is: each of the s phases p has one kernel of five taps, and s x s phases of a picture are as
    many convolutions, whose outputs are the squares of the larger one. `resize` is faster, by
    matrices that are made for one size; a graph for all sizes cannot hold those.

    Args:
        x: Pictures, (B, C, H, W), floating.
        factor: s.

    Returns:
        (B, C, s H, s W).

    Reference:
        Shi et al. 2016, section 3.2, https://arxiv.org/abs/1609.05158

    Example:
        >>> from immersion.imaging.bicubic import resize
        >>> x = torch.rand(1, 3, 7, 5)
        >>> torch.allclose(enlarged(x, 3), resize(x, 3), atol=1e-6)
        True
    """
    phase = phases(factor).to(x)
    squares = torch.einsum("pi,qj->pqij", phase, phase).flatten(0, 1).unsqueeze(1)
    rows, columns = (mirrored(n, x.device) for n in x.shape[-2:])
    beyond = x.index_select(-2, rows).index_select(-1, columns)
    channels = x.shape[1]
    with torch.autocast(x.device.type, enabled=False):
        taken = conv2d(beyond, squares.repeat(channels, 1, 1, 1), groups=channels)
    return pixel_shuffle(taken, factor)


def phases(factor: int) -> Tensor:
    """Return each phase's kernel, (factor, 5) in float64; rows sum to 1.

    Example:
        >>> phases(2)[0].tolist()
        [-0.0234375, 0.2265625, 0.8671875, -0.0703125, 0.0]
    """
    u = (torch.arange(factor, dtype=torch.float64) + 0.5) / factor - 0.5
    values = keys(u[:, None] - torch.arange(-REACH, REACH + 1))
    return values / values.sum(1, keepdim=True)


def mirrored(length: int, device: torch.device) -> Tensor:
    """Return which pixel each place from -2 to length + 1 shows, its edge pixel repeated.

    Example:
        >>> mirrored(3, torch.device("cpu")).tolist(), mirrored(1, torch.device("cpu")).tolist()
        ([1, 0, 0, 1, 2, 2, 1], [0, 0, 0, 0, 0])
    """
    place = torch.arange(-REACH, length + REACH, device=device)
    place = torch.where(place < 0, -1 - place, place)
    return torch.minimum(place, 2 * length - 1 - place).clamp(min=0)
