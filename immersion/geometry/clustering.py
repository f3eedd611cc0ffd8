"""Clusters in geodesic distance: k-medoids and k-means."""

from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.check import UserError, check_at_least
from immersion.geometry.frechet import compute_frechet_mean
from immersion.geometry.geodesics import SEGMENTS
from immersion.geometry.manifold import Manifold, check_latents
from immersion.geometry.pairs import compute_distances


@dataclass(frozen=True)
class Medoids:
    """Clusters around k of the points.

    Args:
        indices: (k,) rows of the medoids.
        labels: (N,) from 0 to k - 1: the nearest medoid of each point.
        cost: Sum of the squared distances to the medoids.
        converged: True if no swap of one medoid lowers the cost.
    """

    indices: Tensor
    labels: Tensor
    cost: float
    converged: bool


def find_medoids(
    distances: Tensor, k: int, *, seed: int = 0, restarts: int = 10, iterations: int = 100
) -> Medoids:
    """Return k points with the least sum of squared distances to their nearest one.

    The medoids start as in k-means++, and the best swap of a medoid for another point is made
    until none lowers the cost. The best of several starts is returned.

    Args:
        distances: (N, N), symmetric, such as `compute_distances(...).lengths`.
        k: Number of clusters, at most N.
        seed: Seed of the starts.
        restarts: Number of starts.
        iterations: Most swaps of a start.

    Raises:
        UserError: The distances are not square and finite, or k is not from 1 to N.

    Example:
        >>> points = torch.tensor([[0.0], [1.0], [0.4], [9.0], [9.5]])
        >>> medoids = find_medoids(torch.cdist(points, points), 2)
        >>> medoids.indices.sort().values.tolist()[0], medoids.converged
        (2, True)

    Reference:
        Kaufman & Rousseeuw 1990, Finding groups in data, chapter 2 (partitioning around medoids)
    """
    check_at_least(1, restarts=restarts)
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1]:
        raise UserError("the distances are not square", "(N, N)", tuple(distances.shape))
    if not distances.isfinite().all() or (distances < 0).any():
        raise UserError("the distances are invalid", "finite and not negative")
    _check_clusters(k, len(distances))
    costs = distances.square()
    generator = torch.Generator().manual_seed(seed)
    found = [_swap(costs, _spread(costs, k, generator), iterations) for _ in range(restarts)]
    return min(found, key=lambda medoids: medoids.cost)


@dataclass(frozen=True)
class Means:
    """Clusters around Frechet means.

    Args:
        points: (k, d) latents of the means.
        labels: (N,) from 0 to k - 1: the nearest mean of each point.
        cost: Sum of the squared geodesic distances to the means.
        converged: True if the labels no longer change, and all means and geodesics have converged.
        iterations: Rounds of assignment.
    """

    points: Tensor
    labels: Tensor
    cost: float
    converged: bool
    iterations: int


def find_means(
    manifold: Manifold,
    z: Tensor,
    start: Tensor,
    *,
    segments: int = SEGMENTS,
    iterations: int = 20,
) -> Means:
    """Return clusters of latents by Lloyd's algorithm with geodesic distances and Frechet means.

    Args:
        manifold: The map.
        z: (N, d) latents.
        start: (k, d) means to start from, such as the medoids of `find_medoids`. A cluster that
            loses all points keeps its mean.
        segments: Segments of the geodesics.
        iterations: Most rounds of assignment.

    Raises:
        UserError: The latents do not fit the map, or k is not from 1 to N.

    Example:
        >>> circle = Manifold(lambda z: torch.cat([z.cos(), z.sin()], 1), 1)
        >>> z = torch.tensor([[0.0], [0.2], [2.0], [2.4]], dtype=torch.float64)
        >>> find_means(circle, z, z[1:3]).points.round(decimals=4)
        tensor([[0.1000],
                [2.2000]], dtype=torch.float64)

    Reference:
        Arvanitidis, Hansen & Hauberg 2018, Latent space oddity, section 5,
        https://arxiv.org/abs/1710.11379, cluster with geodesic distances
    """
    check_latents(z, manifold.dim)
    check_latents(start, manifold.dim)
    _check_clusters(len(start), len(z))
    check_at_least(1, iterations=iterations)
    points, labels = start.clone(), torch.full_like(z[:, 0], -1, dtype=torch.long)
    found = True
    for done in range(1, iterations + 1):
        distances = compute_distances(manifold, z, points, segments=segments)
        nearest = distances.lengths.argmin(1)
        cost = float(distances.lengths.gather(1, nearest.unsqueeze(1)).square().sum())
        settled = torch.equal(nearest, labels)
        labels = nearest
        if settled or done == iterations:
            break
        found = True
        for cluster in labels.unique().tolist():
            mean = compute_frechet_mean(manifold, z[labels == cluster], segments=segments)
            points[cluster] = mean.point
            found &= mean.converged
    converged = settled and found and bool(distances.converged.all())
    return Means(points, labels, cost, converged, done)


def _check_clusters(k: int, count: int) -> None:
    if not 1 <= k <= count:
        raise UserError("the number of clusters is impossible", f"1 to {count}", k)


def _spread(costs: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """Return k rows, each sampled in proportion to its cost from the ones before."""
    chosen = [int(torch.randint(len(costs), (1,), generator=generator))]
    while len(chosen) < k:
        weights = costs[:, chosen].amin(1).double().cpu()
        weights[chosen] = 0
        if not weights.any():  # all other points coincide with chosen ones
            weights = torch.ones_like(weights)
            weights[chosen] = 0
        chosen.append(int(torch.multinomial(weights, 1, generator=generator)))
    return torch.tensor(chosen, device=costs.device)


def _swap(costs: Tensor, medoids: Tensor, iterations: int) -> Medoids:
    """Return medoids after the best swaps."""
    settled = False
    cost = float(costs[:, medoids].amin(1).sum())
    for _ in range(iterations):
        totals = []
        for slot in range(len(medoids)):
            rest = torch.cat([medoids[:slot], medoids[slot + 1 :]])
            others = costs[:, rest].amin(1) if len(rest) else torch.full_like(costs[0], torch.inf)
            totals.append(torch.minimum(others.unsqueeze(1), costs).sum(0))
        best = torch.stack(totals)
        slot, row = divmod(int(best.argmin()), len(costs))
        lower = float(best[slot, row])
        settled = lower >= cost * (1 - 1e-12)
        if settled:
            break
        medoids, cost = medoids.clone(), lower
        medoids[slot] = row
    return Medoids(medoids, costs[:, medoids].argmin(1), cost, settled)
