"""The Frechet distance between two sets of features, each taken as a Gaussian."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from immersion.metrics.estimate import Estimate
from immersion.metrics.samples.validation import validate_pair
from immersion.random import make_generator

SIZES = 15
"""Subset sizes of the extrapolation, as in the paper."""
UNIT = "squared feature units"


def compute_frechet_distance(a: Tensor, b: Tensor) -> float:
    r"""Return |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)), in squared units of the features.

    It is the squared 2-Wasserstein distance between the Gaussians with the sets' means and
    covariances. Its value depends on the features: report their name with the number.

    Args:
        a: (N, F), N > F.
        b: (M, F), M > F.

    Raises:
        UserError: A set has no more examples than dimensions: its covariance has no inverse.

    Reference:
        Dowson & Landau 1982, https://doi.org/10.1016/0047-259X(82)90077-X

    Example:
        >>> x = torch.randn(100, 3, dtype=torch.float64, generator=torch.manual_seed(0))
        >>> round(compute_frechet_distance(x, x + 2.0), 6)  # a shift by 2 in each of 3 features
        12.0
    """
    return _distance(*_gaussians(*validate_pair(a, b, more_than=a.shape[-1])))


def compute_frechet(real: Tensor, drawn: Tensor) -> Estimate:
    r"""Return `compute_frechet_distance` with its standard error by the infinitesimal jackknife.

    The distance is a smooth function of the two means and covariances, and its derivative is
    known: with T the matrix that carries the Gaussian of the drawn features to that of the real,
    one drawn example y moves the distance, per weight that it gains, by

        phi(y) = 2 (m_y - m_x)'(y - m_y) + (y - m_y)'(I - T)(y - m_y) - its mean,

    and a real example likewise with T^-1. The squared standard error is Var(phi(x)) / N +
    Var(phi(y)) / M: one value an example, no resampling. The distance itself is too large by
    about a constant / N: see `compute_unbiased_frechet`.

    Args:
        real: Features, (N, F), N > F.
        drawn: (M, F), M > F.

    Reference:
        Dowson & Landau 1982, https://doi.org/10.1016/0047-259X(82)90077-X; Efron 1981 on the
        infinitesimal jackknife, https://doi.org/10.1093/biomet/68.3.589

    Example:
        >>> x = torch.randn(4000, 2, dtype=torch.float64, generator=torch.manual_seed(0))
        >>> print(compute_frechet(x[:2000], x[2000:] + 1.0))  # the truth is 2
        1.971 +- 0.09 squared feature units (n = 2000)
    """
    real, drawn = validate_pair(real, drawn, more_than=real.shape[-1])
    sides = _gaussians(real, drawn)
    return Estimate(_distance(*sides), _standard_error(real, drawn, *sides), len(drawn), UNIT)


def compute_unbiased_frechet(real: Tensor, drawn: Tensor, seed: int = 0) -> Estimate:
    r"""Return the Frechet distance extrapolated to infinitely many examples, FID_infinity.

    The distance of n examples is too large by about c / n. It is taken on random subsets of 15
    evenly spaced sizes, up to all examples, and a line d = d_inf + c / n is fitted by least
    squares: d_inf is the answer, and may be below 0 for equal distributions. Both sets shrink in
    the same proportion, so that the bias of both goes (the paper shrinks the drawn set alone, its
    real one being large and fixed). The squared standard error adds that of
    `compute_frechet`, which is the sets' own, and that of the line's intercept, which is the
    subsets'.

    Args:
        real: Features, (N, F), N > F; the line is good for N > 10 F or so.
        drawn: (M, F), M > F.
        seed: Seed of the subsets.

    Reference:
        Chong & Forsyth 2020, Effectively unbiased FID and Inception score, section 4,
        https://arxiv.org/abs/1911.07023

    Example:
        >>> x = torch.randn(4000, 20, dtype=torch.float64, generator=torch.manual_seed(0))
        >>> round(compute_frechet(x[:2000], x[2000:]).value, 2)  # the truth is 0
        0.1
        >>> print(compute_unbiased_frechet(x[:2000], x[2000:]))
        -0.02961 +- 0.02 squared feature units (n = 2000)
    """
    real, drawn = validate_pair(real, drawn, more_than=real.shape[-1])
    fewest = compute_smallest_share(min(len(real), len(drawn)), real.shape[1])
    fractions = torch.linspace(fewest, 1, SIZES, dtype=torch.float64)
    random = make_generator(seed, "frechet-unbiased")
    distances = []
    for fraction in fractions.tolist():
        subsets = (
            side[torch.randperm(len(side), generator=random)[: round(fraction * len(side))]]
            for side in (real, drawn)
        )
        distances.append(_distance(*_gaussians(*subsets)))
    value, variance = _intercept(1 / fractions, torch.tensor(distances, dtype=torch.float64))
    error = math.hypot(_standard_error(real, drawn, *_gaussians(real, drawn)), math.sqrt(variance))
    return Estimate(value, error, len(drawn), UNIT)


def compute_smallest_share(examples: int, dimensions: int) -> float:
    """Return the share of both sets that the smallest subsets of the extrapolation hold.

    A tenth, and more where that were too few for a covariance of so many dimensions.

    Args:
        examples: N, of the smaller set.
        dimensions: F < N.

    Example:
        >>> compute_smallest_share(2000, 50), compute_smallest_share(2000, 192)
        (0.1, 0.192)
    """
    fewest = max(examples / 10, min(2 * dimensions, (examples + dimensions) / 2))
    return fewest / examples


def _intercept(x: Tensor, y: Tensor) -> tuple[float, float]:
    """Return the intercept of the least-squares line through (x, y) and its variance."""
    centred = x - x.mean()
    spread = centred.square().sum()
    slope = (centred * y).sum() / spread
    residual = y - y.mean() - slope * centred
    variance = residual.square().sum() / (len(x) - 2)
    scale = 1 / len(x) + x.mean().square() / spread
    return (y.mean() - slope * x.mean()).item(), (variance * scale).item()


class _Gaussian(NamedTuple):
    mean: Tensor
    covariance: Tensor


def _gaussians(a: Tensor, b: Tensor) -> tuple[_Gaussian, _Gaussian]:
    first, second = (
        _Gaussian(side.mean(0), torch.atleast_2d(torch.cov(side.T))) for side in (a, b)
    )
    return first, second


def _distance(a: _Gaussian, b: _Gaussian) -> float:
    # tr (C_a C_b)^(1/2) from the symmetric C_a^(1/2) C_b C_a^(1/2): real and stable.
    root = _power(a.covariance, 0.5)
    cross = torch.linalg.eigvalsh(root @ b.covariance @ root).clamp(min=0).sqrt().sum()
    shift = (a.mean - b.mean).square().sum()
    return float(shift + a.covariance.trace() + b.covariance.trace() - 2 * cross)


def _standard_error(real: Tensor, drawn: Tensor, a: _Gaussian, b: _Gaussian) -> float:
    root, inverse = _power(a.covariance, 0.5), _power(a.covariance, -0.5)
    middle = root @ b.covariance @ root
    carry = root @ _power(middle, -0.5) @ root  # C_b to C_a
    back = inverse @ _power(middle, 0.5) @ inverse  # C_a to C_b
    variance = 0.0
    for side, own, other, matrix in ((real, a, b, back), (drawn, b, a, carry)):
        centred = side - own.mean
        phi = 2 * centred @ (own.mean - other.mean)
        phi += (centred * (centred - centred @ matrix)).sum(1)
        variance += phi.var().item() / len(side)
    return math.sqrt(variance)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """Return the power of a symmetric matrix; a direction without variance stays without."""
    values, vectors = torch.linalg.eigh(matrix)
    kept = values > values[-1].clamp(min=0) * len(values) * torch.finfo(values.dtype).eps
    powers = torch.where(kept, values.clamp(min=0), 1) ** exponent * kept
    return (vectors * powers) @ vectors.T
