"""The contract of networks from pictures to pictures of any size, and the choice among them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

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

    Nothing in it looks at the whole picture, such as a normalisation over it: a value of the
    output depends on the input within `halo` of it and on nothing else, so that a large picture
    can be worked on in tiles.
    """

    @property
    @abstractmethod
    def halo(self) -> int:
        """Return how far, in pixels of the input, an output looks beyond its own pixel."""

    @property
    def multiple(self) -> int:
        """Return what both sides of the input must be divisible by."""
        return 1

    @property
    def residual(self) -> bool:
        """Return whether its output is what to add to what the task starts from."""
        return True

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the output, (B, C_out, s H, s W)."""


@dataclass(frozen=True)
class ImageToImageArchitecture:
    """Which network from pictures to pictures, how wide and how deep.

    Args:
        network: restorer (at half resolution, residual), noise-aware (a restorer whose input has
            an estimate of the noise level), dncnn (the published plain network), unet, or
            autoencoder (a U-Net without skip connections).
        width: Channels at the network's first resolution; 0 takes the family's usual width.
        depth: Residual blocks, convolutions or halvings; -1 takes the family's usual depth.
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
        """Return the network.

        Args:
            in_channels: C_in.
            out_channels: C_out.
            scale: s, the side of the output in units of the input's.

        Example:
            >>> import torch
            >>> network = ImageToImageArchitecture("restorer", width=8, depth=1).build(1, 2, 3)
            >>> network(torch.zeros(1, 1, 10, 14)).shape
            torch.Size([1, 2, 30, 42])
        """
        family = IMAGE_TO_IMAGE_NETWORKS[self.network]
        return family(in_channels, out_channels, scale, self.width, self.depth)


def check_scale(network: str, scale: int) -> None:
    """Refuse to enlarge with a network that cannot.

    Raises:
        UserError: The scale is not 1.
    """
    if scale != 1:
        raise UserError(
            f"a {network} network does not enlarge", "--network restorer", f"--network {network}"
        )
