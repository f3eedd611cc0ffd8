"""Mode counts and reverse KL on histograms whose numbers are known."""

import math

import numpy as np
import pytest
import torch

from immersion.check import UserError
from immersion.data.synthetic import GRID, RING
from immersion.metrics.samples.modes import count_class_modes, count_mixture_modes


@pytest.mark.parametrize("mixture", [RING, GRID])
def test_the_mixture_itself_has_every_mode(mixture):
    points, _ = mixture.sample(20_000, np.random.default_rng(0))
    found = count_mixture_modes(torch.from_numpy(points), mixture.means, mixture.sigma)
    assert found["modes"].value == len(mixture.means)
    quality = found["high_quality"]
    assert quality.value == pytest.approx(1 - math.exp(-4.5), abs=3 * quality.standard_error)
    assert found["reverse_kl"].value < 0.002


def test_points_placed_by_hand():
    means, sigma = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]), 1.0
    points = [
        [0.0, 2.99],  # good
        [0.0, 3.01],  # just too far out
        [2.5, 2.5],  # each coordinate within 3 sigma, the distance not
        [10.0, -2.99],  # good
        [0.0, 6.0],  # nearest to the third mean, which no good point covers
        [10.5, 0.0],  # good
    ]
    found = count_mixture_modes(torch.tensor(points), means, sigma)
    assert found["modes"].value == 2
    assert found["high_quality"].value == pytest.approx(3 / 6)
    p = np.array([1, 2]) / 3  # of the good points alone, as the authors' code has it
    assert found["reverse_kl"].value == pytest.approx((p * np.log(3 * p)).sum(), rel=1e-12)
    assert (found["high_quality"].examples, found["reverse_kl"].examples) == (6, 3)


def test_without_a_good_point_the_divergence_is_the_largest_and_a_number():
    found = count_mixture_modes(100 * RING.means, RING.means, RING.sigma)
    assert found["modes"].value == found["high_quality"].value == 0
    assert found["reverse_kl"].value == pytest.approx(math.log(8))
    assert found["reverse_kl"].standard_error is None and found["reverse_kl"].examples == 0


def test_collapse_onto_one_mode_costs_the_logarithm_of_their_number():
    points = RING.means[2:3].repeat(100, 1)
    found = count_mixture_modes(points, RING.means, RING.sigma)
    assert found["modes"].value == 1
    assert found["reverse_kl"].value == pytest.approx(math.log(8))


def test_classes_are_counted_and_compared_with_the_uniform():
    classes = torch.tensor([7] * 6 + [999] * 3 + [0])
    found = count_class_modes(classes, 1000)
    assert found["modes"].value == 3
    p = np.array([0.6, 0.3, 0.1])
    assert found["reverse_kl"].value == pytest.approx((p * np.log(1000 * p)).sum(), rel=1e-12)
    assert count_class_modes(torch.arange(1000), 1000)["reverse_kl"].value == pytest.approx(
        0, abs=1e-12
    )


@pytest.mark.parametrize(("count", "slope", "examples"), [(50, 0.0, 2000), (50, 1.0, 500)])
def test_the_error_bar_of_reverse_kl_is_its_spread_over_redraws(count, slope, examples):
    weights = 1 + slope * torch.arange(count)
    generator = torch.Generator().manual_seed(0)
    found = [
        count_class_modes(torch.multinomial(weights, examples, True, generator=generator), count)
        for _ in range(200)
    ]
    values = [f["reverse_kl"].value for f in found]
    errors = [f["reverse_kl"].standard_error for f in found]
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.25)


def test_the_error_bar_of_the_number_of_modes_is_about_its_spread():
    generator = torch.Generator().manual_seed(0)
    found = [
        count_class_modes(torch.randint(1000, (3000,), generator=generator), 1000)["modes"]
        for _ in range(100)
    ]
    spread = np.std([f.value for f in found])
    assert 0.7 * spread < np.mean([f.standard_error for f in found]) < 1.5 * spread
    assert count_class_modes(torch.arange(100).repeat(50), 100)["modes"].standard_error < 1e-6


def test_classes_out_of_range_and_none_at_all_are_refused():
    with pytest.raises(UserError, match="expected 0 to 9, received 3 to 10"):
        count_class_modes(torch.tensor([3, 10]), 10)
    with pytest.raises(UserError, match="received none"):
        count_class_modes(torch.tensor([], dtype=torch.long), 10)
    with pytest.raises(UserError, match="cannot be compared"):
        count_mixture_modes(torch.zeros(5, 3), RING.means, 0.1)
