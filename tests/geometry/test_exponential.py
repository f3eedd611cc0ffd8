"""The exponential and logarithm maps, against closed forms and one another."""

import math

import pytest
import torch
from surfaces import (
    RADIUS,
    cone,
    linear,
    network,
    order,
    reparameterise,
    sphere,
    stereographic,
    torus,
    unwarp,
    warp,
)

from immersion.check import UserError
from immersion.geometry import Manifold
from immersion.geometry.exponential import measure_speeds, shoot_geodesics
from immersion.geometry.logarithm import compute_logs


def sample(count=8, dim=2, scale=0.5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, dim, generator=generator, dtype=torch.float64)


def great_circle(x, tangent):
    """Return the point that is reached from x by the great circle with this velocity."""
    angle = tangent.norm(dim=1, keepdim=True) / RADIUS
    return x * angle.cos() + RADIUS * angle.sin() * tangent / tangent.norm(dim=1, keepdim=True)


def test_great_circles_to_fourth_order():
    manifold, z, v = Manifold(stereographic, 2), sample(), sample(seed=1)
    tangent = (manifold.jacobian(z) @ v.unsqueeze(-1)).squeeze(-1)
    expected = great_circle(manifold.points(z), tangent)
    errors, drifts = [], []
    for steps in (10, 20, 40):
        shots = shoot_geodesics(manifold, z, v, steps=steps)
        errors.append(float((manifold.points(shots.points) - expected).norm(dim=1).max()))
        drifts.append(float(shots.drifts.max()))
    assert errors[-1] < 1e-5
    assert order(errors) > 3.7
    assert order(drifts) > 3.7
    # The drift is a fair estimate of the error.
    assert 0.05 < errors[-1] / drifts[-1] < 20


def test_straight_lines_of_flat_maps():
    manifold, z, v = Manifold(linear, 3), sample(dim=3), sample(dim=3, seed=1)
    shots = shoot_geodesics(manifold, z, v, steps=3)
    torch.testing.assert_close(shots.points, z + v)
    assert shots.drifts.max() < 1e-13
    logs = compute_logs(manifold, z, v, segments=4)
    torch.testing.assert_close(logs.velocities, v - z)
    torch.testing.assert_close(logs.lengths, ((v - z) @ manifold.jacobian(z[:1])[0].T).norm(dim=1))


def test_the_cone_unrolls():
    """A right cone of slope 1 unrolls to a sector: its geodesics are straight lines there."""
    manifold = Manifold(cone, 2)
    a = torch.tensor([[1.0, 0.0], [2.0, 0.3]], dtype=torch.float64)
    b = torch.tensor([[1.5, 1.0], [1.0, 2.0]], dtype=torch.float64)
    logs = compute_logs(manifold, a, b)
    assert logs.converged.all()
    angle = (b - a)[:, 1] / math.sqrt(2)
    r, s = math.sqrt(2) * a[:, 0], math.sqrt(2) * b[:, 0]
    expected = (r**2 + s**2 - 2 * r * s * angle.cos()).sqrt()
    torch.testing.assert_close(logs.lengths, expected, rtol=1e-6, atol=0)


def test_the_initial_velocity_is_of_second_order():
    manifold = Manifold(stereographic, 2)
    a, b = sample(), sample(seed=1)
    exact = compute_logs(manifold, a, b, steps=40)
    errors = []
    for segments in (20, 40):
        logs = compute_logs(manifold, a, b, segments=segments, iterations=0, steps=10)
        errors.append(float((logs.velocities - exact.velocities).norm(dim=1).max()))
        assert (logs.residuals > 1e-8).all() and not logs.converged.any()
    assert 1.8 < order(errors) < 2.3


@pytest.mark.parametrize("manifold", [Manifold(stereographic, 2), Manifold(torus, 2), network()])
def test_exp_of_log_is_the_identity(manifold):
    a, b = sample(dim=manifold.dim), sample(dim=manifold.dim, seed=1)
    logs = compute_logs(manifold, a, b)
    assert logs.converged.all()
    torch.testing.assert_close(
        shoot_geodesics(manifold, a, logs.velocities).points, b, rtol=0, atol=1e-7
    )
    # The other way round, for velocities that do not leave the neighbourhood of a.
    v = 0.3 * sample(dim=manifold.dim, seed=2)
    there = shoot_geodesics(manifold, a, v).points
    back = compute_logs(manifold, a, there)
    assert back.converged.all()
    torch.testing.assert_close(back.velocities, v, rtol=0, atol=1e-6)


