"""Geodesic distances between many points: all pairs at once, and nearest neighbours."""

from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.geometry.geodesics import SEGMENTS, find_geodesics
from immersion.geometry.manifold import Manifold, check_latents

VALUES = 1 << 25
"""Values of Jacobians along curves that are held at once: 256 MiB in float64."""


@dataclass(frozen=True)
class Distances:
    """Lengths of geodesics between pairs of points.

    Args:
        lengths: (N, M). Each is an upper bound of the distance, up to the error of the
            discretisation: the geodesic that was found from the straight line.
        straight_lengths: (N, M) lengths of the images of the straight lines.
        residuals: (N, M), see `Geodesics`.
        converged: (N, M) booleans, see `Geodesics`.
    """

    lengths: Tensor
    straight_lengths: Tensor
    residuals: Tensor
    converged: Tensor


def compute_distances(
    manifold: Manifold, a: Tensor, b: Tensor | None = None, *, segments: int = SEGMENTS
) -> Distances:
    """Return the lengths of geodesics from each point of a to each point of b.

    Args:
        manifold: The map.
        a: (N, d) latents.
        b: (M, d) latents; by default a, whose N (N - 1) / 2 different pairs are computed once.
        segments: Segments of the geodesics.

    Raises:
        UserError: The latents do not fit the map.

    Example:
        >>> circle = Manifold(lambda z: torch.cat([z.cos(), z.sin()], 1), 1)
        >>> z = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
        >>> compute_distances(circle, z).lengths.round(decimals=3)
        tensor([[0., 1., 3.],
                [1., 0., 2.],
                [3., 2., 0.]], dtype=torch.float64)
    """
    check_latents(a, manifold.dim)
    if b is not None:
        check_latents(b, manifold.dim)
        ends = a.repeat_interleave(len(b), 0), b.repeat(len(a), 1)
        found = measure_pairs(manifold, *ends, segments)
        return Distances(*(part.reshape(len(a), len(b)) for part in found))
    row, column = torch.triu_indices(len(a), len(a), 1, device=a.device)
    found = measure_pairs(manifold, a[row], a[column], segments)
    matrices = []
    for part in found:
        matrix = torch.zeros(len(a), len(a), dtype=part.dtype, device=part.device)
        matrix[row, column] = matrix[column, row] = part
        matrices.append(matrix)
    matrices[-1].fill_diagonal_(True)
    return Distances(*matrices)


def measure_pairs(
    manifold: Manifold, a: Tensor, b: Tensor, segments: int = SEGMENTS
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return lengths, straight lengths, residuals and convergence of geodesics, (B,) each.

    They are found in batches of bounded memory.
    """
    if not len(a):
        empty = a.new_zeros(0)
        return empty, empty, empty, empty.bool()
    size = segments * manifold.points(a[:1]).shape[1] * manifold.dim
    parts = []
    for rows in zip(*(x.split(max(1, VALUES // size)) for x in (a, b)), strict=True):
        found = find_geodesics(manifold, *rows, segments=segments)
        parts.append((found.lengths, found.straight_lengths, found.residuals, found.converged))
    lengths, straight, residuals, converged = (torch.cat(x) for x in zip(*parts, strict=True))
    same = (a == b).all(1)  # relative to a length of 0, residuals are rounding errors
    lengths[same], residuals[same] = 0, 0
    converged |= same
    return lengths, straight, residuals, converged


@dataclass(frozen=True)
class Neighbours:
    """The points nearest to queries in geodesic distance, the nearest first.

    Args:
        indices: (Q, k) rows of the points.
        lengths: (Q, k) lengths of the geodesics.
        converged: (Q,) whether all geodesics that were compared have converged.
        compared: Number of geodesics that were computed.
    """

    indices: Tensor
    lengths: Tensor
    converged: Tensor
    compared: int


def find_neighbours(
    manifold: Manifold, queries: Tensor, points: Tensor, k: int, *, segments: int = SEGMENTS
) -> Neighbours:
    """Return the k points nearest to each query in geodesic distance.

    The chord |g(q) - g(p)| is at most the distance. So the geodesics to the k points of the
    shortest chords give a bound, and only points whose chords are below it are compared besides.

    Args:
        manifold: The map.
        queries: (Q, d) latents.
        points: (N, d) latents.
        k: Number of neighbours, at most N.
        segments: Segments of the geodesics.

    Raises:
        UserError: The latents do not fit the map, or k is not from 1 to N.

    Example:
        >>> circle = Manifold(lambda z: torch.cat([z.cos(), z.sin()], 1), 1)
        >>> z = torch.tensor([[0.0], [2.0], [6.0]], dtype=torch.float64)
        >>> find_neighbours(circle, z[:1], z[1:], 1).indices  # 6 is near as the crow flies
        tensor([[0]])
    """
    check_latents(queries, manifold.dim)
    check_latents(points, manifold.dim)
    if not 1 <= k <= len(points):
        raise UserError("the number of neighbours is impossible", f"1 to {len(points)}", k)
    chords = torch.cdist(manifold.points(queries), manifold.points(points))
    lengths = torch.full_like(chords, torch.inf)
    converged = torch.ones_like(chords, dtype=torch.bool)
    wanted = torch.zeros_like(converged)
    wanted.scatter_(1, chords.topk(k, largest=False).indices, True)
    done = torch.zeros_like(wanted)
    while wanted.any():
        row, column = wanted.nonzero(as_tuple=True)
        found = measure_pairs(manifold, queries[row], points[column], segments)
        lengths[row, column], converged[row, column] = found[0], found[3]
        done |= wanted
        bound = lengths.topk(k, largest=False).values[:, -1:]
        wanted = (chords < bound) & ~done
    near = lengths.topk(k, largest=False, sorted=True)
    return Neighbours(near.indices, near.values, converged.all(1), int(done.sum()))
