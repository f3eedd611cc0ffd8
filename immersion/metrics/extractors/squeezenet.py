"""Features of photographs: SqueezeNet 1.0, trained on ImageNet, from the store of data sets."""

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from immersion.batch import Split
from immersion.check import UserError
from immersion.metrics.extractors.base import (
    EXTRACTORS,
    Data,
    Extractor,
    check_images,
    repeat_grey,
)

FILE = "squeezenet/squeezenet1_0_dc.npz"
SHA256 = "ab62eaa7b79114ee02b459db05634efd79ae779338c3231c9a8a71d5a82e3ba2"
SIDE, FEATURES, CLASSES = 227, 512, 1000
MEAN_BGR = (104.0, 117.0, 123.0)
SQUEEZED = (16, 16, 32, 32, 48, 48, 64, 64)
"""Channels after the squeeze of fire modules 2 to 9; each expands to eight times as many."""

POOLED_AFTER = (4, 8)
"""Fire modules that a 3x3 maximum with stride 2 comes after, as after the first convolution."""


class Fire(nn.Module):
    """Squeeze to few channels by 1x1, then expand by 1x1 and 3x3 side by side."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, 4 * squeezed, 1)
        self.expand3x3 = nn.Conv2d(squeezed, 4 * squeezed, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, 8 * squeezed, H, W) from (B, channels, H, W)."""
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1).relu()


class SqueezeNet(nn.Module):
    """SqueezeNet 1.0: 1.25 M parameters, ImageNet's 1,000 classes.

    Reference:
        Iandola et al. 2016, table 1, https://arxiv.org/abs/1602.07360
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 7, stride=2)
        channels = 96
        for number, squeezed in enumerate(SQUEEZED, start=2):
            self.add_module(f"fire{number}", Fire(channels, squeezed))
            channels = 8 * squeezed
        self.conv10 = nn.Conv2d(FEATURES, CLASSES, 1)
        # A last window that is not full counts too: 111 -> 55 -> 27 -> 13.
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)

    def maps(self, x: Tensor) -> Tensor:
        """Return the output of the last fire module, (B, 512, 13, 13), for x, (B, 3, 227, 227)."""
        x = self.pool(self.conv1(x).relu())
        for number in range(2, len(SQUEEZED) + 2):
            x = self.get_submodule(f"fire{number}")(x)
            x = self.pool(x) if number in POOLED_AFTER else x
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, (B, 1000), of x, (B, 3, 227, 227): BGR levels less their mean."""
        return self.conv10(self.maps(x)).relu().mean(dim=(2, 3))


def preprocess(x: Tensor) -> Tensor:
    """Return the network's input, see `SqueezeNet`, from images, (B, 1 or 3, H, W) in [0, 1]."""
    size = (SIDE, SIDE)
    x = interpolate(repeat_grey(x), size, mode="bilinear", align_corners=False, antialias=True)
    return 255 * x.flip(1) - torch.tensor(MEAN_BGR).view(3, 1, 1)


def find_weights() -> Path | None:
    """Return the path of the weights in the store that IMMERSION_DATA names, or None."""
    store = os.environ.get("IMMERSION_DATA")
    path = Path(store) / FILE if store else None
    return path if path is not None and path.is_file() else None


def load_network() -> SqueezeNet:
    """Return the trained network, checked by its hash.

    Raises:
        UserError: The file is not in the store, or its hash differs.
    """
    path = find_weights()
    if path is None:
        raise UserError(
            "the weights of SqueezeNet are not on this machine",
            f"{FILE} in the folder that IMMERSION_DATA names",
            remedy="put the file there, or pass --extractor pca",
        )
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise UserError(f"{path} is damaged or another file", f"sha256 {SHA256}", found)
    net = SqueezeNet()
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        net.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})
    net.eval()
    return cast(Callable[..., SqueezeNet], net.to)(memory_format=torch.channels_last)


@EXTRACTORS.register("squeezenet")
class SqueezeNetFeatures(Extractor):
    """The mean over positions of SqueezeNet's last fire module: 512 numbers an image.

    Grey images are repeated to three channels. Distances in these features are not those in an
    Inception network's: they compare models with one another, not with published figures.

    Args:
        data: Images with values in [0, 1].
        train: Not used.

    Raises:
        UserError: The data are no images, or the weights are missing.
    """

    def __init__(self, data: Data, train: Split) -> None:
        check_images(data, "squeezenet")
        super().__init__(
            "squeezenet",
            FEATURES,
            sha256=SHA256,
            layer="fire9, mean over positions",
            input=f"3x{SIDE}x{SIDE}",
            resize="bilinear, antialiased",
        )
        self.network = load_network()

    def __call__(self, x: Tensor) -> Tensor:
        """Return the features, (B, 512), of x, (B, 1 or 3, H, W) in [0, 1]."""
        with torch.no_grad():
            # In small batches: an image's maps are a thousand times its features.
            parts = [self.network.maps(preprocess(part)).mean(dim=(2, 3)) for part in x.split(32)]
        return torch.cat(parts)
