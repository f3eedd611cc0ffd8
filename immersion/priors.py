"""Priors p(z): what a generative model draws its codes from."""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, Uniform, constraints
from torch.nn.functional import one_hot

from immersion.check import UserError


class StandardNormal(nn.Module):
    """p(z) = N(0, I) in R^d, the lecture's prior; it has no parameters.

    Args:
        latent_dim: d, the dimension of z.

    Example:
        >>> prior = StandardNormal(2)
        >>> prior().log_prob(torch.zeros(2)).item()  # -log 2 pi
        -1.8378770351409912
    """

    zero: Tensor

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        # A buffer, so that the prior follows the model's device and precision.
        self.register_buffer("zero", torch.zeros(latent_dim), persistent=False)

    def forward(self) -> Independent:
        """Return p(z): batch shape (), event shape (d,)."""
        normal = Normal(self.zero, torch.ones_like(self.zero), validate_args=False)
        return Independent(normal, 1, validate_args=False)


class UniformCube(nn.Module):
    """p(z) uniform on (-sqrt 3, sqrt 3)^d: mean 0 and variance 1, as N(0, I), but bounded.

    Args:
        latent_dim: d, the dimension of z.

    Reference:
        Goodfellow et al. 2014, the published code, https://github.com/goodfeli/adversarial
    """

    edge: Tensor

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.register_buffer("edge", torch.full((latent_dim,), math.sqrt(3)), persistent=False)

    def forward(self) -> Independent:
        """Return p(z): batch shape (), event shape (d,)."""
        uniform = Uniform(-self.edge, self.edge, validate_args=False)
        return Independent(uniform, 1, validate_args=False)


class TruncatedNormal(nn.Module):
    """p(z) = N(0, I) cut to |z_j| <= t in every dimension: fewer odd samples, less variety.

    Each z_j = sqrt 2 erf^-1(u erf(t / sqrt 2)), u uniform on (-1, 1), has variance
    1 - 2 t phi(t) / (2 Phi(t) - 1).

    Args:
        latent_dim: d, the dimension of z.
        truncation: t > 0.

    Reference:
        Brock et al. 2019, section 3.1, https://arxiv.org/abs/1809.11096

    Example:
        >>> bool((TruncatedNormal(2, 0.5)().sample((100,)).abs() <= 0.5).all())
        True
    """

    zero: Tensor

    def __init__(self, latent_dim: int, truncation: float) -> None:
        super().__init__()
        self.truncation = truncation
        self.register_buffer("zero", torch.zeros(latent_dim), persistent=False)

    def forward(self) -> Independent:
        """Return p(z): batch shape (), event shape (d,)."""
        return Independent(CutNormal(self.zero, self.truncation), 1, validate_args=False)


class CutNormal(Distribution):
    """N(0, 1) cut to |z| <= t, independently wherever `zero` has a value.

    Args:
        zero: (d,), which says where the draws lie and in which precision.
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

    def sample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:
        """Return draws, (*sample_shape, d)."""
        t, shape = self.truncation, (*sample_shape, *self.zero.shape)
        # In float64: in float32 erf(t / sqrt 2) is 1 from t = 5.5 on.
        u = 2 * torch.rand(shape, dtype=torch.float64, device=self.zero.device) - 1
        z = math.sqrt(2) * torch.erfinv(u * math.erf(t / math.sqrt(2)))
        return z.to(self.zero).clamp(-t, t)


class Labelled(nn.Module):
    """p(z, y): noise z from a prior and, beside it, a class y ~ p(y), as one-hot values.

    Args:
        prior: The noise's prior: event shape (d,).
        classes: K.

    Attributes:
        shares: p(y), (K,): a buffer, even until it is told how often the data have each class.

    Example:
        >>> z = Labelled(StandardNormal(2), 3)().sample((5,))
        >>> z.shape, z[:, 2:].sum(1)
        (torch.Size([5, 5]), tensor([1., 1., 1., 1., 1.]))
    """

    shares: Tensor

    def __init__(self, prior: nn.Module, classes: int) -> None:
        super().__init__()
        self.prior, self.classes = prior, classes
        self.register_buffer("shares", torch.full((classes,), 1 / classes))

    def observe(self, y: Tensor) -> None:
        """Take p(y) from labels, (N,): the share of each class among them."""
        self.shares.copy_(y.bincount(minlength=self.classes) / len(y))

    def forward(self) -> "NoiseAndClass":
        """Return p(z, y): batch shape (), event shape (d + K,)."""
        return NoiseAndClass(self.prior(), self.shares)


class NoiseAndClass(Distribution):
    """Noise and an independent class: the last K values of a draw are one-hot.

    Args:
        noise: Batch shape (), event shape (d,).
        shares: The classes' probabilities, (K,).
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 (torch's convention)

    def __init__(self, noise: Distribution, shares: Tensor) -> None:
        size = noise.event_shape[0] + len(shares)
        super().__init__(event_shape=torch.Size([size]), validate_args=False)
        self.noise, self.shares = noise, shares

    def sample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:
        """Return draws, (*sample_shape, d + K)."""
        z = self.noise.sample(sample_shape)
        edges = self.shares.cumsum(0)[:-1]  # p(y <= k): the first above a uniform draw is y's
        y = torch.searchsorted(edges, torch.rand(z.shape[:-1], device=z.device), right=True)
        return torch.cat([z, one_hot(y, len(self.shares)).to(z)], dim=-1)


def truncated(prior: nn.Module, truncation: float) -> nn.Module:
    """Return a standard normal prior, or a labelled one, cut to |z_j| <= t.

    Raises:
        UserError: t is not above 0, or the prior is another one.
    """
    if not truncation > 0:
        raise UserError("the truncation is too small", "a number above 0", truncation)
    if isinstance(prior, Labelled):
        cut = Labelled(truncated(prior.prior, truncation), prior.classes).to(prior.shares)
        cut.shares.copy_(prior.shares)
        return cut
    if not isinstance(prior, StandardNormal):
        raise UserError(
            "these codes cannot be truncated",
            "a model whose prior is N(0, I)",
            type(prior).__name__,
            "leave the truncation out",
        )
    return TruncatedNormal(len(prior.zero), truncation).to(prior.zero)
