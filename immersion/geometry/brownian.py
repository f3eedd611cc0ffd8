"""Brownian motion on the image of g."""

from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.check import UserError, check_at_least
from immersion.geometry.exponential import shoot_geodesics
from immersion.geometry.frames import compute_frames
from immersion.geometry.manifold import Manifold, check_latents


@dataclass(frozen=True)
class BrownianPaths:
    """Paths of Brownian motions.

    Args:
        paths: (B, S + 1, d) latents at times 0, t / S, ..., t.
        drifts: (B,) largest relative change of speed along a step's geodesic: the error of its
            integration. The error of the walk, of order 1 / S, is in its distribution.
    """

    paths: Tensor
    drifts: Tensor


def simulate_brownian_motion(
    manifold: Manifold, z: Tensor, time: float, *, steps: int = 100, seed: int = 0
) -> BrownianPaths:
    """Return geodesic random walks: z <- exp_z(sqrt(time / S) v), for v standard normal in G(z).

    As S grows, they tend to the diffusion with generator Delta / 2, for Delta the
    Laplace-Beltrami operator: a path moves by d time in mean square, for small times.

    Args:
        manifold: The map.
        z: (B, d) starts.
        time: t, positive.
        steps: S.
        seed: Seed of the increments.

    Raises:
        UserError: The latents do not fit the map, the time is not positive, or a path reaches a
            point where Dg has not full rank.

    Example:
        >>> plane = Manifold(lambda z: 2 * z, 2)
        >>> z = torch.zeros(2000, 2, dtype=torch.float64)
        >>> ends = simulate_brownian_motion(plane, z, 1.0, steps=2).paths[:, -1]
        >>> bool((ends.std(0) - 0.5).abs().max() < 0.05)  # steps are half as long in latents
        True

    Reference:
        Jorgensen 1975, The central limit problem for geodesic random walks,
        https://doi.org/10.1007/BF00533088; Hsu 2002, Stochastic analysis on manifolds, chapter 3
    """
    check_latents(z, manifold.dim)
    check_at_least(1, steps=steps)
    if not 0 < time < float("inf"):
        raise UserError("the time of a Brownian motion is invalid", "a positive number", time)
    generator = torch.Generator().manual_seed(seed)
    path, drifts = [z], torch.zeros_like(z[:, 0])
    for _ in range(steps):
        noise = torch.randn(z.shape, generator=generator, dtype=z.dtype).to(z.device)
        v = (time / steps) ** 0.5 * compute_frames(manifold, z).to_latents(noise)
        shots = shoot_geodesics(manifold, z, v, steps=1)
        z = shots.points
        path.append(z)
        drifts = drifts.maximum(shots.drifts)
    return BrownianPaths(torch.stack(path, 1), drifts)
