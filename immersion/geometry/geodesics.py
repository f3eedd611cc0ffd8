"""Geodesics between points: discretised curves of least energy, many at once."""

from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.geometry.curves import compute_lengths, draw_lines, equalise_speed, trace
from immersion.geometry.manifold import Manifold, check_latents
from immersion.geometry.tridiagonal import solve_block_tridiagonal

SEGMENTS = 50
"""Segments of a discretised geodesic."""

TOLERANCE = 1e-6
"""Residual below which a geodesic has converged."""

DAMPING, SHRINK, GROW = 1e-3, 0.2, 5.0
"""Levenberg damping relative to the diagonal: at first, after a good step, after a bad one."""


@dataclass(frozen=True)
class Geodesics:
    """Geodesics, with what tells how far they can be trusted.

    Args:
        curves: (B, T + 1, d) latents, whose images have equal chords where `converged`.
        lengths: (B,) lengths of their images.
        straight_lengths: (B,) lengths of the images of the straight lines between their ends.
        residuals: (B,) largest tangential part of x_{t-1} - 2 x_t + x_{t+1}, relative to the mean
            chord; 0 for an exact discrete geodesic.
        converged: (B,) whether the residual is below the tolerance.
        iterations: Number of iterations of the slowest curve.
    """

    curves: Tensor
    lengths: Tensor
    straight_lengths: Tensor
    residuals: Tensor
    converged: Tensor
    iterations: int


@dataclass
class _State:
    """Curves in the making, each with its damping."""

    curves: Tensor
    images: Tensor
    energies: Tensor
    damping: Tensor
    residuals: Tensor


def find_geodesics(
    manifold: Manifold,
    a: Tensor,
    b: Tensor,
    *,
    segments: int = SEGMENTS,
    start: Tensor | None = None,
    tolerance: float = TOLERANCE,
    iterations: int = 200,
) -> Geodesics:
    r"""Return geodesics from a to b: minima of the energy (T / 2) sum_t |g(z_{t+1}) - g(z_t)|^2.

    Gauss-Newton steps with Levenberg's damping: the residuals are chords, their Jacobian is block
    bidiagonal, so that a step solves a block tridiagonal system. A minimum is local; a geodesic is
    the shortest curve only if the start was in its basin. It is never longer than its start.

    Args:
        manifold: The map.
        a, b: (B, d) ends.
        segments: T.
        start: (B, S + 1, d) curves to start from; by default straight lines.
        tolerance: Residual to reach, see `Geodesics`.
        iterations: Most iterations.

    Raises:
        UserError: The ends do not fit the map or one another.

    Example:
        >>> def sphere(z):
        ...     u, v = z.unbind(1)
        ...     return torch.stack([u.cos() * v.cos(), u.cos() * v.sin(), u.sin()], 1)
        >>> ends = torch.tensor([[[0.5, 0.0]], [[0.5, 1.5]]], dtype=torch.float64)
        >>> found = find_geodesics(Manifold(sphere, 2), *ends, segments=100)
        >>> found.lengths.round(decimals=4), found.straight_lengths.round(decimals=4)
        (tensor([1.2825], dtype=torch.float64), tensor([1.3164], dtype=torch.float64))

    Reference:
        Shao, Kumar & Fletcher 2017, algorithm 1, https://arxiv.org/abs/1711.08014, minimise the
        same energy by gradient descent.
    """
    for ends in (a, b):
        check_latents(ends, manifold.dim)
    if a.shape != b.shape:
        raise UserError("a and b differ in shape", tuple(a.shape), tuple(b.shape))
    lines = draw_lines(a, b, segments)
    # Chords of unequal lengths measure a curve as shorter than it is.
    even = equalise_speed(manifold, lines)
    straight = torch.maximum(compute_lengths(manifold, lines), compute_lengths(manifold, even))
    curves = even if start is None else equalise_speed(manifold, start, segments)
    state = _evaluate(manifold, curves, torch.full_like(straight, DAMPING))
    done = 0
    active = state.residuals > tolerance
    while done < iterations and active.any():
        _improve(manifold, state, active)
        active = (state.residuals > tolerance) & (state.damping < 1e8)
        done += 1
    lengths = state.images.diff(dim=1).norm(dim=-1).sum(1)
    return Geodesics(
        state.curves, lengths, straight, state.residuals, state.residuals <= tolerance, done
    )