def test_distances_on_the_sphere():
    manifold, a, b = Manifold(stereographic, 2), sample(), sample(seed=1)
    logs = compute_logs(manifold, a, b)
    cosine = (manifold.points(a) * manifold.points(b)).sum(1) / RADIUS**2
    torch.testing.assert_close(logs.lengths, RADIUS * cosine.acos(), rtol=1e-5, atol=0)
    opposite = compute_logs(manifold, b, a)
    torch.testing.assert_close(opposite.lengths, logs.lengths, rtol=1e-5, atol=0)


def test_geodesics_do_not_depend_on_the_latents():
    manifold = network()
    warped = reparameterise(manifold)
    w, u = sample(dim=3, scale=0.3), sample(dim=3, scale=0.3, seed=1)
    v = torch.func.jvp(warp, (w,), (u,))[1]
    there = shoot_geodesics(manifold, warp(w), v, steps=40).points
    torch.testing.assert_close(
        warp(shoot_geodesics(warped, w, u, steps=40).points), there, rtol=0, atol=1e-5
    )
    torch.testing.assert_close(unwarp(warp(w)), w)
    logs, same = compute_logs(warped, w, u), compute_logs(manifold, warp(w), warp(u))
    assert logs.converged.all() and same.converged.all()
    torch.testing.assert_close(logs.lengths, same.lengths, rtol=1e-6, atol=0)


def test_batched_is_one_by_one():
    manifold, a, b = network(), sample(dim=3), sample(dim=3, seed=1)
    together = compute_logs(manifold, a, b)
    single = [compute_logs(manifold, *rows) for rows in zip(a.split(1), b.split(1), strict=True)]
    torch.testing.assert_close(
        together.velocities, torch.cat([log.velocities for log in single]), rtol=1e-7, atol=1e-7
    )
    shots = shoot_geodesics(manifold, a, b).points
    rows = [shoot_geodesics(manifold, *r).points for r in zip(a.split(1), b.split(1), strict=True)]
    torch.testing.assert_close(shots, torch.cat(rows))


def test_ends_that_coincide_and_velocities_of_zero():
    manifold, a = Manifold(torus, 2), sample(2)
    logs = compute_logs(manifold, a, a)
    assert logs.converged.all() and not logs.velocities.any() and not logs.residuals.any()
    shots = shoot_geodesics(manifold, a, torch.zeros_like(a))
    assert torch.equal(shots.points, a) and not shots.drifts.any()


def test_a_shot_through_a_pole_is_reported():
    manifold = Manifold(sphere, 2)
    z = torch.tensor([[math.pi / 2 - 0.5, 0.0]], dtype=torch.float64)
    v = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
    assert 1e-3 < shoot_geodesics(manifold, z, v, steps=8).drifts < 1
    with pytest.raises(UserError, match=r"cannot be integrated at step \d+ of 10: "):
        shoot_geodesics(manifold, z, v * torch.tensor([1.0, 0.02]), steps=10)
    pole = torch.tensor([[math.pi / 2, 0.0]], dtype=torch.float64)
    with pytest.raises(UserError, match="full rank at 1 of 1"):
        shoot_geodesics(manifold, pole, v)


def test_errors_are_sentences():
    manifold, z = Manifold(torus, 2), sample(2)
    with pytest.raises(UserError, match="do not fit the latents"):
        shoot_geodesics(manifold, z, z[:1])
    with pytest.raises(UserError, match="not finite"):
        shoot_geodesics(manifold, z, z / 0)
    with pytest.raises(UserError, match="--steps is too small"):
        shoot_geodesics(manifold, z, z, steps=0)
    with pytest.raises(UserError, match="2 or more segments"):
        compute_logs(manifold, z, z, segments=1)


def test_speeds():
    z, v = sample(), sample(seed=1)
    manifold = Manifold(torus, 2)
    expected = (manifold.jacobian(z) @ v.unsqueeze(-1)).squeeze(-1).norm(dim=1)
    torch.testing.assert_close(measure_speeds(manifold, z, v), expected)
