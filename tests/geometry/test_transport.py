"""Parallel transport against holonomy, and its order; analogies."""

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
    warp,
)

from immersion.check import UserError
from immersion.geometry import Manifold
from immersion.geometry.analogies import complete_analogies
from immersion.geometry.exponential import measure_speeds, shoot_geodesics
from immersion.geometry.projection_shooting import shoot_by_projection
from immersion.geometry.transport import project_vectors, transport_vectors

LATITUDE = 0.4


def sample(count=6, dim=2, scale=0.5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, dim, generator=generator, dtype=torch.float64)


def parallel(segments):
    """The circle of one latitude of the sphere, once round."""
    longitude = torch.linspace(0, 2 * torch.pi, segments + 1, dtype=torch.float64)
    return torch.stack([torch.full_like(longitude, LATITUDE), longitude], 1).unsqueeze(0)


def bent(segments, dim=3, count=5):
    """Smooth curves that are no geodesics, in other parameters than length."""
    t = torch.linspace(0, 1, segments + 1, dtype=torch.float64).reshape(1, -1, 1)
    a, b, c = (sample(count, dim, seed=seed).unsqueeze(1) for seed in (1, 2, 3))
    return a + b * t + c * (3 * t).sin() * t


def angle_of(v):
    """The angle of latent vectors from north to west, which is anticlockwise from outside."""
    return torch.atan2(-v[:, 1] * math.cos(LATITUDE), v[:, 0])


def holonomy_errors(move, counts):
    """Errors of the angle that a vector has turned by, which is the enclosed area / r^2."""
    area = 2 * math.pi * (1 - math.sin(LATITUDE))
    errors = []
    for segments in counts:
        v = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
        moved = move(Manifold(sphere, 2), parallel(segments), v)
        turned = float(angle_of(moved.vectors)) - area
        errors.append(abs((turned + math.pi) % (2 * math.pi) - math.pi))
        assert errors[-1] < 3 * float(moved.errors)
        speed = measure_speeds(Manifold(sphere, 2), parallel(segments)[:, -1], moved.vectors)
        assert float(speed) == pytest.approx(RADIUS, rel=1e-10)
    return errors


def test_holonomy_is_the_enclosed_area_to_second_order():
    errors = holonomy_errors(transport_vectors, (100, 200, 400))
    assert errors[-1] < 1e-4
    assert 1.95 < order(errors) < 2.05


def test_shaos_projections_turn_by_the_area_to_first_order():
    errors = holonomy_errors(project_vectors, (100, 200, 400))
    assert errors[-1] < 5e-3
    assert 0.95 < order(errors) < 1.05


def test_a_loop_on_the_cone_turns_by_its_missing_angle():
    angle = torch.linspace(0, 2 * torch.pi, 801, dtype=torch.float64)
    loop = torch.stack([1 + 0.3 * angle.sin(), angle], 1).unsqueeze(0)
    v = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    moved = transport_vectors(Manifold(cone, 2), loop, v).vectors
    # In the unrolled cone, the loop takes an angle of 2 pi / sqrt(2): the rest is missing.
    turned = torch.atan2(moved[:, 1], math.sqrt(2) * moved[:, 0])
    expected = 2 * math.pi * (1 - 1 / math.sqrt(2))
    assert float(turned) % (2 * math.pi) == pytest.approx(expected, abs=1e-4)


def integrate(manifold, segments):
    """Transport along the bent curves by v' = -Gamma(z)[z', v], to high order."""
    from immersion.geometry.curvature import compute_christoffel_symbols

    curves = bent(2 * segments)
    h = 1 / segments
    t = torch.linspace(0, 1, 2 * segments + 1, dtype=torch.float64)
    slope = torch.func.jvp(
        lambda s: (
            sample(5, 3, seed=2).unsqueeze(1) * s
            + sample(5, 3, seed=3).unsqueeze(1) * (3 * s).sin() * s
        ),
        (t.reshape(1, -1, 1),),
        (torch.ones(1, len(t), 1, dtype=torch.float64),),
    )[1]
    flat = compute_christoffel_symbols(manifold, curves.flatten(0, 1))
    matrix = -torch.einsum("nkij,ni->nkj", flat, slope.flatten(0, 1)).unflatten(0, (5, len(t)))

    def change(k, v):
        return (matrix[:, k] @ v.unsqueeze(-1)).squeeze(-1)

    v = sample(5, 3)
    for k in range(0, 2 * segments, 2):
        a = change(k, v)
        b = change(k + 1, v + h / 2 * a)
        c = change(k + 1, v + h / 2 * b)
        v = v + h / 6 * (a + 2 * b + 2 * c + change(k + 2, v + h * c))
    return v


def test_orders_on_a_network():
    manifold, v = network(), sample(5, 3)
    exact = integrate(manifold, 100)
    errors = {transport_vectors: [], project_vectors: []}
    for segments in (50, 100, 200):
        curves = bent(segments)
        for move, found in errors.items():
            moved = move(manifold, curves, v)
            wrong = measure_speeds(manifold, curves[:, -1], moved.vectors - exact)
            wrong = wrong / measure_speeds(manifold, curves[:, 0], v)
            assert ((moved.errors / wrong > 0.5) & (moved.errors / wrong < 2)).all()
            found.append(float(wrong.max()))
    assert errors[transport_vectors][-1] < 1e-4
    assert 1.9 < order(errors[transport_vectors]) < 2.1
    assert 0.8 < order(errors[project_vectors]) < 1.2


