"""The logarithm map: initial velocities of geodesics between points."""

from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.geometry.exponential import STEPS, measure_speeds, shoot_geodesics
from immersion.geometry.geodesics import SEGMENTS, find_geodesics
from immersion.geometry.manifold import Manifold

TOLERANCE = 1e-8
"""Residual below which a shot geodesic has reached its end."""


@dataclass(frozen=True)
class Logs:
    """Initial velocities v of geodesics from a to b, with exp_a(v) = b.

    Args:
        velocities: (B, d), in latents.
        lengths: (B,) |Dg(a) v|, the length of the geodesic.
        residuals: (B,) |g(exp_a(v)) - g(b)|, relative to the length.
        converged: (B,) whether the residual is below the tolerance, and the discretised geodesic
            that the search started from had converged. Where not, v is the best found.
        curves: (B, T + 1, d) the discretised geodesics.
    """

    velocities: Tensor
    lengths: Tensor
    residuals: Tensor
    converged: Tensor
    curves: Tensor


def compute_logs(
    manifold: Manifold,
    a: Tensor,
    b: Tensor,
    *,
    segments: int = SEGMENTS,
    start: Tensor | None = None,
    steps: int = STEPS,
    tolerance: float = TOLERANCE,
    iterations: int = 10,
) -> Logs:
    """Return log_a(b): the initial velocities of geodesics from a to b that take time 1.

    A discretised geodesic gives the velocity to second order in 1 / segments. Newton's method on
    exp_a(v) = b, with differences of the exponential map for its derivative, improves it to the
    precision of `steps`. The geodesic is the shortest only if `start` is in its basin.

    Args:
        manifold: The map.
        a, b: (B, d) ends.
        segments: Segments of the discretised geodesics, at least 2.
        start: (B, S + 1, d) curves to start from; by default straight lines.
        steps: Steps of the exponential map.
        tolerance: Residual to reach, see `Logs`.
        iterations: Most Newton iterations; with 0, the discretised geodesic's velocity is kept.

    Raises:
        UserError: The ends do not fit the map, or Dg has not full rank at one of them.

    Example:
        >>> def sphere(z):
        ...     u, v = z.unbind(1)
        ...     return torch.stack([u.cos() * v.cos(), u.cos() * v.sin(), u.sin()], 1)
        >>> a, b = torch.tensor([[[0.0, 0.0]], [[0.0, 1.0]]], dtype=torch.float64)
        >>> logs = compute_logs(Manifold(sphere, 2), a, b)
        >>> logs.velocities.abs().round(decimals=6), bool(logs.converged)
        (tensor([[0., 1.]], dtype=torch.float64), True)

    Reference:
        Pennec 2006, Intrinsic statistics on Riemannian manifolds, section 3.4,
        https://doi.org/10.1007/s10851-006-6228-4
    """
    if segments < 2:
        raise UserError("a velocity needs three points of a curve", "2 or more segments", segments)
    found = find_geodesics(manifold, a, b, segments=segments, start=start)
    aim = _Aim(manifold, a, b, manifold.points(b), found.lengths, steps)
    velocities, residuals = _improve(
        aim, differentiate_at_start(found.curves), tolerance, iterations
    )
    lengths = measure_speeds(manifold, a, velocities)
    converged = found.converged & (residuals <= tolerance)
    # Relative to a length of 0, residuals are rounding errors.
    same = (a == b).all(1)
    velocities[same], lengths[same], residuals[same] = 0, 0, 0
    converged |= same
    return Logs(velocities, lengths, residuals, converged, found.curves)


def differentiate_at_start(curves: Tensor) -> Tensor:
    """Return dz/dt at t = 0 of curves over [0, 1], (B, T + 1, d), to second order: (B, d).

    Example:
        >>> t = torch.linspace(0, 1, 11).reshape(1, -1, 1)
        >>> differentiate_at_start(3 * t + t**2).round(decimals=4)
        tensor([[3.]])
    """
    slope = -1.5 * curves[:, 0] + 2 * curves[:, 1] - 0.5 * curves[:, 2]
    return (curves.shape[1] - 1) * slope


