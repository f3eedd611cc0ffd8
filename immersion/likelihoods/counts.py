"""Likelihoods for counts 0, 1, 2, ...: of events, of molecules, of words.

Rates and dispersions are exponentials of the network's outputs (the log link), and every formula
uses their logarithms, so that a rate of exp(-100) or a dispersion of exp(-30) loses no digits.
"""

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Gamma, Independent
from torch.nn.functional import logsigmoid, softplus

from immersion.likelihoods.base import LIKELIHOODS, Likelihood, SampleShape, raise_outside_support


def check_counts(likelihood: str, x: Tensor) -> None:
    """Raise UserError unless every value is one of 0, 1, 2, ..."""
    if not (x.isfinite() & (x >= 0) & (x == x.round())).all():
        raise_outside_support(likelihood, "counts 0, 1, 2, ...", x)


@LIKELIHOODS.register("poisson")
class Poisson(Likelihood):
    """Counts with variance = mean: log p(x|h) = sum_i x_i h_i - exp(h_i) - log x_i!.

    h has the logarithm of the rate of each value, (..., C, H, W).

    Reference:
        Cameron & Trivedi 2013, Regression Analysis of Count Data, 2nd edition, section 3.2

    Example:
        >>> p = Poisson((2,))(torch.zeros(3, 2))  # rate 1: P(0) = exp(-1) for each of two values
        >>> p.log_prob(torch.zeros(3, 2))[0].item()
        -2.0
    """

    parameters_per_value = 1
    values = frozenset({"counts"})
    discrete = True

    def forward(self, h: Tensor) -> Independent:
        """Return p(x|h) from log rates, (..., *event_shape)."""
        return self.make_independent(PoissonDistribution(*self.split(h)))

    def check(self, x: Tensor) -> None:
        """Raise UserError unless every value is a count."""
        check_counts("the Poisson likelihood", x)


@LIKELIHOODS.register("negative-binomial")
class NegativeBinomial(Likelihood):
    """Counts with variance = mean + dispersion * mean^2: a Poisson with a gamma-distributed rate.

    log p(x|h) = sum_i log NB(x_i; mean_i, dispersion_i); the formula of NB is in
    `NegativeBinomialDistribution.log_prob`. h has the log means and then the log dispersions,
    (..., 2 * C, H, W). As the dispersion tends to 0, the distribution tends to the Poisson.

    Reference:
        Hilbe 2011, Negative Binomial Regression, 2nd edition, the NB2 parametrisation

    Example:
        >>> p = NegativeBinomial((2,))(torch.zeros(3, 4))  # mean 1, dispersion 1: a geometric
        >>> p.log_prob(torch.zeros(3, 2))[0].exp().item()
        0.25
    """

    parameters_per_value = 2
    values = frozenset({"counts"})
    discrete = True

    def forward(self, h: Tensor) -> Independent:
        """Return p(x|h) from log means and log dispersions, (..., 2 * C, H, W)."""
        return self.make_independent(NegativeBinomialDistribution(*self.split(h)))

    def check(self, x: Tensor) -> None:
        """Raise UserError unless every value is a count."""
        check_counts("the negative binomial likelihood", x)


@LIKELIHOODS.register("zero-inflated-poisson")
class ZeroInflatedPoisson(Likelihood):
    """A Poisson count with extra zeros: P(x) = s(g) [x = 0] + (1 - s(g)) Poisson(x).

    h has the logits g of an extra zero and then the log rates, (..., 2 * C, H, W); log p(x|h) is
    the sum of log P(x_i).

    Reference:
        Lambert 1992, Zero-inflated Poisson regression, Technometrics 34(1), section 2

    Example:
        >>> ZeroInflatedPoisson((2,))(torch.zeros(3, 4)).mean[0, 0].item()
        0.5
    """

    parameters_per_value = 2
    values = frozenset({"counts"})
    discrete = True

    def forward(self, h: Tensor) -> Independent:
        """Return p(x|h) from logits and log rates, (..., 2 * C, H, W)."""
        gate, log_rate = self.split(h)
        return self.make_independent(ZeroInflated(gate, PoissonDistribution(log_rate)))

    def check(self, x: Tensor) -> None:
        """Raise UserError unless every value is a count."""
        check_counts("the zero-inflated Poisson likelihood", x)


@LIKELIHOODS.register("zero-inflated-negative-binomial")
class ZeroInflatedNegativeBinomial(Likelihood):
    """A negative binomial count with extra zeros: P(x) = s(g) [x = 0] + (1 - s(g)) NB(x).

    h has the logits g of an extra zero, the log means and the log dispersions,
    (..., 3 * C, H, W); log p(x|h) is the sum of log P(x_i).

    Reference:
        Lopez et al. 2018, Deep generative modeling for single-cell transcriptomics, Nature
        Methods 15, https://doi.org/10.1038/s41592-018-0229-2

    Example:
        >>> ZeroInflatedNegativeBinomial((2,))(torch.zeros(3, 6)).mean[0, 0].item()
        0.5
    """

    parameters_per_value = 3
    values = frozenset({"counts"})
    discrete = True

    def forward(self, h: Tensor) -> Independent:
        """Return p(x|h) from logits, log means and log dispersions, (..., 3 * C, H, W)."""
        gate, log_mean, log_dispersion = self.split(h)
        counts = NegativeBinomialDistribution(log_mean, log_dispersion)
        return self.make_independent(ZeroInflated(gate, counts))

    def check(self, x: Tensor) -> None:
        """Raise UserError unless every value is a count."""
        check_counts("the zero-inflated negative binomial likelihood", x)