def test_transport_back_is_the_inverse_and_keeps_angles():
    manifold, curves = network(), bent(30)
    u, v = sample(5, 3), sample(5, 3, seed=9)
    there = [transport_vectors(manifold, curves, x).vectors for x in (u, v)]
    back = transport_vectors(manifold, curves.flip(1), there[0]).vectors
    torch.testing.assert_close(back, u)
    before, after = (manifold.metric_matrix(curves[:, end]) for end in (0, -1))
    torch.testing.assert_close(
        torch.einsum("nij,ni,nj->n", before, u, v), torch.einsum("nij,ni,nj->n", after, *there)
    )


def test_velocities_of_geodesics_are_parallel():
    manifold, z, v = Manifold(torus, 2), sample(), sample(seed=1)
    shots = shoot_geodesics(manifold, z, v, steps=40)
    moved = transport_vectors(manifold, shots.curves, v)
    torch.testing.assert_close(moved.vectors, shots.velocities[:, -1], rtol=0, atol=1e-3)


def test_linear_maps_leave_vectors_as_they_are():
    manifold, curves, v = Manifold(linear, 3), bent(7), sample(5, 3)
    for move in (transport_vectors, project_vectors):
        moved = move(manifold, curves, v)
        torch.testing.assert_close(moved.vectors, v)
        assert moved.errors.max() < 1e-13
    shots = shoot_by_projection(manifold, v, v, steps=4)
    torch.testing.assert_close(shots.points, 2 * v)
    found = complete_analogies(manifold, v, v + 1, 2 * v)
    torch.testing.assert_close(found.points, 2 * v + 1)
    assert found.converged.all()


def test_transport_does_not_depend_on_the_latents():
    manifold = network()
    warped, curves, v = reparameterise(manifold), bent(20), sample(5, 3)

    def push(w, u):
        return torch.func.jvp(warp, (w,), (u,))[1]

    image = warp(curves.flatten(0, 1)).unflatten(0, curves.shape[:2])
    expected = transport_vectors(manifold, image, push(curves[:, 0], v)).vectors
    found = transport_vectors(warped, curves, v).vectors
    torch.testing.assert_close(push(curves[:, -1], found), expected)


def test_shaos_shooting_is_of_first_order():
    manifold, z, v = network(), sample(dim=3), sample(dim=3, seed=1)
    exact = manifold.points(shoot_geodesics(manifold, z, v, steps=40).points)
    errors = []
    for steps in (50, 100, 200):
        shots = shoot_by_projection(manifold, z, v, steps=steps)
        wrong = (manifold.points(shots.points) - exact).norm(dim=1)
        wrong = wrong / measure_speeds(manifold, z, v)
        assert ((shots.errors / wrong > 0.5) & (shots.errors / wrong < 2)).all()
        errors.append(float(wrong.max()))
    assert 0.9 < order(errors) < 1.1


def test_analogies_on_the_sphere():
    """From a, at the equator, north to b; c is further along the equator: north of c."""
    manifold = Manifold(stereographic, 2)

    def locate(latitude, longitude):
        radius = math.cos(latitude) / (1 - math.sin(latitude))
        place = [radius * math.cos(longitude), radius * math.sin(longitude)]
        return torch.tensor([place], dtype=torch.float64)

    found = complete_analogies(
        manifold, locate(0, 0), locate(0.3, 0), locate(0, 0.8), segments=100
    )
    assert found.converged.all() and found.errors.max() < 1e-4
    torch.testing.assert_close(found.points, locate(0.3, 0.8), rtol=0, atol=1e-4)


def test_batched_is_one_by_one():
    manifold, curves, v = network(), bent(12), sample(5, 3)
    for move in (transport_vectors, project_vectors):
        rows = [
            move(manifold, *row).vectors for row in zip(curves.split(1), v.split(1), strict=True)
        ]
        torch.testing.assert_close(move(manifold, curves, v).vectors, torch.cat(rows))


def test_errors_are_sentences():
    manifold, v = Manifold(torus, 2), sample(1)
    with pytest.raises(UserError, match="wrong shape"):
        transport_vectors(manifold, v, v)
    with pytest.raises(UserError, match="do not fit the latents"):
        project_vectors(manifold, bent(4, 2), v)
    with pytest.raises(UserError, match="full rank at 5 of 5"):
        flat = Manifold(lambda z: torch.cat([z[:, :1], z[:, :1]], 1), 2)
        project_vectors(flat, bent(4, 2, 1), v)
    circle = Manifold(lambda z: torch.cat([z.cos(), z.sin()], 1), 1)
    quarters = torch.tensor([[[0.0], [math.pi / 2]]], dtype=torch.float64)
    with pytest.raises(UserError, match="perpendicular"):
        transport_vectors(circle, quarters, torch.ones(1, 1, dtype=torch.float64))
    with pytest.raises(UserError, match="even steps, received 3"):
        shoot_by_projection(manifold, v, v, steps=3)
