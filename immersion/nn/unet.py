"""The U-Net: down to a code of a neighbourhood and up again, with a bridge at each level."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from immersion.nn.image_to_image import IMAGE_TO_IMAGE_NETWORKS, ImageToImageNetwork, check_scale
from immersion.nn.residual import Block

WIDEST = 8
"""Channels of the lowest level, at most, in units of the first one's."""


class UNet(ImageToImageNetwork):
    """An encoder to a code z at the lowest resolution, and a decoder that sees every level again.

    Residual blocks without a normalisation, so that the output is local; sizes are halved by
    means of 2x2 and doubled by repetition.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        width: Channels at full resolution; they double at each halving, up to eight times.
        depth: Halvings.
        bridged: Whether the decoder sees every level; otherwise the code is all that it has: an
            autoencoder, which trained on noisy pictures is the denoising one.

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
        self.down = nn.ModuleList(_level(widths[k], widths[k]) for k in range(depth))
        self.widen = nn.ModuleList(nn.Conv2d(widths[k], widths[k + 1], 1) for k in range(depth))
        self.code = nn.Sequential(*_level(widths[-1], widths[-1]), *_level(widths[-1], widths[-1]))
        seen = [widths[k] if bridged else 0 for k in range(depth)]
        self.up = nn.ModuleList(_level(seen[k] + widths[k + 1], widths[k]) for k in range(depth))
        self.tail = nn.Sequential(nn.ReLU(), nn.Conv2d(width, out_channels, 3, padding=1))

    @property
    def halo(self) -> int:
        """Return the reach: two pixels of its level for each block, and the coarsest square."""
        blocks = sum(2 * 2 * 2**level for level in range(self.depth))
        joined = sum(2**level for level in range(self.depth))
        return 2 + blocks + joined + 4 * 2**self.depth + 2**self.depth

    @property
    def multiple(self) -> int:
        """Return the side of the square that one value of the code stands for."""
        return 2**self.depth

    @property
    def residual(self) -> bool:
        """Return whether more than the code may reach the output."""
        return self.bridged

    def encode(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return z, (B, C_z, H / m, W / m), and what each level above it bridges."""
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


def _level(before: int, after: int) -> nn.Sequential:
    """Return what happens at one resolution: a change of width if need be, and a block."""
    join = [] if before == after else [nn.Conv2d(before, after, 3, padding=1)]
    return nn.Sequential(*join, Block(after, nn.ReLU))


@IMAGE_TO_IMAGE_NETWORKS.register("unet")
def unet(in_channels: int, out_channels: int, scale: int, width: int, depth: int) -> UNet:
    """Return a `UNet`, by default 32 channels wide with 3 halvings."""
    check_scale("unet", scale)
    return UNet(in_channels, out_channels, width or 32, 3 if depth < 0 else depth)


@IMAGE_TO_IMAGE_NETWORKS.register("autoencoder")
def autoencoder(in_channels: int, out_channels: int, scale: int, width: int, depth: int) -> UNet:
    """Return a `UNet` without bridges, by default 32 channels wide with 2 halvings."""
    check_scale("autoencoder", scale)
    depth = 2 if depth < 0 else depth
    return UNet(in_channels, out_channels, width or 32, depth, bridged=False)