class PoissonDistribution(Distribution):
    """The Poisson distribution, given the logarithm of its rate.

    Args:
        log_rate: Logarithm of the rate, any shape.
    """

    arg_constraints: ClassVar[dict] = {}

    def __init__(self, log_rate: Tensor) -> None:
        super().__init__(log_rate.shape, validate_args=False)
        self.log_rate = log_rate

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log P(x) of each value, in nats."""
        return x * self.log_rate - self.log_rate.exp() - torch.lgamma(x + 1)

    @property
    def mean(self) -> Tensor:
        """The rate."""
        return self.log_rate.exp()

    @property
    def variance(self) -> Tensor:
        """The rate."""
        return self.log_rate.exp()

    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        """Sample counts, (*sample_shape, ...)."""
        with torch.no_grad():
            return torch.poisson(self.mean.expand(self._extended_shape(sample_shape)))


class NegativeBinomialDistribution(Distribution):
    """The negative binomial, given log mean and log dispersion; var = mean + dispersion mean^2.

    Args:
        log_mean: Logarithm of the mean, any shape.
        log_dispersion: Logarithm of the dispersion, the same shape.
    """

    arg_constraints: ClassVar[dict] = {}

    def __init__(self, log_mean: Tensor, log_dispersion: Tensor) -> None:
        super().__init__(log_mean.shape, validate_args=False)
        self.log_mean, self.log_dispersion = log_mean, log_dispersion

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log P(x) of each value, in nats.

        With r = 1 / dispersion, P(x) = G(x + r) / (G(r) x!) (r / (r + mean))^r
        (mean / (r + mean))^x, G the gamma function.
        """
        small = self.log_dispersion < -2
        exact = self.gamma_form(x, torch.where(small, 0, self.log_dispersion))
        limit = self.stirling_form(x, torch.where(small, self.log_dispersion, -3))
        return torch.where(small, limit, exact) - torch.lgamma(x + 1)

    def gamma_form(self, x: Tensor, log_dispersion: Tensor) -> Tensor:
        """Return log P(x) + log x! by the gamma function."""
        r, odds = torch.exp(-log_dispersion), self.log_mean + log_dispersion
        return torch.lgamma(x + r) - torch.lgamma(r) + x * odds - (r + x) * softplus(odds)

    def stirling_form(self, x: Tensor, log_dispersion: Tensor) -> Tensor:
        """Return log P(x) + log x! for r > exp(2), with Stirling's series for both G.

        The difference of the log G is lost to rounding: at r = 10^6, log G(r) = 10^7 has no
        decimals in float32.
        """
        dispersion, r = torch.exp(log_dispersion), torch.exp(-log_dispersion)
        growth = torch.log1p(x * dispersion)  # log((r + x) / r)
        shift = growth - softplus(self.log_mean + log_dispersion)
        correction = stirling(r + x) - stirling(r)
        return x * self.log_mean + (r + x) * shift - growth / 2 - x + correction

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self.log_mean.exp()

    @property
    def variance(self) -> Tensor:
        """Mean + dispersion mean^2."""
        return self.mean + torch.exp(self.log_dispersion + 2 * self.log_mean)

    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        """Sample rates from the gamma and then counts at those rates, (*sample_shape, ...)."""
        with torch.no_grad():
            r = torch.exp(-self.log_dispersion)
            gamma = Gamma(r, torch.exp(-self.log_mean) * r, validate_args=False)
            return torch.poisson(gamma.sample(sample_shape))


def stirling(z: Tensor) -> Tensor:
    """Return log G(z) - (z - 1/2) log z + z - log(2 pi) / 2, to 2e-11 for z > 7."""
    square = z.square()
    return (1 / 12 - (1 / 360 - (1 / 1260 - 1 / 1680 / square) / square) / square) / z


class ZeroInflated(Distribution):
    """A count that is replaced by 0 with probability s(gate).

    P(0) = s(g) + (1 - s(g)) P_c(0) and P(x) = (1 - s(g)) P_c(x) for x > 0.

    Args:
        gate: g, the logit of a replacement, any shape.
        counts: P_c, the distribution of the count, with the same batch shape.
    """

    arg_constraints: ClassVar[dict] = {}

    def __init__(self, gate: Tensor, counts: Distribution) -> None:
        super().__init__(gate.shape, validate_args=False)
        self.gate, self.counts = gate, counts

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log P(x) of each value, in nats."""
        counted = logsigmoid(-self.gate) + self.counts.log_prob(x)
        return torch.where(x == 0, torch.logaddexp(logsigmoid(self.gate), counted), counted)

    @property
    def mean(self) -> Tensor:
        """(1 - s(g)) times the mean of the count."""
        return torch.sigmoid(-self.gate) * self.counts.mean

    @property
    def variance(self) -> Tensor:
        """(1 - s(g)) (variance + s(g) mean^2) of the count."""
        zero = torch.sigmoid(self.gate)
        return torch.sigmoid(-self.gate) * (self.counts.variance + zero * self.counts.mean**2)

    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        """Sample counts and replace some by 0, (*sample_shape, ...)."""
        keep = Bernoulli(logits=-self.gate, validate_args=False).sample(sample_shape)
        return keep * self.counts.sample(sample_shape)
