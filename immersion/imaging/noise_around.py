"""How strong is the noise round each pixel? For a network to see; `noise_level` tells a person."""

import math

from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, pad

from immersion.imaging.constant import constant

MASK = ((1.0, -2.0, 1.0), (-2.0, 4.0, -2.0), (1.0, -2.0, 1.0))
"""The difference of two Laplacians: nothing of a plane, 6 sigma of white noise."""

REACH = 16
"""Pixels on each side over which the noise is averaged."""


def noise_around(x: Tensor) -> Tensor:
    r"""Return the noise's standard deviation round each pixel, of each channel.

    sigma = sqrt(pi / 2) mean |x * N| / 6, with the 3 x 3 mask N and the mean over the pixels at
    most 16 rows and columns away. Texture is taken for noise, so that `noise_level`, which looks
    for the flattest blocks of a whole picture, is nearer the truth of white noise; this one is
    local and smooth, and a network can learn to allow for what it sees beside it.

    Args:
        x: (B, C, H, W), both sides of 2 pixels or more.

    Returns:
        (B, C, H, W), 0 of a constant channel.

    Reference:
        Immerkaer 1996, Fast noise variance estimation, Computer Vision and Image Understanding
        64(2), https://doi.org/10.1006/cviu.1996.0060; a local mean in place of the global one.

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> ramp = torch.linspace(0, 1, 64).expand(1, 1, 64, 64)
        >>> round(noise_around(ramp + 0.1 * torch.randn(1, 1, 64, 64)).mean().item(), 2)
        0.1
    """
    channels = x.shape[1]
    mask = constant(MASK, x.dtype, x.device).expand(channels, 1, 3, 3) / 6
    seen = conv2d(pad(x, (1, 1, 1, 1), "reflect"), mask, groups=channels)
    found = seen.abs() * math.sqrt(math.pi / 2)
    for length, reach in (((2 * REACH + 1, 1), (REACH, 0)), ((1, 2 * REACH + 1), (0, REACH))):
        found = avg_pool2d(found, length, stride=1, padding=reach, count_include_pad=False)
    return found
