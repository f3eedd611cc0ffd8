"""The contract of a network family, its registry, and the choice a recipe makes among them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from immersion.check import UserError, check_at_least, check_choice
from immersion.registry import Registry

Shape = tuple[int, ...]
Builder = Callable[[Shape, Shape, int, int, type[nn.Module]], nn.Sequential]

NETWORKS: Registry[Builder] = Registry("network", "immersion.nn")
"""A member builds a network from (in_shape, out_shape, width, depth, activation). One side is a
vector, (F,); the other is an image, (C, H, W), or a vector too. A batch may have one leading
dimension."""

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "softplus": nn.Softplus,
    "relu": nn.ReLU,
}
"""All but `relu` are smooth, so that the generator is differentiable everywhere: an immersion."""

FIXED = {"dcgan", "r3gan"}
"""Networks whose activations cannot be chosen."""

LARGEST_DENSE = 1024
"""Images of up to this many values get a dense network unless one is asked for by name."""


@dataclass(frozen=True)
class Architecture:
    """Which network, how wide and how deep.

    Args:
        network: dense, conv, residual, dcgan, r3gan, or auto: what is usual for the model; of
            autoencoders dense for tables and images of up to 1,024 values, else conv.
        width: Hidden units of a dense network, channels at full resolution of a convolutional
            one; 0 takes the family's usual width.
        depth: Hidden layers of a dense network, blocks a resolution of a convolutional one; -1
            takes the family's usual depth.
        activation: silu, tanh, gelu, softplus (smooth: the generator is an immersion) or relu.
    """

    network: str = "auto"
    width: int = 0
    depth: int = -1
    activation: str = "silu"

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        check_at_least(0, width=self.width)
        check_at_least(-1, depth=self.depth)

    def build(self, in_shape: Shape, out_shape: Shape) -> nn.Sequential:
        """Return a network from `in_shape` to `out_shape`.

        Raises:
            UserError: An unknown name, or an image that the family cannot take.

        Example:
            >>> import torch
            >>> decoder = Architecture("conv", width=8).build((2,), (1, 28, 20))
            >>> decoder(torch.zeros(5, 2)).shape
            torch.Size([5, 1, 28, 20])
        """
        activation = ACTIVATIONS[check_choice("activation", self.activation, ACTIVATIONS)]
        images = [math.prod(shape) for shape in (in_shape, out_shape) if len(shape) == 3]
        usual = "conv" if max(images, default=0) > LARGEST_DENSE else "dense"
        name = usual if self.network == "auto" else self.network
        if name in FIXED and self.activation != Architecture.activation:
            raise UserError(
                f"the activations of a {name} network are its paper's",
                "no --activation",
                self.activation,
                "leave it out, or pass another --network",
            )
        return NETWORKS[name](in_shape, out_shape, self.width, self.depth, activation)


def select_image_shape(in_shape: Shape, out_shape: Shape, family: str) -> tuple[int, int, int]:
    """Return (C, H, W) of the side that is an image, refusing what a convolution cannot take."""
    images = [shape for shape in (in_shape, out_shape) if len(shape) == 3]
    if not images:
        raise UserError(
            f"a {family} network needs images",
            "examples of shape (C, H, W)",
            f"shapes {in_shape} and {out_shape}",
            "pass --network dense",
        )
    channels, height, width = images[0]
    if min(height, width) < 8 or max(height, width) > 128:
        raise UserError(
            f"a {family} network cannot take this image size",
            "sides of 8 to 128 pixels",
            f"{height}x{width}",
            "resize the images with --size, or pass --network dense",
        )
    return channels, height, width


def halve_sides(height: int, width: int, smallest: int = 4) -> list[tuple[int, int]]:
    """Return the sizes from (height, width) down: each side halved, rounded up, while > smallest.

    Example:
        >>> halve_sides(28, 20)
        [(28, 20), (14, 10), (7, 5), (4, 3)]
    """
    sizes = [(height, width)]
    while max(sizes[-1]) > smallest:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes
