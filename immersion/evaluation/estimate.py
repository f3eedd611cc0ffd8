"""A number with its standard error and the number of examples that it rests on."""

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Estimate:
    """The mean of one value an example.

    Args:
        value: The mean.
        standard_error: Of the mean, over examples: s / sqrt(n).
        examples: n, the number of examples; none is left out.
        unit: nats, bits/dim, or what the values are squares of.
    """

    value: float
    standard_error: float
    examples: int
    unit: str

    @classmethod
    def of(cls, values: Tensor, unit: str) -> "Estimate":
        """Return the estimate from one value an example, (N,).

        Example:
            >>> import torch
            >>> Estimate.of(torch.tensor([1.0, 2.0, 3.0]), "nats")
            Estimate(value=2.0, standard_error=0.5773502691896258, examples=3, unit='nats')
        """
        wide = values.double()
        error = wide.std().item() / math.sqrt(len(wide)) if len(wide) > 1 else math.nan
        return cls(wide.mean().item(), error, len(wide), unit)

    def scaled(self, factor: float, unit: str) -> "Estimate":
        """Return the same estimate in another unit."""
        return Estimate(
            self.value * factor, abs(factor) * self.standard_error, self.examples, unit
        )

    def __str__(self) -> str:
        return f"{self.value:.4g} +- {self.standard_error:.2g} {self.unit} (n = {self.examples})"
