"""Frechet means and principal geodesic analysis."""

from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.check import UserError, check_at_least
from immersion.geometry.exponential import STEPS, shoot_geodesics
from immersion.geometry.frames import compute_frames
from immersion.geometry.geodesics import SEGMENTS
from immersion.geometry.logarithm import Logs, compute_logs
from immersion.geometry.manifold import Manifold, check_latents

TOLERANCE = 1e-6
"""Residual below which a mean has converged."""


@dataclass(frozen=True)
class FrechetMean:
    """A point whose sum of squared geodesic distances is locally least.

    Args:
        point: (d,) latents.
        variance: The weighted mean of the squared distances.
        residual: |weighted mean of log_m(z_i)| relative to the root of the variance; 0 for an
            exact mean.
        converged: True if the residual is below the tolerance, and all geodesics have converged.
        iterations: Steps taken.
        logs: The logarithms of the points at the mean.
    """

    point: Tensor
    variance: float
    residual: float
    converged: bool
    iterations: int
    logs: Logs


def compute_frechet_mean(
    manifold: Manifold,
    z: Tensor,
    *,
    weights: Tensor | None = None,
    segments: int = SEGMENTS,
    steps: int = STEPS,
    tolerance: float = TOLERANCE,
    iterations: int = 30,
) -> FrechetMean:
    """Return the minimum of sum_i w_i d(m, z_i)^2 over m, by m <- exp_m(sum_i w_i log_m(z_i)).

    It starts from the mean of the latents. Steps that raise the variance are halved.

    Args:
        manifold: The map.
        z: (N, d) latents.
        weights: (N,) not negative; by default equal. They are divided by their sum.
        segments: Segments of the geodesics.
        steps: Steps of the exponential map.
        tolerance: Residual to reach, see `FrechetMean`.
        iterations: Most steps.

    Raises:
        UserError: The latents or weights do not fit, or Dg has not full rank on the way.

    Example:
        >>> circle = Manifold(lambda z: torch.cat([z.exp().cos(), z.exp().sin()], 1), 1)
        >>> z = torch.tensor([[0.2], [1.0]], dtype=torch.float64).log()  # angles 0.2 and 1
        >>> mean = compute_frechet_mean(circle, z)
        >>> mean.point.exp().round(decimals=4), mean.converged
        (tensor([0.6000], dtype=torch.float64), True)

    Reference:
        Pennec 2006, Intrinsic statistics on Riemannian manifolds, section 4.6,
        https://doi.org/10.1007/s10851-006-6228-4
    """
    check_latents(z, manifold.dim)
    check_at_least(0, iterations=iterations)
    w = _normalise(z, weights)

    def visit(point: Tensor) -> _Visit:
        a = point.expand_as(z)
        logs = compute_logs(manifold, a, z, segments=segments, steps=steps)
        mean = w @ logs.velocities
        variance = float(w @ logs.lengths.square())
        size = float(compute_frames(manifold, point.unsqueeze(0)).to_frame(mean[None]).norm())
        residual = size / max(variance**0.5, torch.finfo(z.dtype).tiny)
        return _Visit(point, logs, mean, variance, residual)

    now = visit(w @ z)
    done, stride = 0, 1.0
    while now.residual > tolerance and done < iterations and stride > 1e-3:
        step = (stride * now.mean).unsqueeze(0)
        points = shoot_geodesics(manifold, now.point.unsqueeze(0), step, steps=steps).points
        then = visit(points[0])
        # Near the minimum, the variance changes by less than its rounding and geodesics' errors.
        if then.variance < now.variance or then.residual < now.residual / 2:
            now = then
        else:
            stride /= 2
        done += 1
    converged = now.residual <= tolerance and bool(now.logs.converged.all())
    return FrechetMean(now.point, now.variance, now.residual, converged, done, now.logs)


@dataclass(frozen=True)
class _Visit:
    """A candidate: logarithms of the points, their mean, the variance and the residual."""

    point: Tensor
    logs: Logs
    mean: Tensor
    variance: float
    residual: float


@dataclass(frozen=True)
class PrincipalGeodesics:
    """Directions of the largest variance at the Frechet mean.

    Args:
        mean: The mean, with its convergence.
        directions: (d, d), one latent tangent vector at the mean a row, of length 1 in the metric,
            in descending order of their variances.
        variances: (d,) of the coordinates.
        coordinates: (N, d) of the points: exp_m(sum_k coordinates[k] directions[k]) is the point.
    """

    mean: FrechetMean
    directions: Tensor
    variances: Tensor
    coordinates: Tensor


def find_principal_geodesics(
    manifold: Manifold,
    z: Tensor,
    *,
    segments: int = SEGMENTS,
    steps: int = STEPS,
    tolerance: float = TOLERANCE,
) -> PrincipalGeodesics:
    """Return the principal geodesics through the Frechet mean of z, (N, d).

    Principal components of the logarithms in the tangent space at the mean, whose inner product
    is the metric; the variances are divided by N. This is the linearised analysis: distances to
    the geodesics are those of the tangent space.

    Raises:
        UserError: As `compute_frechet_mean`.

    Example:
        >>> plane = Manifold(lambda z: torch.cat([z, z], 1), 2)
        >>> z = torch.tensor([[0.0, 0.0], [2.0, 0.0], [1.0, 1.0], [1.0, -1.0]]).double()
        >>> find_principal_geodesics(plane, z).variances.round(decimals=6)
        tensor([1., 1.], dtype=torch.float64)

    Reference:
        Fletcher, Lu, Pizer & Joshi 2004, Principal geodesic analysis for the study of nonlinear
        statistics of shape, algorithm 2, https://doi.org/10.1109/TMI.2004.831793
    """
    mean = compute_frechet_mean(manifold, z, segments=segments, steps=steps, tolerance=tolerance)
    frames = compute_frames(manifold, mean.point.unsqueeze(0))
    flat = mean.logs.velocities @ frames.r[0].mT
    values, vectors = torch.linalg.eigh(flat.mT @ flat / len(z))
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    directions = torch.linalg.solve_triangular(frames.r[0], vectors, upper=True).mT
    return PrincipalGeodesics(mean, directions, values, flat @ vectors)


def _normalise(z: Tensor, weights: Tensor | None) -> Tensor:
    """Return weights, (N,), that sum to 1."""
    if not len(z):
        raise UserError("there are no points", "1 or more", 0)
    if weights is None:
        return torch.full_like(z[:, 0], 1 / len(z))
    if weights.shape != z.shape[:1]:
        raise UserError("weights do not fit the points", (len(z),), tuple(weights.shape))
    if not weights.isfinite().all() or (weights < 0).any() or not weights.any():
        raise UserError("weights are invalid", "finite, not negative, and not all 0", weights)
    return weights.to(z) / weights.sum()
