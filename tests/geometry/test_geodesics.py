"""Geodesics: known lengths, second order in the step, and results that say how far they got."""

import pytest
import torch
from surfaces import RADIUS, sphere, torus
from torch import nn

from immersion.check import UserError
from immersion.geometry import Manifold
from immersion.geometry.curves import compute_energies, compute_lengths, draw_lines, resample
from immersion.geometry.geodesics import find_geodesics
from immersion.geometry.tridiagonal import solve_block_tridiagonal

A = torch.tensor([[0.5, 0.0], [0.3, 0.1], [-0.2, 1.0]], dtype=torch.float64)
B = torch.tensor([[0.5, 1.5], [-0.4, 2.0], [0.9, 0.2]], dtype=torch.float64)


def find_great_circles(a, b):
    x, y = sphere(a) / RADIUS, sphere(b) / RADIUS
    return RADIUS * (x * y).sum(1).arccos()


def test_great_circles_are_found_with_second_order():
    exact, ball = find_great_circles(A, B), Manifold(sphere, 2)
    errors = []
    for segments in (20, 40, 80):
        found = find_geodesics(ball, A, B, segments=segments)
        assert found.converged.all() and (found.residuals <= 1e-6).all()
        errors.append((found.lengths - exact).abs().max().item())
    assert (
        errors[2] < 1e-3
        and 3.5 < errors[0] / errors[1] < 4.5
        and 3.5 < errors[1] / errors[2] < 4.5
    )


def test_they_are_never_longer_than_their_start_and_have_equal_chords():
    torch.manual_seed(0)
    g = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 30)).double()
    with torch.no_grad():
        g[0].weight *= 4
    bent = Manifold(g.requires_grad_(False), 2)
    a, b = torch.randn(2, 30, 2, dtype=torch.float64)
    found = find_geodesics(bent, a, b, segments=30)
    assert (found.lengths <= found.straight_lengths * (1 + 1e-9)).all()
    assert found.converged.float().mean() > 0.9
    chords = bent.points(found.curves[0]).diff(dim=0).norm(dim=1)
    assert chords.max() / chords.min() < 1.01
    early = find_geodesics(bent, a, b, segments=30, iterations=1)
    assert not early.converged.any() and (early.residuals > 1e-6).all()


def test_many_are_found_as_one_is():
    ball = Manifold(sphere, 2)
    together = find_geodesics(ball, A, B, segments=20)
    alone = [
        find_geodesics(ball, a[None], b[None], segments=20) for a, b in zip(A, B, strict=True)
    ]
    torch.testing.assert_close(
        together.lengths, torch.cat([each.lengths for each in alone]), rtol=1e-8, atol=0
    )


def test_lengths_do_not_depend_on_the_latents():
    matrix = torch.tensor([[1.3, 0.4], [-0.2, 0.8]], dtype=torch.float64)
    changed = Manifold(lambda z: sphere(z @ matrix.mT), 2)
    ends = [torch.linalg.solve(matrix, end.mT).mT for end in (A, B)]
    found = find_geodesics(changed, *ends, segments=40)
    torch.testing.assert_close(
        found.lengths, find_geodesics(Manifold(sphere, 2), A, B, segments=40).lengths
    )


def test_a_linear_map_keeps_straight_lines():
    matrix = torch.randn(5, 2, dtype=torch.float64)
    found = find_geodesics(Manifold(lambda z: z @ matrix.mT, 2), A, B, segments=10)
    torch.testing.assert_close(found.curves, draw_lines(A, B, 10))
    torch.testing.assert_close(found.lengths, ((B - A) @ matrix.mT).norm(dim=1))


def test_a_start_in_another_basin_gives_another_geodesic():
    ring = Manifold(torus, 2)
    a, b = torch.tensor([[0.0, 0.0]]).double(), torch.tensor([[2.5, 0.0]]).double()
    way_round = torch.tensor([[[0.0, 0.0], [-1.8, 3.0], [2.5 - 2 * torch.pi, 0.0]]]).double()
    near = find_geodesics(ring, a, b)
    far = find_geodesics(ring, a, way_round[:, -1], start=way_round)
    assert near.converged.all() and abs(near.lengths.item() - far.lengths.item()) > 0.1


def test_energy_is_half_the_square_of_the_length_at_constant_speed():
    lines = draw_lines(torch.zeros(1, 2).double(), torch.ones(1, 2).double(), 7)
    plane = Manifold(lambda z: z, 2)
    length, energy = compute_lengths(plane, lines), compute_energies(plane, lines)
    torch.testing.assert_close(energy, length**2 / 2)
    uneven = resample(lines, torch.linspace(0, 1, 8).double().square()[None], 7)
    assert compute_energies(plane, uneven) > energy


def test_block_tridiagonal_systems_are_solved_as_dense_ones():
    torch.manual_seed(0)
    t, d = 6, 3
    root = torch.randn(4, t * d, t * d, dtype=torch.float64)
    index = torch.arange(t * d) // d
    near = ((index[:, None] - index).abs() <= 1).double()
    matrix = (root + root.mT) * near + 30 * torch.eye(t * d, dtype=torch.float64)
    right = torch.randn(4, t * d, dtype=torch.float64)
    blocks = matrix.reshape(4, t, d, t, d).transpose(2, 3)
    place = torch.arange(t)
    found = solve_block_tridiagonal(
        blocks[:, place, place], blocks[:, place[:-1], place[1:]], right.reshape(4, t, d)
    )
    torch.testing.assert_close(found.flatten(1), torch.linalg.solve(matrix, right))
    assert (
        solve_block_tridiagonal(
            -blocks[:, place, place], blocks[:, place[:-1], place[1:]], right.reshape(4, t, d)
        )
        .isnan()
        .any()
    )


def test_ends_that_coincide_are_their_own_geodesic():
    found = find_geodesics(Manifold(sphere, 2), A, A)
    assert found.converged.all() and found.lengths.max() < 1e-12


def test_ends_that_do_not_match_are_refused():
    with pytest.raises(UserError, match="differ in shape"):
        find_geodesics(Manifold(sphere, 2), A, B[:2])
