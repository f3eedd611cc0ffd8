"""Linear Gaussian models, of which everything is known: the truths that this folder shares."""

import math

import torch
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal

from immersion.likelihoods.gaussian import FLOOR, GaussianShared
from immersion.models import VAE
from immersion.nn import Architecture
from immersion.posteriors import SMALLEST_SCALE

LINEAR = Architecture("dense", depth=0)


def sample(eigenvalues, examples=512, mean=0.0, seed=0) -> tuple[Tensor, Tensor]:
    """Return x, (N, D) float64, whose covariance (by N) has exactly these eigenvalues, and U.

    The columns of U, (D, D), are the eigenvectors in the order of the eigenvalues.
    """
    generator = torch.Generator().manual_seed(seed)
    values = torch.tensor(eigenvalues, dtype=torch.float64)
    raw = torch.randn(examples, len(values), dtype=torch.float64, generator=generator)
    raw = raw - raw.mean(0)
    root = torch.linalg.cholesky(raw.T @ raw / examples)
    white = torch.linalg.solve_triangular(root, raw.T, upper=False).T
    square = torch.randn(len(values), len(values), dtype=torch.float64, generator=generator)
    vectors = torch.linalg.qr(square).Q
    return white * values.sqrt() @ vectors.T + mean, vectors


def linear_vae(W, b, sigma, V, c, scale) -> VAE:
    """Return the VAE p(x|z) = N(W z + b, sigma^2 I), q(z|x) = N(V x + c, diag(scale^2)).

    Args:
        W: (D, d).
        b: (D,).
        sigma: A number.
        V: (d, D).
        c: (d,).
        scale: (d,).
    """
    dimensions, latent_dim = W.shape
    likelihood = GaussianShared((dimensions,))
    model = VAE.build((dimensions,), latent_dim, likelihood, LINEAR).double()
    with torch.no_grad():
        model.decoder[1].weight.copy_(W)
        model.decoder[1].bias.copy_(b)
        raw = torch.expm1(scale - SMALLEST_SCALE).log()  # softplus of it is the scale again
        model.encoder[1].weight.copy_(torch.cat([V, torch.zeros_like(V)]))
        model.encoder[1].bias.copy_(torch.cat([c, raw]))
        likelihood.log_sigma.fill_(math.log(sigma - FLOOR))
    return model.eval()


def posterior(W, b, sigma) -> tuple[Tensor, Tensor, Tensor]:
    """Return V, c and P of p(z|x) = N(V x + c, P^-1), by Bayes' rule for Gaussians."""
    precision = torch.eye(W.shape[1], dtype=W.dtype) + W.T @ W / sigma**2
    V = torch.linalg.solve(precision, W.T) / sigma**2
    return V, -V @ b, precision


def log_marginal(x, W, b, sigma) -> Tensor:
    """Return log p(x) = log N(x; b, W W' + sigma^2 I), (B,), from the D x D covariance."""
    covariance = W @ W.T + sigma**2 * torch.eye(len(W), dtype=W.dtype)
    return MultivariateNormal(b, covariance).log_prob(x)


class Cubature(Independent):
    """A diagonal Gaussian whose 2 d draws are mu +- sqrt(d) sigma_j e_j, not random at all.

    Their plain mean is E_q[f(z)] without error for every f of degree three or less, so that an
    estimator that averages over draws gives its exact mean on a linear Gaussian model.
    """

    def rsample(self, sample_shape=()):
        mean, scale = self.base_dist.mean, self.base_dist.stddev
        d = mean.shape[-1]
        assert tuple(sample_shape) == (2 * d,)
        eye = torch.eye(d, dtype=mean.dtype)
        return mean + math.sqrt(d) * torch.cat([eye, -eye])[:, None] * scale


def with_cubature(model: VAE) -> VAE:
    """Return the model itself, its q(z|x) drawing the points of `Cubature`."""
    encode = model.encode
    model.encode = lambda x: Cubature(encode(x).base_dist, 1)
    return model
