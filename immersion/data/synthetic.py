"""Points of known distributions: mixtures, a linear Gaussian model, and two curved sets."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from immersion.data.dataset import Dataset
from immersion.data.source import Source, register
from immersion.data.splits import SEED, from_tensors
from immersion.data.store import sha256
from immersion.random import derive_seed
from immersion.spec import Spec

Points = tuple[np.ndarray, np.ndarray | None]
"""Points, (n, D), and labels, (n,) or None."""

Sampler = Callable[[int, np.random.Generator], Points]
"""Function that samples n points."""


@dataclass(frozen=True)
class GaussianMixture:
    """Round Gaussians of one width and weight: p(x) = 1/K sum_k N(x; mu_k, sigma^2 I).

    Args:
        means: mu, (K, D).
        sigma: Standard deviation of each Gaussian in every direction.
    """

    means: Tensor
    sigma: float

    def log_density(self, x: Tensor) -> Tensor:
        """Return log p(x), (...) in nats, of points x, (..., D)."""
        modes, dimensions = self.means.shape
        squares = (x.unsqueeze(-2) - self.means.to(x)).square().sum(-1)
        constant = math.log(modes) + dimensions * math.log(self.sigma * math.sqrt(2 * math.pi))
        return torch.logsumexp(-squares / (2 * self.sigma**2), dim=-1) - constant

    def sample(self, n: int, random: np.random.Generator) -> Points:
        """Sample n points, (n, D), and the index of each one's Gaussian, (n,)."""
        mode = random.integers(len(self.means), size=n)
        noise = random.standard_normal((n, self.means.shape[1]))
        return self.means.numpy()[mode] + self.sigma * noise, mode


@dataclass(frozen=True)
class LinearGaussian:
    """Probabilistic PCA's model: x = W z + mu + sigma eps, z and eps standard normal.

    Its density is N(x; mu, W W' + sigma^2 I) and its posterior p(z|x) is
    N(M^-1 W' (x - mu), sigma^2 M^-1) with M = W' W + sigma^2 I.

    Args:
        W: (D, d).
        mean: mu, (D,).
        sigma: Standard deviation of the noise.

    Reference:
        Tipping & Bishop 1999, Probabilistic Principal Component Analysis, section 3
    """

    W: Tensor
    mean: Tensor
    sigma: float

    @property
    def covariance(self) -> Tensor:
        """Return W W' + sigma^2 I, (D, D)."""
        return self.W @ self.W.T + self.sigma**2 * torch.eye(len(self.W), dtype=self.W.dtype)

    def log_density(self, x: Tensor) -> Tensor:
        """Return log p(x), (...) in nats, of points x, (..., D)."""
        return MultivariateNormal(self.mean.to(x), self.covariance.to(x)).log_prob(x)

    def sample(self, n: int, random: np.random.Generator) -> Points:
        """Sample n points, (n, D), without labels."""
        z = random.standard_normal((n, self.W.shape[1]))
        noise = random.standard_normal((n, len(self.W)))
        return z @ self.W.numpy().T + self.mean.numpy() + self.sigma * noise, None


def ring_means() -> Tensor:
    """Return 8 points on the unit circle, (8, 2)."""
    angle = torch.arange(8, dtype=torch.float64) * (math.pi / 4)
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def grid_means() -> Tensor:
    """Return the 25 points of {-4, -2, 0, 2, 4}^2, (25, 2)."""
    axis = torch.arange(-4.0, 5.0, 2.0, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis)


def linear_gaussian(dimensions: int = 8, latents: int = 3) -> LinearGaussian:
    """Return the model of the set `linear-gaussian`: its W, mean and sigma."""
    random = np.random.default_rng(derive_seed(SEED, "linear-gaussian/parameters"))
    strengths = np.linspace(2.0, 1.0, latents)  # different, so that the axes can be distinguished
    W = random.standard_normal((dimensions, latents)) * strengths
    return LinearGaussian(
        torch.from_numpy(W), torch.from_numpy(random.standard_normal(dimensions)), 0.5
    )


def swiss_roll(t: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the points (t cos t, v, t sin t), (n, 3), of angles t and heights v, (n,)."""
    return np.stack([t * np.cos(t), v, t * np.sin(t)], axis=1)


def two_moons(angle: np.ndarray, moon: np.ndarray) -> np.ndarray:
    """Return points, (n, 2): (cos a, sin a) on moon 0, (1 - cos a, 1/2 - sin a) on moon 1."""
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.where(moon[:, None] == 1, np.array([1.0, 0.5]) - upper, upper)


def sample_swiss_roll(n: int, random: np.random.Generator) -> Points:
    """Sample n points of the roll with noise of 0.1: t from 1.5 pi to 4.5 pi, v from 0 to 21."""
    t, v = random.uniform(1.5 * np.pi, 4.5 * np.pi, n), random.uniform(0, 21, n)
    return swiss_roll(t, v) + 0.1 * random.standard_normal((n, 3)), None


def sample_two_moons(n: int, random: np.random.Generator) -> Points:
    """Sample n points of the half circles with noise of 0.1, and the moon of each."""
    moon = random.integers(2, size=n)
    points = two_moons(random.uniform(0, np.pi, n), moon)
    return points + 0.1 * random.standard_normal((n, 2)), moon


def sample_dataset(spec: Spec, counts: tuple[int, int, int], sample: Sampler) -> Dataset:
    """Sample a data set of `counts` points from a fixed seed."""
    points, labels = sample(sum(counts), np.random.default_rng(derive_seed(SEED, spec.name)))
    x = torch.from_numpy(points.astype(np.float32))
    y = None if labels is None else torch.from_numpy(labels.astype(np.int64))
    indices = list(torch.arange(len(x)).split(counts))
    checksums = {"values": sha256(x.numpy().tobytes())}
    return from_tensors(spec, x, y, indices, checksums, "drawn from a fixed seed")


RING = GaussianMixture(ring_means(), 0.01)
GRID = GaussianMixture(grid_means(), 0.05)
LINEAR_GAUSSIAN = linear_gaussian()


def register_points(
    name: str,
    description: str,
    sample: Sampler,
    counts: tuple[int, int, int],
    shape: tuple[int, ...],
    classes: int = 0,
) -> None:
    """Register a named set of points."""
    spec = Spec(name, shape, "real", tuple(str(k) for k in range(classes)))
    register(
        Source(
            spec,
            description,
            counts,
            "none needed: drawn by this package",
            "https://arxiv.org/abs/1712.04086" if classes >= 8 else "",
            lambda files: sample_dataset(spec, counts, sample),
        )
    )


FEW, MANY = (10_000, 1_000, 1_000), (100_000, 10_000, 10_000)
register_points("ring", "8 Gaussians on a circle, sigma 0.01 (PacGAN)", RING.sample, MANY, (2,), 8)
register_points("grid", "25 Gaussians on a grid, sigma 0.05 (PacGAN)", GRID.sample, MANY, (2,), 25)
register_points(
    "linear-gaussian", "x = W z + mu + noise, W and mu known", LINEAR_GAUSSIAN.sample, FEW, (8,)
)
register_points(
    "swiss-roll", "a rolled-up sheet in space, with noise", sample_swiss_roll, FEW, (3,)
)
register_points("two-moons", "two half circles, with noise", sample_two_moons, FEW, (2,), 2)
