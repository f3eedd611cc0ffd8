"""R3GAN: residual adversarial networks without normalisation, in a variant for CPUs."""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from immersion.nn.base import NETWORKS, Shape, halve_sides, note_size, select_image_shape

USUAL_DEPTH = 1
WIDEST = 512
"""Most channels, at 4x4."""

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))
"""Inverse of the factor by which LeakyReLU(0.2) reduces a normal input's standard deviation."""


@NETWORKS.register("r3gan")
def r3gan(
    in_shape: Shape, out_shape: Shape, width: int, depth: int, activation: type[nn.Module]
) -> nn.Sequential:
    """Return a generator (image out) or a discriminator (image in) after R3GAN.

    The generator is a learned basis (C, 4, 4) scaled channel by channel by a linear map of z,
    then at each size its blocks and a bilinear doubling, without an activation: a recipe adds the
    sigmoid. The discriminator is the reverse: blocks and halving by averaging, then a depthwise
    convolution over the whole 4x4, and a linear layer. There is no normalisation.

    Three things are changed for speed on CPUs, where grouped and depthwise convolutions are slow:
    the 3x3 convolutions are dense and narrow (half the channels) instead of grouped and wide,
    channels halve as the size doubles, and there is one block a size.

    Args:
        in_shape: (C, H, W) with sides of 8 to 128, or (d,) for the generator.
        out_shape: (F,), or (C, H, W) for the generator.
        width: Channels at full resolution; they double at each halving, up to 512. 0 means the
            number that reaches 512 at 4x4, at most 64: 32 at sides of up to 64, 16 up to 128.
        depth: Blocks a size; -1 means 1.
        activation: Not used: LeakyReLU(0.2) is.

    Returns:
        A network (B, *in_shape) -> (B, *out_shape).

    Raises:
        UserError: Neither shape is an image, or its sides are not within 8 to 128.

    Reference:
        Huang et al. 2024, section 3.2 and appendix, https://arxiv.org/abs/2501.05441

    Example:
        >>> discriminator = r3gan((1, 28, 28), (1,), 8, -1, nn.ReLU)
        >>> discriminator(torch.zeros(5, 1, 28, 28)).shape
        torch.Size([5, 1])
    """
    channels, height, image_width = select_image_shape(in_shape, out_shape, "r3gan")
    sizes = halve_sides(height, image_width)
    base = width or min(WIDEST >> len(sizes) - 1, 64)
    blocks = USUAL_DEPTH if depth < 0 else depth
    widths = [min(base * 2**level, max(base, WIDEST)) for level in range(len(sizes))]
    stages = [[Bottleneck(at, len(sizes) * blocks) for _ in range(blocks)] for at in widths]
    if len(in_shape) == 3:
        layers: list[nn.Module] = [Stem(channels, base), *stages[0]]
        for level in range(1, len(sizes)):
            layers += [Down(widths[level - 1], widths[level], sizes[level]), *stages[level]]
        whole = _initialize(nn.Conv2d(widths[-1], widths[-1], sizes[-1], groups=widths[-1]))
        head = _initialize(nn.Linear(widths[-1], math.prod(out_shape)))
        return note_size(nn.Sequential(*layers, whole, nn.Flatten(), head), base, blocks)

    layers = [Basis(math.prod(in_shape), widths[-1], sizes[-1]), *stages[-1]]
    for level in reversed(range(len(sizes) - 1)):
        layers += [Up(widths[level + 1], widths[level], sizes[level]), *stages[level]]
    network = nn.Sequential(*layers, _initialize(nn.Conv2d(base, channels, 1)))
    return note_size(network, base, blocks)


class Stem(nn.Module):
    """A 1x1 convolution whose output is in channels-last layout, which is faster.

    The layout of a grey image is ambiguous, and a convolution outputs contiguous channels: then
    every later layer copies its input, which takes as long as the convolution.

    Args:
        before, after: Input and output channels.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.mix = _initialize(nn.Linear(before, after))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, after, H, W) of x, (B, before, H, W)."""
        return self.mix(x.movedim(1, -1)).movedim(-1, 1)


class Bottleneck(nn.Module):
    """x + f(x), f = 1x1 to half the channels, LeakyReLU, 3x3, LeakyReLU, 1x1 back.

    The last convolution starts at zero, so that a block starts as the identity; the others start
    smaller by L^(-1 / (2m - 2)) with m = 3 convolutions a block and L blocks a network, so that
    one step of gradient descent changes the output as much however deep it is (Zhang, Dauphin &
    Ma 2019, Fixup, section 3, https://arxiv.org/abs/1901.09321).

    Args:
        channels: C.
        blocks: L, the number of blocks of the whole network.
    """

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        narrow, gain = max(channels // 2, 1), GAIN * blocks**-0.25
        last = nn.Conv2d(narrow, channels, 1, bias=False)
        nn.init.zeros_(last.weight)
        self.branch = nn.Sequential(
            _initialize(nn.Conv2d(channels, narrow, 1), gain),
            nn.LeakyReLU(SLOPE),
            _initialize(nn.Conv2d(narrow, narrow, 3, padding=1), gain),
            nn.LeakyReLU(SLOPE),
            last,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return x + f(x), (B, C, H, W)."""
        return x + self.branch(x)


class Down(nn.Module):
    """Halving by averaging, then a 1x1 convolution.

    Args:
        before, after: Input and output channels.
        size: (H, W) of the output.
    """

    def __init__(self, before: int, after: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.size, self.mix = size, _initialize(nn.Conv2d(before, after, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, after, *size) of x, (B, before, H, W)."""
        return self.mix(interpolate(x, self.size, mode="area"))


class Up(nn.Module):
    """A 1x1 convolution, then bilinear doubling: the binomial filter [1, 3, 3, 1] / 4.

    Args:
        before, after: Input and output channels.
        size: (H, W) of the output.
    """

    def __init__(self, before: int, after: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.size, self.mix = size, _initialize(nn.Conv2d(before, after, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, after, *size) of x, (B, before, H, W)."""
        return interpolate(self.mix(x), self.size, mode="bilinear")


class Basis(nn.Module):
    """One learned image a channel, scaled by a linear map of z.

    Args:
        latent_dim: d.
        channels: C.
        size: (H, W) of the images.
    """

    def __init__(self, latent_dim: int, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.pictures = nn.Parameter(torch.randn(channels, *size))
        self.scale = _initialize(nn.Linear(latent_dim, channels, bias=False))

    def forward(self, z: Tensor) -> Tensor:
        """Return (B, C, *size) of z, (B, d)."""
        return self.scale(z)[..., None, None] * self.pictures


def _initialize(layer: Layer, gain: float = 1.0) -> Layer:
    """Initialize the weights N(0, gain^2 / inputs of a unit) and the bias at 0."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
