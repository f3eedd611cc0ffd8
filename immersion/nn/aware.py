"""A restorer that is shown how strong the noise is: blind, but not left to find that out."""

import torch
from torch import Tensor

from immersion.imaging.noise_estimation import LOCAL_REACH, estimate_local_noise
from immersion.nn.image_to_image import IMAGE_TO_IMAGE_NETWORKS, ImageToImageNetwork, check_scale
from immersion.nn.restorer import Restorer

UNIT = 0.25
"""What is shown as 1: about sigma 64 of 255, of the order of the network's other inputs."""


class Aware(ImageToImageNetwork):
    """A `Restorer` that sees, beside each channel, `estimate_local_noise` of it in units of 1/4.

    One network for all strengths of noise learns sooner when it is shown the strength.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        width: Channels of all layers.
        depth: Residual blocks.
    """

    def __init__(self, in_channels: int, out_channels: int, width: int, depth: int) -> None:
        super().__init__()
        self.restorer = Restorer(2 * in_channels, out_channels, 1, width, depth)

    @property
    def halo(self) -> int:
        """Return the restorer's reach, and that of what it is shown."""
        return self.restorer.halo + LOCAL_REACH + 1

    @property
    def multiple(self) -> int:
        """Return the restorer's grid."""
        return self.restorer.multiple

    def forward(self, x: Tensor) -> Tensor:
        """Return the output, (B, C_out, H, W)."""
        # A small difference of large numbers: not in bfloat16.
        with torch.autocast(x.device.type, enabled=False):
            shown = estimate_local_noise(x.float()) / UNIT
        return self.restorer(torch.cat([x, shown.to(x.dtype)], dim=1))


@IMAGE_TO_IMAGE_NETWORKS.register("aware")
def aware(in_channels: int, out_channels: int, scale: int, width: int, depth: int) -> Aware:
    """Return an `Aware` network, by default 64 channels wide with 8 residual blocks."""
    check_scale("aware", scale)
    return Aware(in_channels, out_channels, width or 64, 8 if depth < 0 else depth)
