"""A residual network for image restoration, with all layers at one low resolution."""

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from immersion.nn.base import note_size
from immersion.nn.image_to_image import IMAGE_TO_IMAGE_NETWORKS, ImageToImageNetwork
from immersion.nn.residual import Block

SHRINK = 2
"""Side of the squares of pixels that become channels if input and output have the same size."""


class Restorer(ImageToImageNetwork):
    """Pixel unshuffle, residual blocks and pixel shuffle.

    A convolution at half resolution costs a quarter of one at full resolution and has twice its
    reach (Zhang, Zuo & Zhang 2018, FFDNet, section III.B). A network that enlarges works at the
    resolution of its input (Shi et al. 2016, sub-pixel convolution, equation (4)).

    Args:
        in_channels: C_in.
        out_channels: C_out.
        scale: s, the ratio of output to input sides.
        width: Channels of all layers.
        depth: Residual blocks.

    Reference:
        https://arxiv.org/abs/1710.04026, https://arxiv.org/abs/1609.05158; the blocks are those of
        Lim et al. 2017, EDSR, figure 2, https://arxiv.org/abs/1707.02921
    """

    def __init__(
        self, in_channels: int, out_channels: int, scale: int, width: int, depth: int
    ) -> None:
        super().__init__()
        self.shrink = SHRINK if scale == 1 else 1
        self.grow = self.shrink * scale
        self.depth = depth
        self.head = nn.Conv2d(in_channels * self.shrink**2, width, 3, padding=1)
        self.blocks = nn.Sequential(*(Block(width, nn.ReLU) for _ in range(depth)))
        self.tail = nn.Conv2d(width, out_channels * self.grow**2, 3, padding=1)
        for parameter in self.tail.parameters():
            nn.init.zeros_(parameter)

    @property
    def halo(self) -> int:
        """One pixel of the low resolution a convolution."""
        return self.shrink * (2 * self.depth + 3)

    @property
    def multiple(self) -> int:
        """The side of a square of pixels."""
        return self.shrink

    def forward(self, x: Tensor) -> Tensor:
        """Return the output, (B, C_out, s H, s W), of x, (B, C_in, H, W)."""
        first = self.head(pixel_unshuffle(x, self.shrink))
        return pixel_shuffle(self.tail(first + self.blocks(first)), self.grow)


@IMAGE_TO_IMAGE_NETWORKS.register("restorer")
def restorer(in_channels: int, out_channels: int, scale: int, width: int, depth: int) -> Restorer:
    """Return a `Restorer`, by default 64 channels wide with 8 residual blocks."""
    width, depth = width or 64, 8 if depth < 0 else depth
    return note_size(Restorer(in_channels, out_channels, scale, width, depth), width, depth)
