"""Probabilistic PCA in closed form: the baseline, and the truth that bounds are tested against."""

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal

from immersion.check import UserError
from immersion.models.base import LatentVariableModel
from immersion.priors import StandardNormal

RESOLUTION = 1e-10
"""Eigenvalues below this share of the largest are rounding, not variance."""


class ProbabilisticPCA(LatentVariableModel):
    r"""p(z) = N(0, I_d), p(x|z) = N(W z + mu, sigma^2 I_D); everything else follows exactly.

    The posterior is N(M^-1 W'(x - mu), sigma^2 M^-1) with M = W'W + sigma^2 I, and the marginal is
    N(mu, W W' + sigma^2 I).

    Args:
        weight: W, (D, d).
        mean: mu, (D,).
        noise: sigma, the standard deviation of p(x|z).

    Reference:
        Tipping & Bishop 1999, Probabilistic principal component analysis, equations (3) to (8),
        https://doi.org/10.1111/1467-9868.00196

    Example:
        >>> torch.manual_seed(0).device.type
        'cpu'
        >>> x = torch.randn(1000, 3, dtype=torch.float64) * torch.tensor([3.0, 1.0, 1.0])
        >>> model = ProbabilisticPCA.fit(x, latent_dim=1)
        >>> gap = model.log_prob(x) - model.log_weights(x, k=1)[0]  # q is the posterior
        >>> bool(gap.abs().max() < 1e-10)
        True
    """

    weight: Tensor
    mean: Tensor
    noise: Tensor

    def __init__(self, weight: Tensor, mean: Tensor, noise: Tensor) -> None:
        super().__init__(weight.shape[1], StandardNormal(weight.shape[1]).to(weight.dtype))
        self.register_buffer("weight", weight)
        self.register_buffer("mean", mean)
        self.register_buffer("noise", noise)

    @classmethod
    def fit(cls, x: Tensor, latent_dim: int) -> "ProbabilisticPCA":
        """Return the maximum-likelihood model of x, (N, D): equations (7) and (8).

        W = U (Lambda - sigma^2 I)^(1/2) from the d leading eigenpairs of the covariance, and
        sigma^2 is the mean of the D - d left-out eigenvalues.

        Raises:
            UserError: `latent` is not below D, or the left-out eigenvalues are all zero.
        """
        if not 1 <= latent_dim < x.shape[1]:
            raise UserError(
                "probabilistic PCA needs fewer latents than dimensions",
                f"1 to {x.shape[1] - 1}",
                latent_dim,
            )
        mean = x.mean(0)
        centred = x - mean
        eigenvalues, vectors = torch.linalg.eigh(centred.T @ centred / len(x))
        left_out = eigenvalues[:-latent_dim].clamp(min=0).mean()
        if left_out <= RESOLUTION * eigenvalues[-1]:
            raise UserError(
                "probabilistic PCA has no noise to estimate",
                f"data that vary in more than {latent_dim} directions",
                "data that lie exactly in a plane of that dimension",
                "use fewer latents",
            )
        leading = (eigenvalues[-latent_dim:] - left_out).clamp(min=0).sqrt().flip(0)
        return cls(vectors[:, -latent_dim:].flip(1) * leading, mean, left_out.sqrt())

    def encode(self, x: Tensor) -> MultivariateNormal:
        """Return the exact posterior p(z|x): x is (B, D)."""
        eye = torch.eye(self.latent_dim, dtype=x.dtype, device=x.device)
        inverse = torch.linalg.inv(self.weight.T @ self.weight + self.noise**2 * eye)
        mean = (x - self.mean) @ self.weight @ inverse
        return MultivariateNormal(mean, covariance_matrix=self.noise**2 * inverse)

    def decode(self, z: Tensor) -> Distribution:
        """Return p(x|z) = N(W z + mu, sigma^2 I): z is (..., d)."""
        return Independent(Normal(z @ self.weight.T + self.mean, self.noise), 1)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the exact log p(x), (B,), in nats: log N(x; mu, W W' + sigma^2 I)."""
        dimensions = len(self.mean)
        centred = x - self.mean
        # Woodbury: only a d x d system is solved, so that images are no burden.
        eye = torch.eye(self.latent_dim, dtype=x.dtype, device=x.device)
        inner = self.weight.T @ self.weight + self.noise**2 * eye
        codes = centred @ self.weight
        explained = (codes * torch.linalg.solve(inner, codes.T).T).sum(-1)
        distance = (centred.square().sum(-1) - explained) / self.noise**2
        log_det = torch.logdet(inner) + 2 * (dimensions - self.latent_dim) * self.noise.log()
        return -0.5 * (dimensions * math.log(2 * math.pi) + log_det + distance)