@dataclass(frozen=True)
class _Aim:
    """Geodesics to shoot from a at b: the image of b, their lengths and steps."""

    manifold: Manifold
    a: Tensor
    b: Tensor
    target: Tensor
    lengths: Tensor
    steps: int

    def shoot(self, index: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Return exp_a(v) of the rows of an index, NaN where it fails, and the residuals."""
        points = _try_to_shoot(self.manifold, self.a[index], v, self.steps)
        good = points.isfinite().all(1)
        residuals = torch.full_like(points[:, 0], torch.inf)
        if good.any():
            missed = (self.manifold.points(points[good]) - self.target[index][good]).norm(dim=1)
            tiny = torch.finfo(missed.dtype).tiny
            residuals[good] = missed / self.lengths[index][good].clamp(min=tiny)
        return points, residuals


def _improve(aim: _Aim, v: Tensor, tolerance: float, iterations: int) -> tuple[Tensor, Tensor]:
    """Return velocities after Newton's method, with shorter steps where it fails, and residuals.

    The derivative of the exponential map is kept while the residual shrinks tenfold.
    """
    best, steps = v.clone(), torch.zeros_like(v)
    slopes = torch.zeros(*v.shape, v.shape[1], dtype=v.dtype, device=v.device)
    residuals = torch.full_like(v[:, 0], torch.inf)
    index = torch.arange(len(v), device=v.device)
    for iteration in range(iterations + 1):
        trial = best[index] + steps[index]
        points, missed = aim.shoot(index, trial)
        before = residuals[index]
        better = missed < before
        best[index[better]], residuals[index[better]] = trial[better], missed[better]
        steps[index[~better]] *= 0.25
        wanted = better & (missed > tolerance)
        if iteration < iterations:
            stale = wanted & ~((missed < 0.1 * before) & before.isfinite())
            rows = index[stale]
            slopes[rows] = _differentiate(aim, rows, trial[stale], points[stale])
            rows = index[wanted]
            steps[rows] = _solve(slopes[rows], aim.b[rows] - points[wanted])
        # Where the first shot has failed, there is nothing to improve.
        active = (residuals > tolerance) & residuals.isfinite() & steps.isfinite().all(1)
        index = active.nonzero()[:, 0]
        if not len(index):
            break
    return best, residuals


def _differentiate(aim: _Aim, index: Tensor, v: Tensor, points: Tensor) -> Tensor:
    """Return D exp_a(v), (N, d, d), by differences; NaN where a nudged geodesic fails."""
    if not len(index):
        return v.new_zeros(0, v.shape[1], v.shape[1])
    count, d = v.shape
    nudge = torch.finfo(v.dtype).eps ** 0.5 * v.norm(dim=1).clamp(min=torch.finfo(v.dtype).tiny)
    nudges = nudge.reshape(-1, 1, 1) * torch.eye(d, dtype=v.dtype, device=v.device)
    moved = (v.unsqueeze(1) + nudges).flatten(0, 1)
    ends = aim.shoot(index.repeat_interleave(d), moved)[0].unflatten(0, (count, d))
    return ((ends - points.unsqueeze(1)) / nudge.reshape(-1, 1, 1)).mT


def _solve(slopes: Tensor, missing: Tensor) -> Tensor:
    """Return Newton's steps, (N, d); NaN where there is none."""
    solution, failed = torch.linalg.solve_ex(slopes, missing.unsqueeze(-1))
    return torch.where(failed.reshape(-1, 1) > 0, torch.nan, solution.squeeze(-1))


def _try_to_shoot(manifold: Manifold, a: Tensor, v: Tensor, steps: int) -> Tensor:
    """Return exp_a(v), (B, d), with rows of NaN where it is not defined."""
    try:
        return shoot_geodesics(manifold, a, v, steps=steps).points
    except UserError:
        if len(a) == 1:
            return torch.full_like(a, torch.nan)
        return torch.cat(
            [
                _try_to_shoot(manifold, *rows, steps)
                for rows in zip(a.tensor_split(2), v.tensor_split(2), strict=True)
            ]
        )
