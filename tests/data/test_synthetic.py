"""Known truths: densities integrate to one, samples have the moments that the formulas give."""

import math

import numpy as np
import pytest
import torch

from immersion.data import load, sprites
from immersion.data.synthetic import GRID, LINEAR_GAUSSIAN, RING, swiss_roll, two_moons


@pytest.mark.parametrize(("mixture", "side"), [(RING, 1.1), (GRID, 4.5)], ids=["ring", "grid"])
def test_density_of_a_mixture_integrates_to_one(mixture, side):
    step = mixture.sigma / 4
    axis = torch.arange(-side, side, step, dtype=torch.float64)
    total = sum(
        mixture.log_density(torch.cartesian_prod(rows, axis)).exp().sum()
        for rows in axis.split(64)
    )
    assert (total * step**2).item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("name", "mixture"), [("ring", RING), ("grid", GRID)])
def test_moments_of_a_mixture(name, mixture):
    x, y = load(name).train.x.double(), load(name).train.y
    n, modes = len(x), len(mixture.means)
    mean = mixture.means.mean(0)
    spread = mixture.means - mean
    covariance = spread.T @ spread / modes + mixture.sigma**2 * torch.eye(2)
    scale = covariance.diagonal().sqrt()
    assert ((x.mean(0) - mean).abs() < 5 * scale / math.sqrt(n)).all()
    bound = 5 * math.sqrt(2 / n) * scale[0] * scale[1]
    assert ((x.T.cov() - covariance).abs() < bound).all()
    inside = x - mixture.means[y]
    assert inside.std().item() == pytest.approx(mixture.sigma, rel=5 / math.sqrt(4 * n))
    counts = torch.bincount(y, minlength=modes)
    assert ((counts - n / modes).abs() < 5 * math.sqrt(n / modes)).all()


def test_entropy_of_the_ring_is_what_its_density_says():
    """Modes 38 sigma apart: the entropy is log 8 + log(2 pi e sigma^2), nats."""
    x = load("ring").train.x.double()
    expected = math.log(8) + math.log(2 * math.pi * math.e * RING.sigma**2)
    estimate = -RING.log_density(x)
    assert estimate.mean().item() == pytest.approx(expected, abs=5 / math.sqrt(len(x)))


def test_density_of_the_linear_gaussian_is_scipys():
    from scipy.stats import multivariate_normal

    x = load("linear-gaussian").test.x.double()
    W, sigma = LINEAR_GAUSSIAN.W.numpy(), LINEAR_GAUSSIAN.sigma
    truth = multivariate_normal(LINEAR_GAUSSIAN.mean.numpy(), W @ W.T + sigma**2 * np.eye(8))
    assert torch.allclose(
        LINEAR_GAUSSIAN.log_density(x), torch.from_numpy(truth.logpdf(x.numpy())), atol=1e-9
    )


def test_moments_of_the_linear_gaussian():
    x = load("linear-gaussian").train.x.double()
    truth = LINEAR_GAUSSIAN.covariance
    variances = truth.diagonal()
    n = len(x)
    assert ((x.mean(0) - LINEAR_GAUSSIAN.mean).abs() < 5 * (variances / n).sqrt()).all()
    bound = 5 * ((variances[:, None] * variances + truth**2) / n).sqrt()
    assert ((x.T.cov() - truth).abs() < bound).all()
    smallest = torch.linalg.eigvalsh(truth)[:5]
    assert torch.allclose(smallest, torch.full((5,), 0.25, dtype=torch.float64))


def test_swiss_roll_lies_within_its_noise_of_the_sheet():
    """On the sheet the distance from the axis is the angle t (modulo a turn)."""
    x = load("swiss-roll").train.x.double().numpy()
    radius, angle = np.hypot(x[:, 0], x[:, 2]), np.arctan2(x[:, 2], x[:, 0])
    off = (radius - angle + np.pi) % (2 * np.pi) - np.pi
    assert off.std() == pytest.approx(0.1, rel=0.05)
    assert x[:, 1].min() > -0.5
    assert x[:, 1].max() < 21.5
    exact = swiss_roll(np.array([2 * np.pi]), np.array([3.0]))
    assert np.allclose(exact, [[2 * np.pi, 3.0, 0.0]])


def test_two_moons_lie_on_their_half_circles():
    split = load("two-moons").train
    x, y = split.x.double(), split.y
    centre = torch.stack([y.double(), y.double() / 2], dim=1)
    radius = (x - centre).norm(dim=1)
    assert radius.mean().item() == pytest.approx(1 + 0.1**2 / 2, abs=5 * 0.1 / 100)
    assert radius.std().item() == pytest.approx(0.1, rel=0.05)
    assert np.allclose(two_moons(np.array([0.0]), np.array([1])), [[0.0, 0.5]])


def test_sprites_are_the_shapes_that_their_factors_say():
    data = load("sprites")
    for part in ("train", "validation", "test"):
        split, truth = getattr(data, part), sprites.factors(part)
        assert torch.equal(split.y, truth[:, 0])
        for i in range(0, len(split), 500):
            shape, scale, turn, x, y = truth[i].tolist()
            angle = sprites.PERIODS[shape] * turn / sprites.TURNS
            expected = sprites.render(
                shape, sprites.RADII[scale], angle, sprites.PLACES[x], sprites.PLACES[y]
            )
            assert np.array_equal(split.x[i, 0].numpy(), expected)
    rows = torch.cat([sprites.factors(part) for part in ("train", "validation", "test")])
    assert len(rows.unique(dim=0)) == len(rows) == math.prod(sprites.FACTORS.values())


@pytest.mark.parametrize(
    ("shape", "area"), [(0, 2.0), (1, math.pi / 2), (2, 3.66197 / 1.25**2)], ids=sprites.SHAPES
)
def test_sprites_have_the_area_and_place_of_their_shape(shape, area):
    """Area in units of radius^2, averaged over rotations: the grid's error averages out."""
    turns = [sprites.render(shape, 8.0, 2 * math.pi * k / 64, 15.3, 16.1) for k in range(64)]
    pictures = np.array(turns, dtype=float)
    assert pictures.sum((1, 2)).mean() / 64 == pytest.approx(area, rel=0.01)
    centres = np.arange(32) + 0.5
    mass = pictures.sum()
    assert (pictures.sum((0, 1)) * centres).sum() / mass == pytest.approx(15.3, abs=0.05)
    assert (pictures.sum((0, 2)) * centres).sum() / mass == pytest.approx(16.1, abs=0.05)


def test_sprites_turn_anticlockwise_and_hearts_stand_upright():
    heart = sprites.render(2, 8.0, 0.0, 16.0, 16.0)
    assert heart[:16].sum() > heart[16:].sum()  # the lobes are above the tip
    assert np.array_equal(heart, heart[:, ::-1])
    quarter = sprites.render(2, 8.0, math.pi / 2, 16.0, 16.0)
    assert quarter[:, :16].sum() > quarter[:, 16:].sum()  # the lobes are on the left


def test_no_sprite_is_cut_by_the_edge():
    x = torch.cat([getattr(load("sprites"), part).x for part in ("train", "validation", "test")])
    assert not x[:, :, 0].any()
    assert not x[:, :, -1].any()
    assert not x[..., 0].any()
    assert not x[..., -1].any()
