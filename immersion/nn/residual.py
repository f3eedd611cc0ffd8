"""Residual networks: full-resolution stem, residual blocks, halving or doubling between them."""

import math

from torch import Tensor, nn
from torch.nn.functional import interpolate

from immersion.nn.base import NETWORKS, Shape, halve_sides, note_size, select_image_shape


@NETWORKS.register("residual")
def residual(
    in_shape: Shape, out_shape: Shape, width: int, depth: int, activation: type[nn.Module]
) -> nn.Sequential:
    """Return a residual encoder (image in) or decoder (image out).

    Args:
        in_shape: (C, H, W) with sides of 8 to 128, or (F,) for a decoder.
        out_shape: (F,), or (C, H, W) for a decoder.
        width: Channels at full resolution; 0 means 32. They double at each halving, up to eight
            times.
        depth: Residual blocks a resolution; -1 means 1.
        activation: Class of the activation.

    Returns:
        A network (B, *in_shape) -> (B, *out_shape).

    Raises:
        UserError: Neither shape is an image, or its sides are not within 8 to 128.

    Reference:
        He et al. 2016, Identity mappings in deep residual networks,
        https://arxiv.org/abs/1603.05027
    """
    channels, height, image_width = select_image_shape(in_shape, out_shape, "residual")
    sizes = halve_sides(height, image_width)
    base, blocks = width or 32, 1 if depth < 0 else depth
    widths = [base * min(2**level, 8) for level in range(len(sizes))]
    smallest = (widths[-1], *sizes[-1])

    if len(in_shape) == 3:
        layers: list[nn.Module] = [nn.Conv2d(channels, widths[0], 3, padding=1)]
        for level, size in enumerate(sizes):
            if level:
                layers += [Resize(widths[level - 1], widths[level], size)]
            layers += [Block(widths[level], activation) for _ in range(blocks)]
        head = nn.Linear(math.prod(smallest), math.prod(out_shape))
        encoder = nn.Sequential(*layers, activation(), nn.Flatten(), head)
        return note_size(encoder, base, blocks)

    layers = [nn.Linear(math.prod(in_shape), math.prod(smallest)), nn.Unflatten(1, smallest)]
    for level in reversed(range(len(sizes))):
        layers += [Block(widths[level], activation) for _ in range(blocks)]
        if level:
            layers += [Resize(widths[level], widths[level - 1], sizes[level - 1])]
    last = nn.Conv2d(widths[0], channels, 3, padding=1)
    return note_size(nn.Sequential(*layers, activation(), last), base, blocks)


class Block(nn.Module):
    """x + f(x), with f = (activation, 3x3 convolution) twice.

    The second convolution starts at zero, so that the block starts as the identity and a deep
    network trains without normalisation layers (Zhang, Dauphin & Ma 2019, Fixup,
    https://arxiv.org/abs/1901.09321).

    Args:
        channels: C.
        activation: Class of the activation.
    """

    def __init__(self, channels: int, activation: type[nn.Module]) -> None:
        super().__init__()
        last = nn.Conv2d(channels, channels, 3, padding=1)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        first = nn.Conv2d(channels, channels, 3, padding=1)
        # The input of the first is still needed; the second overwrites its input, since a copy
        # is slow on a CPU.
        second = nn.ReLU(inplace=True) if activation is nn.ReLU else activation()
        self.branch = nn.Sequential(activation(), first, second, last)

    def forward(self, x: Tensor) -> Tensor:
        """Return x + f(x), (B, C, H, W)."""
        return x + self.branch(x)


class Resize(nn.Module):
    """Resizing by area averaging (down) or nearest neighbour (up), then a 3x3 convolution.

    Args:
        before, after: Input and output channels.
        size: (H, W) of the output.
    """

    def __init__(self, before: int, after: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.mix = nn.Conv2d(before, after, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, after, *size) of x, (B, before, H, W)."""
        down = x.shape[-1] > self.size[-1]
        return self.mix(interpolate(x, self.size, mode="area" if down else "nearest"))
