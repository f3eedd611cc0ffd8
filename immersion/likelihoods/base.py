"""The contract of a likelihood and the registry of its family."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from immersion.registry import Registry

LIKELIHOODS: Registry[type["Likelihood"]] = Registry("likelihood", "immersion.likelihoods")

class Likelihood(nn.Module, ABC):
    """p(x|h): a distribution over x of shape `event_shape` from a network's output h.

    A member says how many numbers a value needs (`numbers`), which data it is for (`values`), and
    maps h to a distribution whose `log_prob` is one number an example, in nats.

    Args:
        event_shape: Shape of one example, (C, H, W) for an image or (D,) for a row of a table.
    """

    numbers: int
    """How many numbers h holds for each value of x."""

    values: frozenset[str]
    """The kinds of data (`Spec.values`) that the likelihood is for: a subset of binary, unit,
    counts, real. It is chosen by name; `check` has the last word."""

    discrete: bool = False
    """True where log p(x|h) is the logarithm of a probability, so that bits/dim applies."""

    def __init__(self, event_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.event_shape = tuple(event_shape)

    @property
    def parameter_shape(self) -> tuple[int, ...]:
        """Shape that h must have for one example: (numbers * C, H, W) or (numbers * D,)."""
        first, *rest = self.event_shape
        return (self.numbers * first, *rest)

    def split(self, h: Tensor) -> tuple[Tensor, ...]:
        """Split h, (..., numbers * C, H, W), into `numbers` tensors of shape (..., C, H, W)."""
        wide = h if h.dtype == torch.float64 else h.float()
        return wide.chunk(self.numbers, dim=-len(self.event_shape))

    @abstractmethod
    def forward(self, h: Tensor) -> Distribution:
        """Return p(x|h).

        Args:
            h: Output of a network, (..., *parameter_shape); computed with in float32 or wider.

        Returns:
            A distribution with batch shape (...) and event shape `event_shape`: `log_prob(x)` is
            (...), in nats; `mean` and `sample()` are (..., *event_shape).
        """

    @abstractmethod
    def check(self, x: Tensor) -> None:
        """Raise a `UserError`, with the remedy, where x lies outside the support."""

