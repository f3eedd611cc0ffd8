"""Priors p(z): the distributions that a generative model samples its codes from."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, Uniform, constraints
from torch.nn.functional import one_hot

from immersion.check import UserError
from immersion.nn.spline_flow import FullPrecision, build_spline_flow
from immersion.registry import Registry


class Prior(nn.Module, ABC):
    """p(z): a module whose call returns a distribution, batch shape () and event shape (d,).

    A prior of codes without a class is its own noise. Every prior has a `formula`. The other
    members below are what only some priors have; by default a prior does not have it.
    """

    formula: str
    """The density or how codes are drawn, in one line, for files that describe the prior."""

    classes = 0
    """K, the number of one-hot values at the end of a code that give its class; 0 for none."""

    has_quantile = False
    """Whether the units of the noise are independent and `quantile` is their inverse CDF."""

    path = "linear"
    """The path between two codes that stays where codes are probable: linear or spherical."""

    @abstractmethod
    def forward(self) -> Distribution:
        """Return p(z): batch shape (), event shape (d,)."""

    @property
    def noise(self) -> "Prior":
        """Return the prior of the part of a code that is not the class."""
        return self

    def quantile(self, probability: Tensor) -> Tensor:
        """Return the inverse CDF of a unit of the noise, of the shape of `probability`.

        Raises:
            UserError: The units are not independent, or have no inverse CDF in closed form.
        """
        raise UserError(
            "the units of this prior have no quantiles",
            "a prior with independent units, such as N(0, I)",
            type(self).__name__,
        )

    def truncate(self, truncation: float) -> "Prior":
        """Return the prior with its noise cut to |z_j| <= t.

        Args:
            truncation: t > 0.

        Raises:
            UserError: t is not above 0, or the noise is not N(0, I).
        """
        raise UserError(
            "these codes cannot be truncated",
            "a model whose prior is N(0, I)",
            type(self).__name__,
            "leave the truncation out",
        )


PRIORS: Registry[Callable[[int], Prior]] = Registry("prior", "immersion.priors")
"""Priors over all of R^d by name: each is called with d."""


@PRIORS.register("standard-normal")
class StandardNormal(Prior):
    """p(z) = N(0, I) in R^d, without parameters.

    Args:
        latent_dim: d, the dimension of z.

    Reference:
        Kingma & Welling 2014, section 3, https://arxiv.org/abs/1312.6114

    Example:
        >>> prior = StandardNormal(2)
        >>> prior().log_prob(torch.zeros(2)).item()  # -log 2 pi
        -1.8378770351409912
    """

    formula = "p(z) = N(0, I) in R^d"
    has_quantile = True
    path = "spherical"
    zero: Tensor

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        # A buffer, so that the prior follows the model's device and precision.
        self.register_buffer("zero", torch.zeros(latent_dim), persistent=False)

    def forward(self) -> Independent:
        """Return p(z): batch shape (), event shape (d,)."""
        normal = Normal(self.zero, torch.ones_like(self.zero), validate_args=False)
        return Independent(normal, 1, validate_args=False)

    def quantile(self, probability: Tensor) -> Tensor:
        """Return Phi^-1(probability)."""
        return torch.special.ndtri(probability)

    def truncate(self, truncation: float) -> "TruncatedNormal":
        """Return N(0, I) cut to |z_j| <= t."""
        return TruncatedNormal(len(self.zero), truncation).to(self.zero)


class UniformCube(Prior):
    """p(z) uniform on (-sqrt 3, sqrt 3)^d: mean 0 and variance 1, as N(0, I), but bounded.

    Args:
        latent_dim: d, the dimension of z.

    Reference:
        Goodfellow et al. 2014, the published code, https://github.com/goodfeli/adversarial
    """

    formula = "p(z) uniform on (-sqrt 3, sqrt 3)^d"
    has_quantile = True
    edge: Tensor

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.register_buffer("edge", torch.full((latent_dim,), math.sqrt(3)), persistent=False)

    def forward(self) -> Independent:
        """Return p(z): batch shape (), event shape (d,)."""
        uniform = Uniform(-self.edge, self.edge, validate_args=False)
        return Independent(uniform, 1, validate_args=False)

    def quantile(self, probability: Tensor) -> Tensor:
        """Return sqrt 3 (2 probability - 1)."""
        return math.sqrt(3) * (2 * probability - 1)


class TruncatedNormal(Prior):
    """p(z) = N(0, I) cut to |z_j| <= t in every dimension: fewer odd samples, less variety.

    Each z_j = sqrt 2 erf^-1(u erf(t / sqrt 2)), u uniform on (-1, 1), has variance
    1 - 2 t phi(t) / (2 Phi(t) - 1).

    Args:
        latent_dim: d, the dimension of z.
        truncation: t > 0.

    Raises:
        UserError: t is not above 0.

    Reference:
        Brock et al. 2019, section 3.1, https://arxiv.org/abs/1809.11096

    Example:
        >>> bool((TruncatedNormal(2, 0.5)().sample((100,)).abs() <= 0.5).all())
        True
    """

    has_quantile = True
    zero: Tensor

    def __init__(self, latent_dim: int, truncation: float) -> None:
        super().__init__()
        if not truncation > 0:
            raise UserError("the truncation is too small", "a number above 0", truncation)
        self.truncation = truncation
        self.formula = f"p(z) = N(0, I) cut to |z_j| <= {truncation:g} in every dimension"
        self.register_buffer("zero", torch.zeros(latent_dim), persistent=False)

    def forward(self) -> Independent:
        """Return p(z): batch shape (), event shape (d,)."""
        return Independent(CutNormal(self.zero, self.truncation), 1, validate_args=False)

    def quantile(self, probability: Tensor) -> Tensor:
        """Return sqrt 2 erf^-1((2 probability - 1) erf(t / sqrt 2))."""
        return _invert_truncated(2 * probability - 1, self.truncation)


class CutNormal(Distribution):
    """N(0, 1) cut to |z| <= t, independently for each value of `zero`.

    Args:
        zero: (d,); samples have its device and dtype.
        truncation: t > 0.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 (torch's convention)

    def __init__(self, zero: Tensor, truncation: float) -> None:
        super().__init__(zero.shape, validate_args=False)
        self.zero, self.truncation = zero, truncation

    @property
    def variance(self) -> Tensor:
        """Return 1 - 2 t phi(t) / (2 Phi(t) - 1), (d,)."""
        t = self.truncation
        phi = math.exp(-(t**2) / 2) / math.sqrt(2 * math.pi)
        return self.zero + 1 - 2 * t * phi / math.erf(t / math.sqrt(2))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log phi(z) - log(2 Phi(t) - 1) where |z| <= t, else -inf; (*sample, d)."""
        inside = -0.5 * (value**2 + math.log(2 * math.pi))
        inside = inside - math.log(math.erf(self.truncation / math.sqrt(2)))
        return inside.masked_fill(value.abs() > self.truncation, -math.inf)

    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """Return samples, (*sample_shape, d)."""
        t, shape = self.truncation, (*sample_shape, *self.zero.shape)
        # In float64: in float32 erf(t / sqrt 2) is 1 from t = 5.5 on.
        u = 2 * torch.rand(shape, dtype=torch.float64, device=self.zero.device) - 1
        return _invert_truncated(u, t).to(self.zero).clamp(-t, t)


class Labelled(Prior):
    """p(z, y): noise z from a prior, followed by a class y ~ p(y) as one-hot values.

    Args:
        prior: The noise's prior: event shape (d,).
        classes: K.

    Attributes:
        shares: p(y), (K,): a buffer, uniform until `observe` is called.

    Example:
        >>> z = Labelled(StandardNormal(2), 3)().sample((5,))
        >>> z.shape, z[:, 2:].sum(1)
        (torch.Size([5, 5]), tensor([1., 1., 1., 1., 1.]))
    """

    shares: Tensor

    def __init__(self, prior: Prior, classes: int) -> None:
        super().__init__()
        self.prior, self.classes = prior, classes
        self.has_quantile, self.path = prior.has_quantile, prior.path
        self.formula = f"{prior.formula}, with a class y ~ p(y) as one-hot values after z"
        self.register_buffer("shares", torch.full((classes,), 1 / classes))

    @property
    def noise(self) -> Prior:
        """Return the noise's prior."""
        return self.prior

    def observe(self, y: Tensor) -> None:
        """Set p(y) to the share of each class among labels, (N,)."""
        self.shares.copy_(y.bincount(minlength=self.classes) / len(y))

    def forward(self) -> "NoiseAndClass":
        """Return p(z, y): batch shape (), event shape (d + K,)."""
        return NoiseAndClass(self.prior(), self.shares)

    def quantile(self, probability: Tensor) -> Tensor:
        """Return the inverse CDF of a unit of the noise."""
        return self.prior.quantile(probability)

    def truncate(self, truncation: float) -> "Labelled":
        """Return the prior with its noise cut to |z_j| <= t."""
        cut = Labelled(self.prior.truncate(truncation), self.classes).to(self.shares)
        cut.shares.copy_(self.shares)
        return cut


class NoiseAndClass(Distribution):
    """Noise and an independent class: the last K values of a sample are one-hot.

    Args:
        noise: Batch shape (), event shape (d,).
        shares: The classes' probabilities, (K,).
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 (torch's convention)

    def __init__(self, noise: Distribution, shares: Tensor) -> None:
        size = noise.event_shape[0] + len(shares)
        super().__init__(event_shape=torch.Size([size]), validate_args=False)
        self.noise, self.shares = noise, shares

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log p(z) + log p(y), (*sample,), in nats; value is (*sample, d + K)."""
        z, y = value.split([self.noise.event_shape[0], len(self.shares)], dim=-1)
        return self.noise.log_prob(z) + torch.xlogy(y, self.shares).sum(-1)

    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """Return samples, (*sample_shape, d + K)."""
        z = self.noise.sample(torch.Size(sample_shape))
        edges = self.shares.cumsum(0)[:-1]  # p(y <= k): y is the first above a uniform number
        y = torch.searchsorted(edges, torch.rand(z.shape[:-1], device=z.device), right=True)
        return torch.cat([z, one_hot(y, len(self.shares)).to(z)], dim=-1)


class LazyPrior(Prior):
    """p(z) of a module whose call returns a distribution over R^d, such as a flow of zuko.

    Args:
        distribution: Module whose call returns a distribution of batch shape () and event shape
            (d,).
        formula: The density, or how codes are drawn.
    """

    def __init__(
        self, distribution: nn.Module, formula: str = "p(z) of a learned distribution over R^d"
    ) -> None:
        super().__init__()
        self.distribution, self.formula = distribution, formula

    def forward(self) -> FullPrecision:
        """Return p(z): batch shape (), event shape (d,)."""
        return FullPrecision(self.distribution())


@PRIORS.register("flow")
def flow_prior(latent_dim: int) -> LazyPrior:
    """Return a prior that is learned: z = T^-1(u), u ~ N(0, I), log p(z) = log N(T(z)) + log |T'|.

    T has splines in its coupling transformations; see `immersion.nn.spline_flow`.

    Args:
        latent_dim: d, the dimension of z.

    Raises:
        UserError: zuko is not installed.

    Reference:
        Chen et al. 2017, Variational lossy autoencoder, section 3.2,
        https://arxiv.org/abs/1611.02731; Durkan et al. 2019, https://arxiv.org/abs/1906.04032
    """
    return LazyPrior(build_spline_flow(latent_dim), "z = T^-1(u), u ~ N(0, I)")


def _invert_truncated(u: Tensor, truncation: float) -> Tensor:
    """Return sqrt 2 erf^-1(u erf(t / sqrt 2)), u in (-1, 1)."""
    return math.sqrt(2) * torch.erfinv(u * math.erf(truncation / math.sqrt(2)))
