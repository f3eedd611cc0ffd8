"""An encoder of images of any size, with global average pooling."""

from itertools import pairwise

from torch import Tensor, nn

WIDTHS = (32, 64, 128, 128)
"""Channels after each halving."""


class PoolingEncoder(nn.Module):
    """Convolutions that halve the image four times, global average pooling and a linear layer.

    Args:
        in_channels: C.
        out_features: F.

    Reference:
        Lin, Chen & Yan 2014, Network in network, section 3.2, global average pooling,
        https://arxiv.org/abs/1312.4400

    Example:
        >>> import torch
        >>> encoder = PoolingEncoder(3, 8)
        >>> encoder(torch.zeros(2, 3, 40, 50)).shape, encoder(torch.zeros(2, 3, 7, 9)).shape
        (torch.Size([2, 8]), torch.Size([2, 8]))
    """

    def __init__(self, in_channels: int, out_features: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((in_channels, *WIDTHS)):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(WIDTHS[-1], out_features)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features, (B, F), of x, (B, C, H, W)."""
        return self.head(self.layers(x).mean((2, 3)))
