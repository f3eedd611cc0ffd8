"""The registry of networks, and a recipe's choice among them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from torch import nn

from immersion.check import UserError, check_at_least, check_choice
from immersion.registry import Registry

N = TypeVar("N", bound=nn.Module)

Shape = tuple[int, ...]
Builder = Callable[[Shape, Shape, int, int, type[nn.Module]], nn.Sequential]

NETWORKS: Registry[Builder] = Registry("network", "immersion.nn")
"""A member builds a network (B, *in_shape) -> (B, *out_shape) from (in_shape, out_shape, width,
depth, activation). One shape is a vector, (F,); the other is an image, (C, H, W), or a vector."""

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "softplus": nn.Softplus,
    "relu": nn.ReLU,
}
"""All but `relu` are smooth, so that a generator is differentiable everywhere: an immersion."""

FIXED = {"dcgan", "r3gan"}
"""Networks with fixed activations."""

LARGEST_DENSE = 1024
"""Images of up to this many values have a dense network by default."""


@dataclass(frozen=True)
class Architecture:
    """The name, width and depth of a network.

    Args:
        network: dense, conv, residual, dcgan, r3gan, or auto: the model's usual network; for
            autoencoders dense for tables and images of up to 1,024 values, else conv.
        width: Hidden units of a dense network, or channels at full resolution of a convolutional
            one; 0 is the network's default.
        depth: Hidden layers of a dense network, or blocks a resolution of a convolutional one; -1
            is the network's default.
        activation: silu, tanh, gelu, softplus (smooth: the generator is an immersion) or relu.
    """

    network: str = "auto"
    width: int = 0
    depth: int = -1
    activation: str = "silu"

    def __post_init__(self) -> None:
        """Validate."""
        check_at_least(0, width=self.width)
        check_at_least(-1, depth=self.depth)

    def build(self, in_shape: Shape, out_shape: Shape) -> nn.Sequential:
        """Return a network (B, *in_shape) -> (B, *out_shape).

        Raises:
            UserError: The name is unknown, or the network does not support the image size.

        Example:
            >>> import torch
            >>> decoder = Architecture("conv", width=8).build((2,), (1, 28, 20))
            >>> decoder(torch.zeros(5, 2)).shape
            torch.Size([5, 1, 28, 20])
        """
        activation = ACTIVATIONS[check_choice("activation", self.activation, ACTIVATIONS)]
        images = [math.prod(shape) for shape in (in_shape, out_shape) if len(shape) == 3]
        default = "conv" if max(images, default=0) > LARGEST_DENSE else "dense"
        name = default if self.network == "auto" else self.network
        if name in FIXED and self.activation != Architecture.activation:
            raise UserError(
                f"the activations of a {name} network are its paper's",
                "no --activation",
                self.activation,
                "leave it out, or pass another --network",
            )
        network = NETWORKS[name](in_shape, out_shape, self.width, self.depth, activation)
        width, depth = vars(network).get("built_size", (self.width, self.depth))
        own = "as published" if name in FIXED else self.activation
        built = replace(self, network=name, width=width, depth=depth, activation=own)
        vars(network)["built_architecture"] = built
        return network


def note_size(network: N, width: int, depth: int) -> N:
    """Return the network after noting its width and depth, which the record of a run holds.

    Example:
        >>> Architecture("dense").build((3,), (2,)).built_architecture
        Architecture(network='dense', width=512, depth=2, activation='silu')
    """
    vars(network)["built_size"] = (width, depth)
    return network


def select_image_shape(in_shape: Shape, out_shape: Shape, network: str) -> tuple[int, int, int]:
    """Return (C, H, W), the shape that is an image.

    Raises:
        UserError: Neither shape is an image, or its sides are not within 8 to 128 pixels.
    """
    images = [shape for shape in (in_shape, out_shape) if len(shape) == 3]
    if not images:
        raise UserError(
            f"a {network} network needs images",
            "examples of shape (C, H, W)",
            f"shapes {in_shape} and {out_shape}",
            "pass --network dense",
        )
    channels, height, width = images[0]
    if min(height, width) < 8 or max(height, width) > 128:
        raise UserError(
            f"a {network} network cannot take this image size",
            "sides of 8 to 128 pixels",
            f"{height}x{width}",
            "resize the images with --size, or pass --network dense",
        )
    return channels, height, width


def halve_sides(height: int, width: int, smallest: int = 4) -> list[tuple[int, int]]:
    """Return the sizes from (height, width) down, sides halved and rounded up while > smallest.

    Example:
        >>> halve_sides(28, 20)
        [(28, 20), (14, 10), (7, 5), (4, 3)]
    """
    sizes = [(height, width)]
    while max(sizes[-1]) > smallest:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes
