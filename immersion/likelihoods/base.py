"""The contract of a likelihood and the registry of its family."""

from abc import ABC, abstractmethod
from typing import NoReturn

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from immersion.check import UserError, check_choice
from immersion.precision import widen
from immersion.registry import Registry

LIKELIHOODS: Registry[type["Likelihood"]] = Registry("likelihood", "immersion.likelihoods")

SampleShape = torch.Size | list[int] | tuple[int, ...]
"""The leading dimensions of samples, as in `torch.distributions`."""

DEFAULT = {
    "binary": "bernoulli",  # the only one for binary data, and that of published results
    "unit": "gaussian-optimal",  # learns its scale; no weight to tune
    "counts": "negative-binomial",  # most counts have a larger variance than Poisson's mean
    "real": "gaussian-shared",  # one learned scale: no single value reaches infinite density
}
"""The default likelihood of each type of data (`Spec.values`)."""


def default_likelihood(values: str) -> str:
    """Return the name of the default likelihood of a type of data.

    Raises:
        UserError: `values` is not binary, unit, counts or real.

    Example:
        >>> default_likelihood("unit")
        'gaussian-optimal'
    """
    return DEFAULT[check_choice("kind of values", values, DEFAULT)]


def build_likelihood(name: str, event_shape: tuple[int, ...], values: str) -> "Likelihood":
    """Return the likelihood of a name (or `auto`) for a type of data.

    For data in [0, 1] the mean is mapped to (0, 1) if the likelihood supports it, as in Kingma &
    Welling 2014, appendix C.2.

    Args:
        name: Registered name, or auto for the default of the type.
        event_shape: Shape of one example.
        values: Type of the data: binary, unit, counts or real.

    Example:
        >>> build_likelihood("auto", (1, 8, 8), "unit").bounded
        True
    """
    member = LIKELIHOODS[default_likelihood(values) if name == "auto" else name]
    options = {"bounded": True} if values == "unit" and member.boundable else {}
    return member(event_shape, **options)


class Likelihood(nn.Module, ABC):
    """p(x|h): a distribution over x of shape `event_shape` from a network's output h.

    A subclass states how many parameters a value needs (`parameters_per_value`, n) and which data
    it supports (`values`), and maps h to a distribution whose `log_prob` is one number an example,
    in nats.

    Args:
        event_shape: Shape of one example, (C, H, W) for an image or (D,) for a row of a table.
    """

    parameters_per_value: int
    """n, the number of parameters in h for each value of x."""

    values: frozenset[str]
    """Types of data (`Spec.values`) that the likelihood supports: a subset of binary, unit, counts
    and real. `check` decides for given data."""

    discrete: bool = False
    """True if p(x|h) is a probability, not a density, so that bits/dim applies."""

    boundable: bool = False
    """True if the constructor has the argument `bounded`, which maps the mean to (0, 1)."""

    predicts_scale: bool = False
    """True if h holds a scale for each value, so that the standard deviation is a prediction."""

    def __init__(self, event_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.event_shape = tuple(event_shape)

    @property
    def parameter_shape(self) -> tuple[int, ...]:
        """Shape of h for one example: (n * C, H, W) or (n * D,)."""
        first, *rest = self.event_shape
        return (self.parameters_per_value * first, *rest)

    def unpack(self, h: Tensor) -> Tensor:
        """Return h, (..., n * C, H, W), as (..., n, C, H, W) in float32 or wider."""
        return widen(h).unflatten(
            -len(self.event_shape), (self.parameters_per_value, self.event_shape[0])
        )

    def split(self, h: Tensor) -> tuple[Tensor, ...]:
        """Split h, (..., n * C, H, W), into n tensors of shape (..., C, H, W)."""
        return self.unpack(h).unbind(-len(self.event_shape) - 1)

    def make_independent(self, values: Distribution) -> Independent:
        """Return the product of the distributions of an example's values.

        Args:
            values: Distributions of single values, with batch shape (..., *event_shape).

        Returns:
            A distribution whose `log_prob` is summed over the event, (...).
        """
        return Independent(values, len(self.event_shape), validate_args=False)

    @abstractmethod
    def forward(self, h: Tensor) -> Distribution:
        """Return p(x|h).

        Args:
            h: Output of a network, (..., *parameter_shape); converted to float32 or wider.

        Returns:
            A distribution with batch shape (...) and event shape `event_shape`: `log_prob(x)` is
            (...), in nats; `mean` and `sample()` are (..., *event_shape).
        """

    @abstractmethod
    def check(self, x: Tensor) -> None:
        """Raise UserError, with the remedy, if x is outside the support.

        Args:
            x: Data, any shape.
        """


def raise_outside_support(likelihood: str, support: str, x: Tensor) -> NoReturn:
    """Raise the UserError that describes x and names the flags to pass.

    Args:
        likelihood: Name of the likelihood.
        support: Support of the likelihood in words.
        x: Data outside the support, any shape.
    """
    finite = x.isfinite()
    if not finite.all():
        received = f"{int((~finite).sum())} values that are not finite (NaN or infinite)"
        remedy = "remove or fill in the missing values"
    else:
        received = f"values between {x.min():.4g} and {x.max():.4g}"
        remedy = suggest_flags(x)
    raise UserError(f"the data are outside the support of {likelihood}", support, received, remedy)


def suggest_flags(x: Tensor) -> str:
    """Return the flags that suit finite data x, as an imperative.

    Example:
        >>> import torch
        >>> suggest_flags(torch.tensor([-1.0, 2.5]))
        'pass --likelihood gaussian-shared'
    """
    if (x >= 0).all() and (x <= 1).all():
        return (
            f"pass --likelihood {DEFAULT['unit']}, or make the data 0 and 1 by "
            f"--binarize dynamic, static or threshold with --likelihood {DEFAULT['binary']}"
        )
    kind = "counts" if (x >= 0).all() and (x == x.round()).all() else "real"
    return f"pass --likelihood {DEFAULT[kind]}"
