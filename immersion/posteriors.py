"""Approximate posteriors q(z|x): distributions parameterised by an encoder's output.

Not every distribution has a density, a mean, an entropy or a KL divergence in closed form. Whether
it does is decided here, and nowhere else.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import (
    Distribution,
    Independent,
    Normal,
    constraints,
    kl_divergence,
)
from torch.nn.functional import softplus

from immersion.nn.spline_flow import FullPrecision, build_spline_flow
from immersion.precision import widen
from immersion.registry import Registry

SMALLEST_SCALE = 1e-4
"""A floor under sigma: it bounds log q from above, so that no log-weight overflows."""

MEAN_SAMPLES = 64
"""Samples that a mean is estimated from where there is no closed form."""


class Posterior(nn.Module, ABC):
    """q(z|x): a module whose call turns an encoder's output into a distribution over codes.

    Args:
        parameter_shape: Shape of an encoder's output for one example.
    """

    def __init__(self, parameter_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.parameter_shape = parameter_shape

    @abstractmethod
    def forward(self, h: Tensor) -> Distribution:
        """Return q(z|x): h is (..., *parameter_shape), batch shape (...), event shape (d,)."""


POSTERIORS: Registry[Callable[[int], Posterior]] = Registry("posterior", "immersion.posteriors")
"""Posteriors with a density by name: each is called with d."""


class Deterministic(Posterior):
    """All mass on the encoder's output, as in an autoencoder: q has no density.

    Args:
        latent_dim: d.
    """

    def __init__(self, latent_dim: int) -> None:
        super().__init__((latent_dim,))

    def forward(self, h: Tensor) -> "PointMass":
        """Return all mass on h, (..., d)."""
        return PointMass(widen(h))


@POSTERIORS.register("diagonal-gaussian")
class DiagonalGaussian(Posterior):
    """q(z|x) = N(mu, diag(sigma^2)), sigma = softplus(s) + 1e-4, where h = (mu, s).

    Unlike exp(s), softplus grows linearly, so that an encoder output of large magnitude early in
    training does not overflow. Computed in float32 or wider.

    Args:
        latent_dim: d.

    Reference:
        Kingma & Welling 2014, equation (9), https://arxiv.org/abs/1312.6114

    Example:
        >>> q = DiagonalGaussian(2)(torch.zeros(3, 4))
        >>> q.batch_shape, q.event_shape
        (torch.Size([3]), torch.Size([2]))
    """

    def __init__(self, latent_dim: int) -> None:
        super().__init__((2 * latent_dim,))

    def forward(self, h: Tensor) -> Independent:
        """Return q(z|x): h is (..., 2 d), batch shape (...), event shape (d,)."""
        mu, s = widen(h).chunk(2, dim=-1)
        normal = Normal(mu, softplus(s) + SMALLEST_SCALE, validate_args=False)
        return Independent(normal, 1, validate_args=False)


class LazyPosterior(Posterior):
    """q(z|x) of a module c -> distribution over R^d, such as a conditional flow of zuko.

    Args:
        distribution: Module called with c, (..., context); returns a distribution of batch shape
            (...).
        context: Number of values in c.
    """

    def __init__(self, distribution: nn.Module, context: int) -> None:
        super().__init__((context,))
        self.distribution = distribution

    def forward(self, h: Tensor) -> FullPrecision:
        """Return q(z|x): h, (..., context), is c; batch shape (...), event shape (d,)."""
        return FullPrecision(self.distribution(widen(h)))


class _GaussianBase(nn.Module):
    """The first 2 d values of a context as a diagonal Gaussian."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.gaussian = DiagonalGaussian(latent_dim)

    def forward(self, c: Tensor) -> Independent:
        return self.gaussian(c[..., : self.gaussian.parameter_shape[0]])