def _evaluate(manifold: Manifold, curves: Tensor, damping: Tensor) -> _State:
    images = trace(manifold, curves)
    energies = images.diff(dim=1).square().sum((1, 2))
    residuals = torch.full_like(energies, torch.inf)
    return _State(curves, images, energies, damping, residuals)


def _improve(manifold: Manifold, state: _State, active: Tensor) -> None:
    """Step where that lowers the energy of an active curve, and raise its damping elsewhere."""
    index = active.nonzero()[:, 0]
    curves, images = state.curves[index], state.images[index]
    inner = curves[:, 1:-1]
    jacobians = manifold.jacobian(inner.flatten(0, 1)).unflatten(0, inner.shape[:2])
    bends = images[:, :-2] - 2 * images[:, 1:-1] + images[:, 2:]
    gradient = (jacobians.mT @ bends.unsqueeze(-1)).squeeze(-1)
    metrics = jacobians.mT @ jacobians
    state.residuals[index] = _measure_residuals(metrics, gradient, images)
    steps = _solve(metrics, jacobians, gradient, state.damping[index])
    moved = torch.cat([curves[:, :1], inner + steps, curves[:, -1:]], 1)
    usable = moved.flatten(1).isfinite().all(1)
    moved = torch.where(usable.reshape(-1, 1, 1), moved, curves)
    traced = trace(manifold, moved)
    energies = traced.diff(dim=1).square().sum((1, 2))
    better = usable & (energies <= state.energies[index])
    keep = better.reshape(-1, 1, 1)
    state.curves[index] = torch.where(keep, moved, curves)
    state.images[index] = torch.where(keep, traced, images)
    state.energies[index] = torch.where(better, energies, state.energies[index])
    state.damping[index] *= torch.where(better, SHRINK, GROW)


def _solve(metrics: Tensor, jacobians: Tensor, gradient: Tensor, damping: Tensor) -> Tensor:
    """Return the damped Gauss-Newton steps of inner points, (B, T - 1, d)."""
    scale = metrics.diagonal(dim1=-2, dim2=-1).mean((1, 2)) * damping
    eye = torch.eye(metrics.shape[-1], dtype=metrics.dtype, device=metrics.device)
    diagonal = 2 * metrics + scale.reshape(-1, 1, 1, 1) * eye
    upper = -jacobians[:, :-1].mT @ jacobians[:, 1:]
    return solve_block_tridiagonal(diagonal, upper, gradient)


def _measure_residuals(metrics: Tensor, gradient: Tensor, images: Tensor) -> Tensor:
    """Return the largest |P (x_{t-1} - 2 x_t + x_{t+1})| over the mean chord, (B,)."""
    chord = images.diff(dim=1).norm(dim=-1).mean(1)
    # |P b|^2 = (J'b)' G^-1 (J'b); the pseudo-inverse leaves directions out that g does not see.
    inverse = torch.linalg.pinv(metrics, hermitian=True)
    tangential = (gradient.unsqueeze(-2) @ inverse @ gradient.unsqueeze(-1)).flatten(1)
    bend = tangential.clamp(min=0).sqrt().amax(1)
    # Of ends that coincide, the curve is a point, whose chords are rounding errors.
    smallest = torch.finfo(chord.dtype).eps * images.abs().amax((1, 2))
    return torch.where(chord <= smallest, 0.0, bend / chord.clamp(min=smallest))
