"""Strided convolutional networks, as in DCGAN: halve down to 4x4 or double up from it."""

import math
from itertools import pairwise

from torch import Tensor, nn

from immersion.nn.base import NETWORKS, Shape, halve_sides, note_size, select_image_shape


@NETWORKS.register("conv")
def conv(
    in_shape: Shape, out_shape: Shape, width: int, depth: int, activation: type[nn.Module]
) -> nn.Sequential:
    """Return a convolutional encoder (image in) or decoder (image out).

    Each halving doubles the channels, up to eight times the width. Kernels are 4x4 with stride 2
    (each output pixel sees equally many inputs, so there is no checkerboard) or 3x3 with stride 1.

    Args:
        in_shape: (C, H, W) with sides of 8 to 128, or (F,) for a decoder.
        out_shape: (F,), or (C, H, W) for a decoder.
        width: Channels after the first halving; 0 means 32.
        depth: 3x3 convolutions a resolution in addition to the strided one; -1 means 0.
        activation: Class of the activation.

    Returns:
        A network (B, *in_shape) -> (B, *out_shape).

    Raises:
        UserError: Neither side is an image, or its sides are not within 8 to 128.

    Reference:
        Radford, Metz & Chintala 2016, https://arxiv.org/abs/1511.06434
    """
    channels, height, image_width = select_image_shape(in_shape, out_shape, "conv")
    sizes = halve_sides(height, image_width)
    base, extra = width or 32, max(depth, 0)
    widths = [channels] + [base * min(2**level, 8) for level in range(len(sizes) - 1)]
    encoding = len(in_shape) == 3
    build = _encoder if encoding else _decoder
    features = math.prod(out_shape if encoding else in_shape)
    return note_size(build(sizes, widths, features, extra, activation), base, extra)


def _encoder(
    sizes: list[tuple[int, int]],
    widths: list[int],
    features: int,
    extra: int,
    activation: type[nn.Module],
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for (before, after), size in zip(pairwise(widths), sizes, strict=False):
        # An odd side has one more pixel of padding, so that it is halved upwards: 7 -> 4.
        pad = nn.ZeroPad2d((1, 1 + size[1] % 2, 1, 1 + size[0] % 2))
        layers += [pad, nn.Conv2d(before, after, 4, stride=2), activation()]
        layers += _same(after, extra, activation)
    layers += [nn.Flatten(), nn.Linear(widths[-1] * math.prod(sizes[-1]), features)]
    return nn.Sequential(*layers)


def _decoder(
    sizes: list[tuple[int, int]],
    widths: list[int],
    features: int,
    extra: int,
    activation: type[nn.Module],
) -> nn.Sequential:
    smallest = (widths[-1], *sizes[-1])
    layers: list[nn.Module] = [
        nn.Linear(features, math.prod(smallest)),
        nn.Unflatten(1, smallest),
        activation(),
    ]
    for (after, before), size in zip(
        reversed(list(pairwise(widths))), reversed(sizes[:-1]), strict=True
    ):
        layers += _same(before, extra, activation)
        layers += [nn.ConvTranspose2d(before, after, 4, 2, padding=1), Crop(*size), activation()]
    return nn.Sequential(*layers[:-1])


def _same(channels: int, count: int, activation: type[nn.Module]) -> list[nn.Module]:
    pairs = [(nn.Conv2d(channels, channels, 3, padding=1), activation()) for _ in range(count)]
    return [layer for pair in pairs for layer in pair]


class Crop(nn.Module):
    """The upper left (height, width) of an image, which undoes halving an odd side upwards."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, height, width) of x, (B, C, >= height, >= width)."""
        return x[..., : self.height, : self.width]