@POSTERIORS.register("flow")
def flow_posterior(latent_dim: int) -> LazyPosterior:
    """Return q(z|x): z = T^-1(u; h), u ~ N(mu, diag(sigma^2)), where h = (mu, s, c), 4 d values.

    log q(z|x) = log N(T(z; h); mu, diag(sigma^2)) + log |det dT/dz|; T has splines in its coupling
    transformations (see `immersion.nn.spline_flow`), whose networks are given all of h.

    Args:
        latent_dim: d.

    Raises:
        UserError: zuko is not installed.

    Reference:
        Rezende & Mohamed 2015, section 4, https://arxiv.org/abs/1505.05770; Durkan et al. 2019,
        https://arxiv.org/abs/1906.04032
    """
    base = _GaussianBase(latent_dim)
    return LazyPosterior(build_spline_flow(latent_dim, 4 * latent_dim, base), 4 * latent_dim)


class PointMass(Distribution):
    """All mass on one point, without a density: the code of an autoencoder, the image of a GAN.

    It has no `log_prob`: against any prior with a density a code's KL divergence is infinite,
    which is why an autoencoder has no ELBO; and an image g(z) has no likelihood, which is why a
    GAN is trained by a game.

    Args:
        point: (*batch, *event).
        event: Dimensions of one point: 1 for a code, 3 for an image.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 (torch's convention)
    has_rsample = True

    def __init__(self, point: Tensor, event: int = 1) -> None:
        batch = point.ndim - event
        super().__init__(point.shape[:batch], point.shape[batch:], validate_args=False)
        self.point = point

    @property
    def mean(self) -> Tensor:
        """Return the point, (*batch, *event)."""
        return self.point

    def rsample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """Return the point, repeated: (*sample_shape, *batch, *event)."""
        return self.point.expand(*sample_shape, *self.point.shape)


def has_density(p: Distribution) -> bool:
    """Return whether p has a log-density."""
    return _defines(p, "log_prob")


def has_mean(p: Distribution) -> bool:
    """Return whether p has a mean in closed form."""
    return _defines(p, "mean")


def has_variance(p: Distribution) -> bool:
    """Return whether p has a variance in closed form."""
    return _defines(p, "variance")


def has_entropy(p: Distribution) -> bool:
    """Return whether p has an entropy in closed form."""
    return _defines(p, "entropy")


def _defines(p: Distribution, member: str) -> bool:
    while isinstance(p, Independent):
        p = p.base_dist
    return getattr(type(p), member) is not getattr(Distribution, member)


def compute_mean(p: Distribution) -> Tensor:
    """Return E[z], (*batch, *event), or where it has no closed form the mean of 64 samples.

    The estimate's standard error is an eighth of p's standard deviation.

    Example:
        >>> compute_mean(PointMass(torch.tensor([1.0, 2.0])))
        tensor([1., 2.])
    """
    return p.mean if has_mean(p) else p.sample(torch.Size([MEAN_SAMPLES])).mean(0)


def compute_kl_per_unit(q: Distribution, p: Distribution) -> Tensor | None:
    """Return KL(q(z_j|x) || p(z_j)) of each latent unit, (B, d), in nats, in closed form.

    For q = N(mu, diag(sigma^2)) and p = N(0, I): (mu^2 + sigma^2 - 1)/2 - log sigma.

    Returns:
        None if q or p does not factorise, or their factors have no KL in closed form.

    Reference:
        Kingma & Welling 2014, appendix B, https://arxiv.org/abs/1312.6114
    """
    if not (isinstance(q, Independent) and isinstance(p, Independent)):
        return None
    try:
        return kl_divergence(q.base_dist, p.base_dist)
    except NotImplementedError:  # PyTorch's answer for a pair without a closed form
        return None


def estimate_kl(q: Distribution, p: Distribution, z: Tensor) -> Tensor:
    """Return log q(z|x) - log p(z), (*sample, B), whose mean over z ~ q(z|x) is KL(q || p)."""
    return q.log_prob(z) - p.log_prob(z)
