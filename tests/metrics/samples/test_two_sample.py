"""The classifier two-sample test where the answer is known."""

import math

import numpy as np
import pytest
import torch

from immersion.check import UserError
from immersion.metrics.samples.two_sample import compute_two_sample_accuracy


def draws(n, seed, shift=0.0, scale=1.0, size=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, size, generator=generator) * scale + shift


def test_equal_distributions_cannot_be_told_apart_and_the_error_bar_covers():
    estimates = [
        compute_two_sample_accuracy(draws(200, s), draws(200, 900 + s), s) for s in range(60)
    ]
    values = np.array([e.value for e in estimates])
    error = 0.5 / math.sqrt(200)  # theorem 1: N(1/2, 1/(4 n)) over the n held-out examples
    assert values.mean() == pytest.approx(0.5, abs=3 * error / math.sqrt(60))
    assert values.std() == pytest.approx(error, rel=0.3)
    assert np.mean([e.standard_error for e in estimates]) == pytest.approx(error, rel=0.05)
    assert estimates[0].examples == 200


def test_a_shift_is_told_apart_as_well_as_the_best_classifier_does():
    """N(0, 1) against N(2, 1): the best accuracy is Phi(1)."""
    best = 0.5 * (1 + math.erf(1 / math.sqrt(2)))
    found = compute_two_sample_accuracy(draws(4000, 0, size=1), draws(4000, 1, 2.0, size=1))
    assert found.value == pytest.approx(best, abs=3 * found.standard_error)
    assert compute_two_sample_accuracy(draws(100, 0), draws(100, 1, 50.0)).value == 1


def test_a_difference_of_spread_alone_is_seen():
    """N(0, 1) against N(0, 3^2): the best threshold is at x^2 = 9 log 9 / 8."""
    threshold = math.sqrt(9 * math.log(9) / 8)
    best = 0.5 * (math.erf(threshold / math.sqrt(2)) + math.erfc(threshold / (3 * math.sqrt(2))))
    found = compute_two_sample_accuracy(draws(4000, 0, size=1), draws(4000, 1, scale=3.0, size=1))
    assert found.value == pytest.approx(best, abs=0.02)


def test_chance_is_one_half_for_sets_of_unlike_size():
    found = compute_two_sample_accuracy(draws(2000, 0), draws(200, 1))
    assert found.value == pytest.approx(0.5, abs=3 * found.standard_error)
    assert found.standard_error == pytest.approx(0.25 * math.sqrt(1 / 1000 + 1 / 100), rel=0.05)


def test_the_seed_decides_and_a_feature_that_never_varies_does_no_harm():
    a, b = draws(100, 0), draws(100, 1)
    a[:, 0] = b[:, 0] = 1.0
    assert compute_two_sample_accuracy(a, b, 0) == compute_two_sample_accuracy(a, b, 0)
    assert compute_two_sample_accuracy(a, b, 0) != compute_two_sample_accuracy(a, b, 1)


def test_too_few_examples_are_refused():
    with pytest.raises(UserError, match="too few drawn examples"):
        compute_two_sample_accuracy(draws(100, 0), draws(3, 1))
