"""Analogies: the change from a to b, transported to c."""

from dataclasses import dataclass

from torch import Tensor

from immersion.geometry.exponential import STEPS, shoot_geodesics
from immersion.geometry.geodesics import SEGMENTS, find_geodesics
from immersion.geometry.logarithm import compute_logs
from immersion.geometry.manifold import Manifold
from immersion.geometry.transport import transport_vectors


@dataclass(frozen=True)
class Analogies:
    """Points d such that a is to b as c is to d.

    Args:
        points: (B, d) latents of d.
        velocities: (B, d) log_a(b) transported to c.
        errors: (B,) the largest of the relative errors: of the transport, see `Transported`, and
            the drift of speed, see `Shots`.
        converged: (B,) whether the geodesics from a to b and from a to c have converged.
    """

    points: Tensor
    velocities: Tensor
    errors: Tensor
    converged: Tensor


def complete_analogies(
    manifold: Manifold,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    *,
    segments: int = SEGMENTS,
    steps: int = STEPS,
) -> Analogies:
    """Return exp_c(P log_a(b)), for P the parallel transport along the geodesic from a to c.

    On a flat manifold in linear coordinates it is c + b - a.

    Args:
        manifold: The map.
        a, b, c: (B, d) latents.
        segments: Segments of the geodesics.
        steps: Steps of the exponential map.

    Raises:
        UserError: The latents do not fit the map, or Dg has not full rank along a geodesic.

    Example:
        >>> import torch
        >>> plane = Manifold(lambda z: torch.cat([z, z], 1), 2)
        >>> a, b, c = torch.tensor([[[0.0, 0.0]], [[1.0, 0.0]], [[0.0, 2.0]]]).double()
        >>> complete_analogies(plane, a, b, c).points.round(decimals=6)
        tensor([[1., 2.]], dtype=torch.float64)

    Reference:
        Shao, Kumar & Fletcher 2017, section 3.2, https://arxiv.org/abs/1711.08014
    """
    change = compute_logs(manifold, a, b, segments=segments, steps=steps)
    way = find_geodesics(manifold, a, c, segments=segments)
    moved = transport_vectors(manifold, way.curves, change.velocities)
    shots = shoot_geodesics(manifold, c, moved.vectors, steps=steps)
    errors = moved.errors.maximum(shots.drifts)
    return Analogies(shots.points, moved.vectors, errors, change.converged & way.converged)
