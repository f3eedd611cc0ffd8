"""Brownian motion: eigenfunctions of the Laplacian decay at known rates."""

import math

import pytest
import torch
from surfaces import MATRIX, RADIUS, linear, reparameterise, stereographic, unwarp

from immersion.check import UserError
from immersion.geometry import Manifold
from immersion.geometry.brownian import simulate_brownian_motion

COUNT = 4000


def test_the_mean_on_the_sphere_decays():
    """Coordinates have eigenvalue 2 / r^2 of -Delta: E x_t = exp(-t / r^2) x_0."""
    manifold, time = Manifold(stereographic, 2), 0.5
    z = torch.tensor([[0.3, -0.2]], dtype=torch.float64).expand(COUNT, -1)
    found = simulate_brownian_motion(manifold, z, time, steps=10)
    assert found.drifts.max() < 0.2
    x = manifold.points(found.paths[:, -1])
    expected = math.exp(-time / RADIUS**2) * manifold.points(z[:1])[0]
    error = (x.mean(0) - expected).abs()
    assert (error < 4 * x.std(0) / COUNT**0.5 + 5e-3).all()
    # And it has moved: the start is many standard errors away.
    assert (x.mean(0) - manifold.points(z[:1])[0]).norm() > 0.2


def test_flat_maps_have_normal_increments():
    manifold, z = Manifold(linear, 3), torch.zeros(COUNT, 3, dtype=torch.float64)
    paths = simulate_brownian_motion(manifold, z, 2.0, steps=3).paths
    covariance = torch.cov(paths[:, -1].T)
    expected = 2 * (MATRIX.T @ MATRIX).inverse()
    assert (covariance - expected).norm() < 0.1 * expected.norm()
    assert paths[:, -1].mean(0).norm() < 0.1


def test_the_law_does_not_depend_on_the_latents():
    manifold, time = Manifold(stereographic, 2), 0.3
    z = torch.tensor([[0.3, -0.2]], dtype=torch.float64)
    warped = reparameterise(manifold)
    w = unwarp(z).expand(COUNT, -1)
    x = warped.points(simulate_brownian_motion(warped, w, time, steps=6).paths[:, -1])
    expected = math.exp(-time / RADIUS**2) * manifold.points(z)[0]
    assert ((x.mean(0) - expected).abs() < 4 * x.std(0) / COUNT**0.5 + 5e-3).all()


def test_seeds_and_errors():
    manifold, z = Manifold(stereographic, 2), torch.zeros(3, 2, dtype=torch.float64)
    paths = [simulate_brownian_motion(manifold, z, 0.1, steps=4, seed=s).paths for s in (0, 0, 1)]
    assert paths[0].shape == (3, 5, 2)
    assert torch.equal(paths[0], paths[1]) and not torch.equal(paths[0], paths[2])
    with pytest.raises(UserError, match="a positive number, received 0"):
        simulate_brownian_motion(manifold, z, 0)
    with pytest.raises(UserError, match="--steps is too small"):
        simulate_brownian_motion(manifold, z, 1.0, steps=0)
