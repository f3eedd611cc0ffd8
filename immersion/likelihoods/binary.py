"""Likelihoods for values 0 and 1, and for values in [0, 1]."""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Distribution, Independent

from immersion.likelihoods.base import LIKELIHOODS, Likelihood, SampleShape, raise_outside_support

BERNOULLI_NUMBERS = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)
"""B_2, B_4, ..., B_14."""


@LIKELIHOODS.register("bernoulli")
class Bernoulli(Likelihood):
    r"""Bernoulli values: log p(x|h) = sum_i x_i log s(h_i) + (1 - x_i) log(1 - s(h_i)).

    s is the logistic sigmoid; h has one logit a value, (..., C, H, W). For x in {0, 1} only: on
    grey values it is not a normalised density (Loaiza-Ganem & Cunningham 2019, section 2).

    Reference:
        Kingma & Welling 2014, Auto-Encoding Variational Bayes, appendix C.1, equation (11),
        https://arxiv.org/abs/1312.6114

    Example:
        >>> p = Bernoulli((1, 2, 2))(torch.zeros(5, 1, 2, 2))
        >>> p.log_prob(torch.ones(5, 1, 2, 2))[0].item() / 4  # nats a pixel: -log 2
        -0.6931471824645996
    """

    parameters_per_value = 1
    values = frozenset({"binary"})
    discrete = True

    def forward(self, h: Tensor) -> Independent:
        """Return p(x|h) from logits h, (..., *event_shape)."""
        (logits,) = self.split(h)
        return self.make_independent(TorchBernoulli(logits=logits, validate_args=False))

    def check(self, x: Tensor) -> None:
        """Raise UserError unless every value is 0 or 1."""
        if not torch.logical_or(x == 0, x == 1).all():
            raise_outside_support("the Bernoulli likelihood", "values 0 and 1 only", x)


@LIKELIHOODS.register("continuous-bernoulli")
class ContinuousBernoulli(Likelihood):
    r"""The Bernoulli formula made a density on [0, 1]: log p(x|h) = sum_i x_i h_i - A(h_i).

    A(h) = log((exp(h) - 1) / h) is the logarithm of the integral of exp(h x) over [0, 1]; h has
    one logit a value, (..., C, H, W). In the reference lambda = s(h), and C(lambda) normalises
    lambda^x (1 - lambda)^(1 - x).

    Reference:
        Loaiza-Ganem & Cunningham 2019, The continuous Bernoulli: fixing a pervasive error in
        variational autoencoders, https://arxiv.org/abs/1907.06845

    Example:
        >>> p = ContinuousBernoulli((1, 2, 2))(torch.zeros(5, 1, 2, 2))  # uniform on [0, 1]
        >>> p.log_prob(torch.full((5, 1, 2, 2), 0.3))[0].item()
        0.0
    """

    parameters_per_value = 1
    values = frozenset({"unit"})

    def forward(self, h: Tensor) -> Independent:
        """Return p(x|h) from logits h, (..., *event_shape)."""
        (logits,) = self.split(h)
        return self.make_independent(ContinuousBernoulliDistribution(logits))

    def check(self, x: Tensor) -> None:
        """Raise UserError unless every value is in [0, 1]."""
        if not ((x >= 0) & (x <= 1)).all():
            raise_outside_support("the continuous Bernoulli likelihood", "values from 0 to 1", x)


class ContinuousBernoulliDistribution(Distribution):
    """The density exp(h x) h / (exp(h) - 1) on [0, 1].

    PyTorch's distribution of this name clips lambda = s(h), which costs 0.9 nats a value at
    h = -40 in float32, and loses digits near h = 0; this one computes with h.

    Args:
        logits: h, any shape.
    """

    arg_constraints: ClassVar[dict] = {}
    has_rsample = True

    def __init__(self, logits: Tensor) -> None:
        super().__init__(logits.shape, validate_args=False)
        self.logits = logits

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the log density of each value, in nats."""
        return self.logits * (x - 0.5) - log_sinhc(self.logits)

    @property
    def mean(self) -> Tensor:
        """E[x] = 1 / (1 - exp(-h)) - 1 / h, which is the derivative of A(h)."""
        h, series = self.logits, self.logits.abs() < 0.5
        far = torch.where(series, 1, h)
        closed = 0.5 / torch.tanh(far / 2) - 1 / far
        return 0.5 + torch.where(series, sinhc_series(torch.where(series, h, 0), 1), closed)

    @property
    def variance(self) -> Tensor:
        """Var[x] = 1 / h^2 - 1 / (4 sinh(h / 2)^2), which is the second derivative of A(h)."""
        h, series = self.logits, self.logits.abs() < 0.5
        far = torch.where(series, 1, h.abs())
        closed = far**-2 - torch.exp(-far) / torch.expm1(-far).square()
        return torch.where(series, sinhc_series(torch.where(series, h, 0), 2), closed)

    def rsample(self, sample_shape: SampleShape = ()) -> Tensor:
        """Sample by the inverse of the distribution function, (*sample_shape, ...)."""
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device))

    def icdf(self, u: Tensor) -> Tensor:
        """Return the u-quantile: log(1 + u (exp(h) - 1)) / h."""
        h, near = self.logits, self.logits.abs() < 0.01
        # For h > 0 the density is mirrored: exp(h) overflows and exp(-h) does not.
        v, far = torch.where(h > 0, 1 - u, u), torch.where(near, -1, -h.abs())
        v = v.clamp(max=1 - torch.finfo(v.dtype).eps)  # expm1(-40) is -1, and log1p(-1) infinite
        closed = torch.log1p(v * torch.expm1(far)) / far
        closed = torch.where(h > 0, 1 - closed, closed).clamp(0, 1)
        h = torch.where(near, h, 0)
        return torch.where(near, u + u * (1 - u) * h * (0.5 + (1 - 2 * u) * h / 6), closed)


def log_sinhc(h: Tensor) -> Tensor:
    """Return log(sinh(h / 2) / (h / 2)) = A(h) - h / 2, to the precision of h's type.

    Example:
        >>> h = torch.tensor([1e-8, 1.0, 40.0], dtype=torch.float64)
        >>> torch.allclose(log_sinhc(h)[1:], torch.log(torch.sinh(h / 2) / (h / 2))[1:])
        True
        >>> log_sinhc(h)[0].item() == 1e-16 / 24
        True
    """
    series = h.abs() < 0.5
    far = torch.where(series, 1, h.abs())
    closed = far / 2 + torch.log1p(-torch.exp(-far)) - torch.log(far)
    return torch.where(series, sinhc_series(torch.where(series, h, 0), 0), closed)


def sinhc_series(h: Tensor, derivative: int) -> Tensor:
    """Return a derivative (0, 1 or 2) of `log_sinhc` by its Taylor series, for |h| < 1/2.

    log(sinh(h / 2) / (h / 2)) = sum_n B_2n h^2n / (2n (2n)!), B the Bernoulli numbers. It
    converges for |h| < 2 pi; for |h| < 1/2 seven terms are exact in float64 and four in float32.
    """
    numbers = BERNOULLI_NUMBERS if h.dtype == torch.float64 else BERNOULLI_NUMBERS[:4]
    square, total = h.square(), torch.zeros_like(h)
    for n, number in reversed(list(enumerate(numbers, start=1))):
        factor = math.perm(2 * n, derivative)  # d^k/dh^k h^2n = factor h^(2n - k)
        total = total * square + factor * number / (2 * n * math.factorial(2 * n))
    return total * (square, h, 1)[derivative]
