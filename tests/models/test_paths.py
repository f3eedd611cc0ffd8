import math

import pytest
import torch

from immersion.models.paths import PATHS, lerp, slerp

T = torch.linspace(0, 1, 11, dtype=torch.float64)


def random_pairs(dimensions):
    generator = torch.Generator().manual_seed(dimensions)
    return torch.randn(2, 50, dimensions, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("dimensions", [1, 2, 20])
def test_a_path_begins_and_ends_where_it_should(name, dimensions):
    a, b = random_pairs(dimensions)
    walk = PATHS[name](a, b, T)
    assert walk.shape == (50, 11, dimensions)
    torch.testing.assert_close(walk[:, 0], a, rtol=0, atol=1e-12)
    torch.testing.assert_close(walk[:, -1], b, rtol=0, atol=1e-12)


def test_the_straight_line_is_straight():
    a, b = random_pairs(5)
    steps = lerp(a, b, T).diff(dim=1)
    torch.testing.assert_close(steps, ((b - a) / 10).unsqueeze(1).expand_as(steps))


def test_the_norm_on_a_great_circle_is_interpolated():
    a, b = random_pairs(20)
    norms = (1 - T) * a.norm(dim=1, keepdim=True) + T * b.norm(dim=1, keepdim=True)
    torch.testing.assert_close(slerp(a, b, T).norm(dim=2), norms)


def test_the_direction_turns_at_constant_speed_within_the_plane():
    a, b = random_pairs(4)
    unit = slerp(a, b, T)
    unit = unit / unit.norm(dim=2, keepdim=True)
    turns = (unit[:, 1:] * unit[:, :-1]).sum(2).acos()
    theta = (unit[:, 0] * unit[:, -1]).sum(1).acos()
    torch.testing.assert_close(
        turns, (theta / 10).unsqueeze(1).expand_as(turns), atol=1e-7, rtol=0
    )
    assert torch.linalg.matrix_rank(unit, atol=1e-10).max() == 2


def test_for_equal_norms_it_is_shoemakes_formula():
    a, b = random_pairs(6)
    b = b / b.norm(dim=1, keepdim=True) * a.norm(dim=1, keepdim=True)
    theta = torch.acos((a * b).sum(1) / a.square().sum(1)).reshape(-1, 1, 1)
    t = T.reshape(1, -1, 1)
    first, second = ((1 - t) * theta).sin() / theta.sin(), (t * theta).sin() / theta.sin()
    torch.testing.assert_close(slerp(a, b, T), first * a.unsqueeze(1) + second * b.unsqueeze(1))


@pytest.mark.parametrize("factor", [1.0, 2.5])
def test_parallel_vectors_are_joined_by_the_straight_line(factor):
    a, _ = random_pairs(3)
    torch.testing.assert_close(slerp(a, factor * a, T), lerp(a, factor * a, T))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("factor", [-1.0, -3.0])
def test_opposite_vectors_are_joined_round_half_a_circle(dtype, factor):
    a = random_pairs(3)[0].to(dtype)
    walk = slerp(a, factor * a, T.to(dtype))
    middle = walk[:, 5]
    torch.testing.assert_close(middle.norm(dim=1), a.norm(dim=1) * (1 - factor) / 2)
    cosine = (middle * a).sum(1) / middle.norm(dim=1) / a.norm(dim=1)
    assert cosine.abs().max() < 1e-5
    torch.testing.assert_close(walk[:, -1], factor * a, atol=1e-5, rtol=0)


def test_a_code_of_zero_has_no_direction():
    a = torch.zeros(1, 2, dtype=torch.float64)
    b = torch.ones(1, 2, dtype=torch.float64)
    torch.testing.assert_close(slerp(a, b, T), lerp(a, b, T))
    torch.testing.assert_close(slerp(b, a, T), lerp(b, a, T))


def test_half_a_quarter_turn():
    half = slerp(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0]), torch.tensor([0.5]))
    torch.testing.assert_close(half, torch.full((1, 2), math.sqrt(2)))
