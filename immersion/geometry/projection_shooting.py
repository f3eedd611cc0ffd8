"""Geodesic shooting by projections, as Shao, Kumar & Fletcher do it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.geometry.exponential import check_velocities
from immersion.geometry.frames import compute_frames
from immersion.geometry.manifold import Manifold


@dataclass(frozen=True)
class ProjectedShots:
    """Geodesics from initial velocities, by a method of first order.

    Args:
        curves: (B, S + 1, d) latents.
        velocities: (B, d) latent velocities at the ends.
        errors: (B,) estimates of the distance of the end's image from that of the exact geodesic,
            relative to the length: the difference to the curve of half as many steps.
    """

    curves: Tensor
    velocities: Tensor
    errors: Tensor

    @property
    def points(self) -> Tensor:
        """The latents at time 1, (B, d)."""
        return self.curves[:, -1]


def shoot_by_projection(
    manifold: Manifold, z: Tensor, v: Tensor, *, steps: int = 100
) -> ProjectedShots:
    """Return geodesics by algorithm 3 of Shao, Kumar & Fletcher.

    z_{t+1} = z_t + v_t / S; u_{t+1} = U U' u_t, scaled to the length of u_t, for u_0 = Dg(z_0) v_0
    and Dg(z_{t+1}) = U S V'; v_{t+1} = V S^-1 U' u_{t+1}. It is of first order in 1/S;
    `shoot_geodesics` is of fourth order.

    Args:
        manifold: The map.
        z: (B, d) points.
        v: (B, d) initial velocities, in latents.
        steps: S, even.

    Raises:
        UserError: Dg loses rank along a geodesic, or steps is odd.

    Example:
        >>> plane = Manifold(lambda z: torch.cat([z, z], 1), 2)
        >>> z, v = torch.zeros(1, 2).double(), torch.ones(1, 2).double()
        >>> shoot_by_projection(plane, z, v, steps=4).points.round(decimals=6)
        tensor([[1., 1.]], dtype=torch.float64)

    Reference:
        Shao, Kumar & Fletcher 2017, algorithm 3, https://arxiv.org/abs/1711.08014
    """
    if steps < 2 or steps % 2:
        raise UserError("an error is estimated from half as many steps", "even steps", steps)
    check_velocities(z, v, manifold)
    curves, velocities, speeds = _shoot(manifold, z, v, steps)
    half, _, _ = _shoot(manifold, z, v, steps // 2)
    difference = (manifold.points(curves[:, -1]) - manifold.points(half[:, -1])).norm(dim=1)
    errors = difference / speeds.clamp(min=torch.finfo(speeds.dtype).tiny)
    return ProjectedShots(curves, velocities, errors)


def _shoot(manifold: Manifold, z: Tensor, v: Tensor, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return curves, the last velocities, and the lengths."""
    # U U' is QQ', and V S^-1 U' is R^-1 Q'.
    u = compute_frames(manifold, z).push_forward(v)
    curve = [z]
    for _ in range(steps):
        z = z + v / steps
        frames = compute_frames(manifold, z)
        projected = frames.push_forward(frames.pull_back(u))
        tiny = torch.finfo(u.dtype).tiny
        scale = u.norm(dim=1, keepdim=True) / projected.norm(dim=1, keepdim=True).clamp(min=tiny)
        u = scale * projected
        v = frames.pull_back(u)
        curve.append(z)
    return torch.stack(curve, 1), v, u.norm(dim=1)
