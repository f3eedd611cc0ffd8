"""The contract of a feature extractor, its registry, and helpers of several members."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Protocol

import torch
from torch import Tensor

from immersion.batch import Split
from immersion.check import UserError
from immersion.registry import Registry


class Data(Protocol):
    """The description of the data that an extractor reads."""

    @property
    def name(self) -> str:
        """The data set's name."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example."""

    @property
    def values(self) -> str:
        """Type of the values: binary, unit, counts or real."""


Builder = Callable[[Data, Split], "Extractor"]

EXTRACTORS: Registry[Builder] = Registry("extractor", "immersion.metrics.extractors")
"""Name -> a function from (data, training split) to an extractor."""


class Extractor(ABC):
    """phi: examples -> features, in which sets of examples are compared.

    A distance between features is comparable only for the same extractor, so each has a
    `protocol`: name, features, and what else its numbers depend on (hash, input size, resizing).

    Args:
        name: Name of the extractor.
        features: F, the number of features per example.
        protocol: The rest of the protocol.
    """

    def __init__(self, name: str, features: int, **protocol: object) -> None:
        self.name, self.features = name, features
        self.protocol: dict[str, object] = {"name": name, "features": features, **protocol}

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Return the features, (B, F) float32, of x, (B, *shape), on the CPU, without gradient."""


def extract_features(extractor: Extractor, batches: Iterable[Tensor]) -> Tensor:
    """Return the features of all batches, (N, F), holding one batch at a time."""
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
