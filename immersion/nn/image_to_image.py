"""The contract of networks from images to images of any size, and a recipe's choice among them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor, nn

from immersion.check import UserError, check_at_least
from immersion.registry import Registry
from immersion.run_record import RENAMED_NETWORKS

IMAGE_TO_IMAGE_NETWORKS: Registry[Callable[..., "ImageToImageNetwork"]] = Registry(
    "network", "immersion.nn"
)
"""A member builds a network from (in_channels, out_channels, scale, width, depth)."""


class ImageToImageNetwork(nn.Module, ABC):
    """A network (B, C_in, H, W) -> (B, C_out, s H, s W) of convolutions alone, for any size.

    No layer depends on the whole image, as a normalisation over it would: an output value depends
    only on the input within `halo` of it, so that a large image can be processed in tiles.
    """

    @property
    @abstractmethod
    def halo(self) -> int:
        """Distance, in input pixels, beyond its own pixel on which an output depends."""

    @property
    def multiple(self) -> int:
        """Divisor of both sides of the input."""
        return 1

    @property
    def residual(self) -> bool:
        """True if the output is added to the task's first estimate."""
        return True

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the output, (B, C_out, s H, s W)."""


@dataclass(frozen=True)
class ImageToImageArchitecture:
    """The name, width and depth of a network from images to images.

    Args:
        network: restorer (at half resolution, residual), noise-aware (a restorer whose input has
            an estimate of the noise level), dncnn (the published plain network), unet, or
            autoencoder (a U-Net without skip connections).
        width: Channels at the network's first resolution; 0 is the network's default.
        depth: Residual blocks, convolutions or halvings; -1 is the network's default.
    """

    network: str
    width: int = 0
    depth: int = -1

    def __post_init__(self) -> None:
        """Accept earlier names, and validate the numbers."""
        network = RENAMED_NETWORKS.get(self.network, self.network)
        object.__setattr__(self, "network", network)
        check_at_least(0, width=self.width)
        check_at_least(-1, depth=self.depth)

    def build(self, in_channels: int, out_channels: int, scale: int) -> ImageToImageNetwork:
        """Return a network (B, C_in, H, W) -> (B, C_out, s H, s W).

        Args:
            in_channels: C_in.
            out_channels: C_out.
            scale: s, the ratio of output to input sides.

        Example:
            >>> import torch
            >>> network = ImageToImageArchitecture("restorer", width=8, depth=1).build(1, 2, 3)
            >>> network(torch.zeros(1, 1, 10, 14)).shape
            torch.Size([1, 2, 30, 42])
        """
        build = IMAGE_TO_IMAGE_NETWORKS[self.network]
        network = build(in_channels, out_channels, scale, self.width, self.depth)
        width, depth = vars(network).get("built_size", (self.width, self.depth))
        vars(network)["built_architecture"] = replace(self, width=width, depth=depth)
        return network


def check_scale(network: str, scale: int) -> None:
    """Raise UserError if the scale is not 1."""
    if scale != 1:
        raise UserError(
            f"a {network} network does not enlarge", "--network restorer", f"--network {network}"
        )
