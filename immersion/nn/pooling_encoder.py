"""An encoder of pictures of any size: what it finds, averaged over the picture."""

from itertools import pairwise

from torch import Tensor, nn

WIDTHS = (32, 64, 128, 128)
"""Channels after each halving."""


class PoolingEncoder(nn.Module):
    """Convolutions that halve the picture four times, the mean over what is left, a linear layer.

    Args:
        in_channels: C.
        numbers: F.

    Example:
        >>> import torch
        >>> encoder = PoolingEncoder(3, 8)
        >>> encoder(torch.zeros(2, 3, 40, 50)).shape, encoder(torch.zeros(2, 3, 7, 9)).shape
        (torch.Size([2, 8]), torch.Size([2, 8]))
    """

    def __init__(self, in_channels: int, numbers: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((in_channels, *WIDTHS)):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(WIDTHS[-1], numbers)

    def forward(self, x: Tensor) -> Tensor:
        """Return the numbers, (B, F), of x, (B, C, H, W)."""
        return self.head(self.layers(x).mean((2, 3)))
