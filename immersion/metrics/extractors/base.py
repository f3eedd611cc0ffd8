"""The contract of a feature extractor, its registry, and what several members share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Protocol

import torch
from torch import Tensor

from immersion.batch import Split
from immersion.check import UserError
from immersion.registry import Registry


class Data(Protocol):
    """What an extractor may know of the data: name, shape of one example, kind of values."""

    name: str
    shape: tuple[int, ...]
    values: str


Builder = Callable[[Data, Split], "Extractor"]

EXTRACTORS: Registry[Builder] = Registry("extractor", "immersion.metrics.extractors")
"""A member makes an extractor from (data, training split)."""


class Extractor(ABC):
    """phi: examples -> features, in which sets of examples are compared.

    A distance between features means nothing without their extractor, so each tells its
    `protocol`: name, features, and what else its numbers depend on (hash, input size, resizing).

    Args:
        name: What it is called.
        features: F, how many numbers it gives an example.
        protocol: The rest of the protocol.
    """

    def __init__(self, name: str, features: int, **protocol: object) -> None:
        self.name, self.features = name, features
        self.protocol: dict[str, object] = {"name": name, "features": features, **protocol}

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Return the features, (B, F) float32, of x, (B, *shape), on the CPU, without gradient."""


def extract_features(extractor: Extractor, batches: Iterable[Tensor]) -> Tensor:
    """Return the features of all batches, (N, F); no batch is held longer than it takes."""
    with torch.no_grad():
        return torch.cat([extractor(x) for x in batches])


def repeat_grey(x: Tensor) -> Tensor:
    """Return images, (B, 1 or 3, H, W), with three channels: grey is repeated."""
    return x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x


def check_images(data: Data, name: str) -> None:
    """Raise a `UserError` unless the data are grey or colour images with values in [0, 1]."""
    picture = len(data.shape) == 3 and data.shape[0] in (1, 3)
    if not picture or data.values not in ("unit", "binary"):
        raise UserError(
            f"the extractor {name} is for grey and colour images",
            "(1 or 3, H, W) values from 0 to 1",
            f"{data.values} values of shape {data.shape}",
            "pass --extractor pca or pixels",
        )
