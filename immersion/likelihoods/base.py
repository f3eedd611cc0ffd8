"""The contract of a likelihood and the registry of its family."""

from abc import ABC, abstractmethod
from typing import NoReturn

from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from immersion.check import UserError, check_choice
from immersion.precision import widen
from immersion.registry import Registry

LIKELIHOODS: Registry[type["Likelihood"]] = Registry("likelihood", "immersion.likelihoods")

DEFAULT = {
    "binary": "bernoulli",  # the only one for coins, and what published nats are measured with
    "unit": "gaussian-optimal",  # learns how sharp pictures are; no weight to tune
    "counts": "negative-binomial",  # real counts vary more than Poisson's variance = mean
    "real": "gaussian-shared",  # one scale, learned: no value can run off to infinite density
}
"""The likelihood for data of each kind (`Spec.values`) where the user names none."""


def default_likelihood(values: str) -> str:
    """Return the name of the likelihood to take for data of one kind where none is named.

    Raises:
        UserError: If `values` is not binary, unit, counts or real.

    Example:
        >>> default_likelihood("unit")
        'gaussian-optimal'
    """
    return DEFAULT[check_choice("kind of values", values, DEFAULT)]


def build_likelihood(name: str, event_shape: tuple[int, ...], values: str) -> "Likelihood":
    """Return a likelihood by name (or `auto`) as it suits data of one kind.

    Means of data that lie in [0, 1] are squashed into (0, 1) where the likelihood can do so, as
    Kingma & Welling 2014 do in appendix C.2.

    Example:
        >>> build_likelihood("auto", (1, 8, 8), "unit").bounded
        True
    """
    member = LIKELIHOODS[default_likelihood(values) if name == "auto" else name]
    if values == "unit" and member.boundable:
        return member(event_shape, bounded=True)
    return member(event_shape)


class Likelihood(nn.Module, ABC):
    """p(x|h): a distribution over x of shape `event_shape` from a network's output h.

    A member states how many parameters a value needs (`parameters_per_value`, n) and which data it
    is for (`values`), and maps h to a distribution whose `log_prob` is one number an example, in
    nats.

    Args:
        event_shape: Shape of one example, (C, H, W) for an image or (D,) for a row of a table.
    """

    parameters_per_value: int
    """n, the number of parameters in h for each value of x."""

    values: frozenset[str]
    """The kinds of data (`Spec.values`) that the likelihood is for: a subset of binary, unit,
    counts, real. It is chosen by name; `check` has the last word."""

    discrete: bool = False
    """True where log p(x|h) is the logarithm of a probability, so that bits/dim applies."""

    boundable: bool = False
    """True where the constructor takes `bounded`, which squashes the mean into (0, 1)."""

    predicts_scale: bool = False
    """True if h holds a scale for each value, so that the standard deviation is a prediction."""

    def __init__(self, event_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.event_shape = tuple(event_shape)

    @property
    def parameter_shape(self) -> tuple[int, ...]:
        """Shape that h must have for one example: (n * C, H, W) or (n * D,)."""
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

    def independent(self, values: Distribution) -> Independent:
        """Return the product over an example's values: `log_prob` sums over the event."""
        return Independent(values, len(self.event_shape), validate_args=False)

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


def raise_outside_support(likelihood: str, support: str, x: Tensor) -> NoReturn:
    """Raise the `UserError` that says what x holds and which flags mend it.

    Args:
        likelihood: The name of the likelihood whose support x leaves.
        support: The support in words.
        x: The data, any shape.
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
    """Return, as an imperative, the flags that suit finite data that look like x.

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
