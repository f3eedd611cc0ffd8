"""A blind restorer whose input has an estimate of the local noise level."""

import torch
from torch import Tensor

from immersion.imaging.noise_estimation import LOCAL_REACH, estimate_local_noise
from immersion.nn.base import note_size
from immersion.nn.image_to_image import IMAGE_TO_IMAGE_NETWORKS, ImageToImageNetwork, check_scale
from immersion.nn.restorer import Restorer

UNIT = 0.25
"""Noise level that is 1 in the input, about sigma 64 of 255: the scale of the other inputs."""


class NoiseAwareRestorer(ImageToImageNetwork):
    """A `Restorer` with `estimate_local_noise` of each channel, in units of 1/4, as further input.

    One network for all noise levels learns faster when it is given the level.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        width: Channels of all layers.
        depth: Residual blocks.

    Reference:
        Zhang, Zuo & Zhang 2018, FFDNet, section III.B, a map of noise levels as input,
        https://arxiv.org/abs/1710.04026
    """

    def __init__(self, in_channels: int, out_channels: int, width: int, depth: int) -> None:
        super().__init__()
        self.restorer = Restorer(2 * in_channels, out_channels, 1, width, depth)

    @property
    def halo(self) -> int:
        """Return the restorer's halo plus the reach of the estimate."""
        return self.restorer.halo + LOCAL_REACH + 1

    @property
    def multiple(self) -> int:
        """Return the restorer's grid."""
        return self.restorer.multiple

    def forward(self, x: Tensor) -> Tensor:
        """Return the output, (B, C_out, H, W)."""
        # A small difference of large numbers: not in bfloat16.
        with torch.autocast(x.device.type, enabled=False):
            level = estimate_local_noise(x.float()) / UNIT
        return self.restorer(torch.cat([x, level.to(x.dtype)], dim=1))


@IMAGE_TO_IMAGE_NETWORKS.register("noise-aware")
def build_noise_aware(
    in_channels: int, out_channels: int, scale: int, width: int, depth: int
) -> NoiseAwareRestorer:
    """Return a noise-aware restorer, by default 64 channels wide with 8 residual blocks."""
    check_scale("noise-aware", scale)
    width, depth = width or 64, 8 if depth < 0 else depth
    return note_size(NoiseAwareRestorer(in_channels, out_channels, width, depth), width, depth)
