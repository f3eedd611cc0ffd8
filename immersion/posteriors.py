"""Approximate posteriors q(z|x): what an encoder's numbers mean."""

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, constraints, kl_divergence
from torch.nn.functional import softplus

from immersion.precision import widen

SMALLEST_SCALE = 1e-4
"""A floor under sigma: it bounds log q from above, so that no log-weight overflows."""


def diagonal_gaussian(h: Tensor) -> Independent:
    """Return q(z|x) = N(mu, diag(sigma^2)) from an encoder's output.

    sigma = softplus(s) + 1e-4, where h = (mu, s). Unlike exp(s), softplus grows linearly, so that
    a far-off encoder output early in training does not overflow.

    Args:
        h: (..., 2 d); computed with in float32 or wider.

    Returns:
        A distribution with batch shape (...) and event shape (d,).

    Reference:
        Kingma & Welling 2014, equation (9), https://arxiv.org/abs/1312.6114

    Example:
        >>> q = diagonal_gaussian(torch.zeros(3, 4))
        >>> q.batch_shape, q.event_shape
        (torch.Size([3]), torch.Size([2]))
    """
    mu, s = widen(h).chunk(2, dim=-1)
    normal = Normal(mu, softplus(s) + SMALLEST_SCALE, validate_args=False)
    return Independent(normal, 1, validate_args=False)


def kl_units(q: Distribution, prior: Distribution) -> Tensor:
    """Return KL(q(z_j|x) || p(z_j)) of each latent unit, (B, d), in nats; both factorise.

    For q = N(mu, diag(sigma^2)) and p = N(0, I): (mu^2 + sigma^2 - 1)/2 - log sigma.

    Raises:
        TypeError: A distribution that does not factorise.

    Reference:
        Kingma & Welling 2014, appendix B, https://arxiv.org/abs/1312.6114
    """
    if not (isinstance(q, Independent) and isinstance(prior, Independent)):
        raise TypeError("the KL of each unit needs q and p that factorise (Independent)")
    return kl_divergence(q.base_dist, prior.base_dist)


class PointMass(Distribution):
    """All mass on one point, no density: the code of an autoencoder, the image of a GAN.

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

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:
        """Return the point, repeated: (*sample_shape, *batch, *event)."""
        return self.point.expand(*sample_shape, *self.point.shape)
