"""Frechet means and principal geodesics."""

import math

import pytest
import torch
from surfaces import RADIUS, linear, network, sphere, stereographic

from immersion.check import UserError
from immersion.geometry import Manifold
from immersion.geometry.exponential import measure_speeds, shoot_geodesics
from immersion.geometry.frechet import compute_frechet_mean, find_principal_geodesics


def sample(count=6, dim=2, scale=0.4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, dim, generator=generator, dtype=torch.float64)


def spread(manifold, centre, tangents):
    """Points whose logarithms at a centre are given."""
    return shoot_geodesics(manifold, centre.expand_as(tangents), tangents, steps=20).points


def test_the_mean_of_points_around_a_centre():
    """On the sphere, points opposite one another around a centre have it as their mean."""
    manifold, centre = Manifold(sphere, 2), torch.tensor([[0.3, 0.4]], dtype=torch.float64)
    tangents = torch.cat([sample(2), -sample(2)])
    mean = compute_frechet_mean(manifold, spread(manifold, centre, tangents), segments=12, steps=8)
    assert mean.converged and mean.residual < 1e-6
    torch.testing.assert_close(mean.point, centre[0], rtol=0, atol=1e-5)
    lengths = measure_speeds(manifold, centre.expand_as(tangents), tangents)
    assert mean.variance == pytest.approx(float(lengths.square().mean()), rel=1e-4)


def test_weights_move_the_mean_along_the_geodesic():
    manifold = Manifold(sphere, 2)
    z = torch.tensor([[-0.5, 0.0], [0.5, 0.3]], dtype=torch.float64)
    mean = compute_frechet_mean(
        manifold, z, weights=torch.tensor([3.0, 1.0]).double(), segments=20
    )
    x, m = manifold.points(z), manifold.points(mean.point[None])
    near, far = (x @ m.T / RADIUS**2).acos()
    assert mean.converged
    assert float(far / near) == pytest.approx(3, rel=1e-4)
    assert float(far + near) == pytest.approx(math.acos(float(x[0] @ x[1]) / RADIUS**2), rel=1e-4)


def test_flat_means_and_components_are_those_of_the_images():
    manifold, z = Manifold(linear, 3), sample(20, 3)
    found = find_principal_geodesics(manifold, z, segments=4, steps=2)
    torch.testing.assert_close(found.mean.point, z.mean(0))
    x = manifold.points(z)
    expected = torch.linalg.svdvals(x - x.mean(0))[:3].square() / len(z)
    torch.testing.assert_close(found.variances, expected)
    torch.testing.assert_close(found.mean.point + found.coordinates @ found.directions, z)


def test_principal_geodesics_follow_the_spread():
    manifold, centre = Manifold(stereographic, 2), torch.tensor([[0.3, 0.4]], dtype=torch.float64)
    scale = float(measure_speeds(manifold, centre, torch.tensor([[1.0, 0.0]]).double()))
    t = torch.tensor([[0.6, 0.0], [-0.6, 0.0], [0.0, 0.2], [0.0, -0.2]], dtype=torch.float64)
    found = find_principal_geodesics(manifold, spread(manifold, centre, t), segments=12, steps=8)
    assert found.mean.converged
    expected = torch.tensor([0.72, 0.08], dtype=torch.float64) * scale**2 / 4
    torch.testing.assert_close(found.variances, expected, rtol=1e-4, atol=0)
    axis = torch.tensor([1.0, 0.0], dtype=torch.float64) / scale
    torch.testing.assert_close(found.directions[0].abs(), axis, rtol=0, atol=1e-5)
    back = found.coordinates @ found.directions
    there = shoot_geodesics(manifold, found.mean.point.expand_as(back), back).points
    torch.testing.assert_close(there, spread(manifold, centre, t), rtol=0, atol=1e-5)


def test_the_mean_on_a_network_is_a_minimum():
    manifold, z = network(), sample(5, 3)
    mean = compute_frechet_mean(manifold, z)
    assert mean.converged
    for offset in 0.05 * torch.eye(3, dtype=torch.float64):
        assert mean.variance < variance_at(manifold, mean.point + offset, z)


def variance_at(manifold, point, z):
    from immersion.geometry.logarithm import compute_logs

    return float(compute_logs(manifold, point.expand_as(z), z).lengths.square().mean())


def test_a_mean_that_has_not_converged_says_so():
    manifold, z = Manifold(sphere, 2), 2 * sample(4)
    mean = compute_frechet_mean(manifold, z, iterations=0, segments=12, steps=8)
    assert not mean.converged and mean.residual > 1e-6


def test_errors_are_sentences():
    manifold, z = Manifold(sphere, 2), sample(3)
    with pytest.raises(UserError, match="weights do not fit"):
        compute_frechet_mean(manifold, z, weights=torch.ones(2))
    with pytest.raises(UserError, match="weights are invalid"):
        compute_frechet_mean(manifold, z, weights=torch.tensor([1.0, -1.0, 1.0]))
    with pytest.raises(UserError, match="no points"):
        compute_frechet_mean(manifold, z[:0])
