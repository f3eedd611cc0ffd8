"""A restorer that is shown how strong the noise is: blind, but not left to find that out."""

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, pad

from immersion.nn.restorer import Restorer
from immersion.nn.translation import TRANSLATIONS, PictureNetwork, refuse_scale

MASK = ((1.0, -2.0, 1.0), (-2.0, 4.0, -2.0), (1.0, -2.0, 1.0))
"""The difference of two Laplacians: nothing of a plane, 6 sigma of white noise."""

REACH = 16
"""Pixels on each side over which the noise is averaged."""

UNIT = 0.25
"""What is shown as 1: about sigma 64 of 255, of the order of the network's other inputs."""


def noise_around(x: Tensor) -> Tensor:
    r"""Return the noise's standard deviation round each pixel, as seen by a mask that fits it.

    sigma = sqrt(pi / 2) mean |x * N| / 6, with the 3 x 3 mask N and the mean over the pixels at
    most 16 rows and columns away and over the channels. The flatter the picture is there, the
    nearer; texture is taken for noise, which a network can learn to allow for.

    Args:
        x: (B, C, H, W), both sides of 2 pixels or more.

    Returns:
        (B, 1, H, W).

    Reference:
        Immerkaer 1996, Fast noise variance estimation, Computer Vision and Image Understanding
        64(2), https://doi.org/10.1006/cviu.1996.0060; a local mean in place of the global one.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> ramp = torch.linspace(0, 1, 64).expand(1, 1, 64, 64)
        >>> round(noise_around(ramp + 0.1 * torch.randn(1, 1, 64, 64)).mean().item(), 2)
        0.1
    """
    channels = x.shape[1]
    mask = x.new_tensor(MASK).expand(channels, 1, 3, 3) / 6
    seen = conv2d(pad(x, (1, 1, 1, 1), "reflect"), mask, groups=channels)
    found = seen.abs().mean(1, keepdim=True) * math.sqrt(math.pi / 2)
    for length, reach in (((2 * REACH + 1, 1), (REACH, 0)), ((1, 2 * REACH + 1), (0, REACH))):
        found = avg_pool2d(found, length, stride=1, padding=reach, count_include_pad=False)
    return found


class Aware(PictureNetwork):
    """A `Restorer` that sees, beside the picture, `noise_around` in units of 1/4.

    A network for all strengths of noise learns sooner when it is shown the strength: after 12,000
    steps of 4 patches that is worth a third of a decibel, of the half that being told sigma is.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        width: Channels of all layers.
        depth: Residual blocks.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int, depth: int) -> None:
        super().__init__()
        self.restorer = Restorer(in_channels + 1, out_channels, 1, width, depth)

    @property
    def halo(self) -> int:
        """Return the restorer's reach, and that of what it is shown."""
        return self.restorer.halo + REACH + 1

    @property
    def multiple(self) -> int:
        """Return the restorer's grid."""
        return self.restorer.multiple

    def forward(self, x: Tensor) -> Tensor:
        """Return the output, (B, C_out, H, W)."""
        # A small difference of large numbers: not in bfloat16.
        with torch.autocast(x.device.type, enabled=False):
            shown = noise_around(x.float()) / UNIT
        return self.restorer(torch.cat([x, shown.to(x.dtype)], dim=1))


@TRANSLATIONS.register("aware")
def aware(in_channels: int, out_channels: int, scale: int, width: int, depth: int) -> Aware:
    """Return an `Aware` network, by default 64 channels wide with 8 residual blocks."""
    refuse_scale("aware", scale)
    return Aware(in_channels, out_channels, width or 64, 8 if depth < 0 else depth)
