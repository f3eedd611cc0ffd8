"""Clusters in geodesic distance."""

from itertools import combinations

import pytest
import torch
from surfaces import linear

from immersion.check import UserError
from immersion.geometry import Manifold
from immersion.geometry.clustering import find_means, find_medoids
from immersion.geometry.pairs import compute_distances


def sample(count=8, dim=2, scale=0.5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, dim, generator=generator, dtype=torch.float64)


def test_medoids_are_the_best_of_all():
    for seed in range(5):
        points = sample(12, seed=seed)
        distances = torch.cdist(points, points)
        costs = distances.square()
        choices = combinations(range(12), 3)
        best = min(float(costs[:, list(rows)].amin(1).sum()) for rows in choices)
        found = find_medoids(distances, 3)
        assert found.converged and found.cost == pytest.approx(best)
        assert torch.equal(found.labels, costs[:, found.indices].argmin(1))
        again = find_medoids(distances, 3)
        assert torch.equal(found.indices, again.indices)


def test_medoids_of_points_that_coincide():
    found = find_medoids(torch.zeros(4, 4), 3)
    assert len(found.indices.unique()) == 3 and found.cost == 0
    alone = find_medoids(torch.cdist(sample(4), sample(4)), 1)
    assert len(alone.indices) == 1 and alone.converged


def test_means_of_a_flat_map_are_those_of_the_images():
    manifold = Manifold(linear, 3)
    z = torch.cat([sample(10, 3, 0.2), 2 + sample(10, 3, 0.2, seed=1)])
    found = find_means(manifold, z, z[[0, 10]], segments=3)
    assert found.converged
    assert found.labels.tolist() == [0] * 10 + [1] * 10
    torch.testing.assert_close(found.points, torch.stack([z[:10].mean(0), z[10:].mean(0)]))
    x = manifold.points(z)
    spread = (x[:10] - x[:10].mean(0)).square().sum() + (x[10:] - x[10:].mean(0)).square().sum()
    assert found.cost == pytest.approx(float(spread), rel=1e-6)


def test_geodesic_clusters_follow_a_roll():
    """Points on two turns of a spiral: neighbours in space, but far along the curve."""
    spiral = Manifold(lambda z: z * torch.cat([z.cos(), z.sin()], 1), 1)
    z = torch.cat([torch.linspace(5, 6, 6), torch.linspace(11.3, 12.3, 6)]).double().unsqueeze(1)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    distances = compute_distances(spiral, z[order], segments=12)
    medoids = find_medoids(distances.lengths, 2)
    truth = (order >= 6).long()
    agreement = (medoids.labels == truth).sum()
    assert agreement in (0, 12)
    means = find_means(spiral, z[order], z[order][medoids.indices], segments=12)
    assert means.converged and (means.labels == truth).sum() in (0, 12)


def test_errors_are_sentences():
    with pytest.raises(UserError, match="not square"):
        find_medoids(torch.zeros(2, 3), 1)
    with pytest.raises(UserError, match="1 to 2, received 3"):
        find_medoids(torch.zeros(2, 2), 3)
    with pytest.raises(UserError, match="finite and not negative"):
        find_medoids(torch.tensor([[0.0, torch.nan], [torch.nan, 0.0]]), 1)
    z = sample(3, 3)
    with pytest.raises(UserError, match="1 to 3, received 4"):
        find_means(Manifold(linear, 3), z, sample(4, 3))
