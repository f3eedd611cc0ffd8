"""A number with its standard error and the number of examples that it rests on."""

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Estimate:
    """The mean of one value per example.

    Args:
        value: The mean.
        standard_error: s / sqrt(n), the standard error over examples; None for one example.
        examples: n, the number of examples; none is left out.
        unit: Unit, such as nats or bits/dim.
    """

    value: float
    standard_error: float | None
    examples: int
    unit: str

    @classmethod
    def of(cls, values: Tensor, unit: str) -> "Estimate":
        """Return the estimate from one value per example, (N,).

        Example:
            >>> import torch
            >>> Estimate.of(torch.tensor([1.0, 2.0, 3.0]), "nats")
            Estimate(value=2.0, standard_error=0.5773502691896258, examples=3, unit='nats')
        """
        wide = values.double()
        error = wide.std().item() / math.sqrt(len(wide)) if len(wide) > 1 else None
        return cls(wide.mean().item(), error, len(wide), unit)

    def affine(self, factor: float, shift: float, unit: str) -> "Estimate":
        """Return the estimate of factor * value + shift."""
        error = None if self.standard_error is None else abs(factor) * self.standard_error
        return Estimate(factor * self.value + shift, error, self.examples, unit)

    def __str__(self) -> str:
        error = "" if self.standard_error is None else f" +- {self.standard_error:.2g}"
        return f"{self.value:.4g}{error} {self.unit} (n = {self.examples})"
