"""The exponential map: geodesics from a point with an initial velocity."""

from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.check import UserError, check_at_least
from immersion.geometry.curvature import compute_acceleration
from immersion.geometry.frames import compute_frames
from immersion.geometry.manifold import Manifold, check_latents

STEPS = 20
"""Steps of a geodesic that is integrated from its initial velocity."""


@dataclass(frozen=True)
class Shots:
    """Geodesics from initial velocities, at times 0, 1/S, ..., 1.

    Args:
        curves: (B, S + 1, d) latents.
        velocities: (B, S + 1, d) dz/dt.
        drifts: (B,) largest relative change of the speed |Dg dz/dt|, which is constant along exact
            geodesics: of the order of the relative error of the integration. 0 for a velocity 0.
    """

    curves: Tensor
    velocities: Tensor
    drifts: Tensor

    @property
    def points(self) -> Tensor:
        """The latents at time 1, (B, d)."""
        return self.curves[:, -1]


def shoot_geodesics(manifold: Manifold, z: Tensor, v: Tensor, *, steps: int = STEPS) -> Shots:
    """Return exp_z(v): the solutions of z'' = -Gamma(z)[z', z'] with z(0) = z and z'(0) = v.

    Integrated by the classical Runge-Kutta method, whose error is of order steps^-4.

    Args:
        manifold: The map.
        z: (B, d) points.
        v: (B, d) initial velocities, in latents; Dg v is the tangent vector.
        steps: S.

    Raises:
        UserError: Dg loses rank, or the latents become infinite, along a geodesic.

    Example:
        >>> def sphere(z):
        ...     u, v = z.unbind(1)
        ...     return torch.stack([u.cos() * v.cos(), u.cos() * v.sin(), u.sin()], 1)
        >>> z = torch.zeros(1, 2, dtype=torch.float64)
        >>> shots = shoot_geodesics(Manifold(sphere, 2), z, torch.tensor([[1.0, 0.0]]).double())
        >>> shots.points.round(decimals=6), bool(shots.drifts < 1e-6)
        (tensor([[1., 0.]], dtype=torch.float64), True)

    Reference:
        do Carmo 1992, Riemannian Geometry, chapter 3, equation (1); Lee 2018, Introduction to
        Riemannian Manifolds, equation (4.16)
    """
    check_at_least(1, steps=steps)
    check_velocities(z, v, manifold)
    step = 1 / steps
    curve, velocities = [z], [v]
    for number in range(1, steps + 1):
        try:
            z, v = _step(manifold, z, v, step)
            check_latents(z, manifold.dim)
        except UserError as error:
            what = f"a geodesic cannot be integrated at step {number} of {steps}"
            raise UserError(f"{what}: {error}") from error
        curve.append(z)
        velocities.append(v)
    curves, stacked = torch.stack(curve, 1), torch.stack(velocities, 1)
    return Shots(curves, stacked, _measure_drifts(manifold, curves, stacked))


def check_velocities(z: Tensor, v: Tensor, manifold: Manifold) -> None:
    """Raise `UserError` unless z and v are finite latents and vectors of the same shape."""
    check_latents(z, manifold.dim)
    if v.shape != z.shape or v.dtype != z.dtype:
        received = (v.dtype, *v.shape)
        raise UserError("the vectors do not fit the latents", (z.dtype, *z.shape), received)
    if not v.isfinite().all():
        raise UserError("there are vectors that are not finite", received=v[~v.isfinite()][:3])


def measure_speeds(manifold: Manifold, z: Tensor, v: Tensor) -> Tensor:
    """Return |Dg(z) v|, (N,), of latent vectors v at z, (N, d)."""
    return compute_frames(manifold, z).to_frame(v).norm(dim=1)


def _step(manifold: Manifold, z: Tensor, v: Tensor, step: float) -> tuple[Tensor, Tensor]:
    """Return latents and velocities after a Runge-Kutta step of 4 stages."""
    half = step / 2
    a1 = compute_acceleration(manifold, z, v)
    v2 = v + half * a1
    a2 = compute_acceleration(manifold, z + half * v, v2)
    v3 = v + half * a2
    a3 = compute_acceleration(manifold, z + half * v2, v3)
    v4 = v + step * a3
    a4 = compute_acceleration(manifold, z + step * v3, v4)
    z = z + step / 6 * (v + 2 * v2 + 2 * v3 + v4)
    return z, v + step / 6 * (a1 + 2 * a2 + 2 * a3 + a4)


def _measure_drifts(manifold: Manifold, curves: Tensor, velocities: Tensor) -> Tensor:
    """Return the largest ||Dg z'| / |Dg z'(0)| - 1| along curves, (B,)."""
    flat = measure_speeds(manifold, curves.flatten(0, 1), velocities.flatten(0, 1))
    speeds = flat.unflatten(0, curves.shape[:2])
    start = speeds[:, :1]
    return ((speeds - start).abs() / start.clamp(min=torch.finfo(start.dtype).tiny)).amax(1)
