"""The U-Net: an encoder and a decoder with a skip connection at each level."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from immersion.nn.base import note_size
from immersion.nn.image_to_image import IMAGE_TO_IMAGE_NETWORKS, ImageToImageNetwork, check_scale
from immersion.nn.residual import Block

WIDEST = 8
"""Most channels of a level, in units of the first level's."""


class UNet(ImageToImageNetwork):
    """An encoder to a code z at the lowest resolution, and a decoder with skip connections.

    Residual blocks without normalisation, so that the output is local; sizes are halved by 2x2
    means and doubled by repetition.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        width: Channels at full resolution; they double at each halving, up to eight times.
        depth: Number of halvings.
        bridged: If False, there are no skip connections and the decoder has the code alone: an
            autoencoder, and on noisy images a denoising autoencoder.

    Reference:
        Ronneberger, Fischer & Brox 2015, figure 1, https://arxiv.org/abs/1505.04597; Vincent et
        al. 2008, Extracting and composing robust features with denoising autoencoders, section
        2.3, https://doi.org/10.1145/1390156.1390294
    """

    def __init__(
        self, in_channels: int, out_channels: int, width: int, depth: int, bridged: bool = True
    ) -> None:
        super().__init__()
        widths = [width * min(2**level, WIDEST) for level in range(depth + 1)]
        self.depth, self.bridged = depth, bridged
        self.head = nn.Conv2d(in_channels, width, 3, padding=1)
        self.down = nn.ModuleList(_build_level(widths[k], widths[k]) for k in range(depth))
        self.widen = nn.ModuleList(nn.Conv2d(widths[k], widths[k + 1], 1) for k in range(depth))
        self.code = nn.Sequential(
            *_build_level(widths[-1], widths[-1]), *_build_level(widths[-1], widths[-1])
        )
        seen = [widths[k] if bridged else 0 for k in range(depth)]
        self.up = nn.ModuleList(
            _build_level(seen[k] + widths[k + 1], widths[k]) for k in range(depth)
        )
        self.tail = nn.Sequential(nn.ReLU(), nn.Conv2d(width, out_channels, 3, padding=1))

    @property
    def halo(self) -> int:
        """Two pixels of its level for each block, and one square of the lowest resolution."""
        blocks = sum(2 * 2 * 2**level for level in range(self.depth))
        joined = sum(2**level for level in range(self.depth))
        return 2 + blocks + joined + 4 * 2**self.depth + 2**self.depth

    @property
    def multiple(self) -> int:
        """The side of the square of pixels of one code value."""
        return 2**self.depth

    @property
    def residual(self) -> bool:
        """True with skip connections: then the output may depend on more than the code."""
        return self.bridged

    def encode(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return z, (B, C_z, H / m, W / m), and the skip connection of each level above it."""
        bridges = []
        h = self.head(x)
        for level, widen in zip(self.down, self.widen, strict=True):
            h = level(h)
            bridges.append(h)
            h = widen(avg_pool2d(h, 2))
        return self.code(h), bridges

    def decode(self, z: Tensor, bridges: list[Tensor]) -> Tensor:
        """Return the output, (B, C_out, H, W)."""
        h = z
        for level, bridge in zip(reversed(self.up), reversed(bridges), strict=True):
            h = interpolate(h, scale_factor=2.0, mode="nearest")
            h = level(torch.cat([bridge, h], 1) if self.bridged else h)
        return self.tail(h)

    def forward(self, x: Tensor) -> Tensor:
        """Return the output, (B, C_out, H, W)."""
        return self.decode(*self.encode(x))


def _build_level(before: int, after: int) -> nn.Sequential:
    """Return the layers of one resolution: a convolution if the width changes, and a block."""
    join: list[nn.Module] = [] if before == after else [nn.Conv2d(before, after, 3, padding=1)]
    return nn.Sequential(*join, Block(after, nn.ReLU))


@IMAGE_TO_IMAGE_NETWORKS.register("unet")
def unet(in_channels: int, out_channels: int, scale: int, width: int, depth: int) -> UNet:
    """Return a `UNet`, by default 32 channels wide with 3 halvings."""
    check_scale("unet", scale)
    width, depth = width or 32, 3 if depth < 0 else depth
    return note_size(UNet(in_channels, out_channels, width, depth), width, depth)


@IMAGE_TO_IMAGE_NETWORKS.register("autoencoder")
def autoencoder(in_channels: int, out_channels: int, scale: int, width: int, depth: int) -> UNet:
    """Return a `UNet` without bridges, by default 32 channels wide with 2 halvings."""
    check_scale("autoencoder", scale)
    width, depth = width or 32, 2 if depth < 0 else depth
    network = UNet(in_channels, out_channels, width, depth, bridged=False)
    return note_size(network, width, depth)
