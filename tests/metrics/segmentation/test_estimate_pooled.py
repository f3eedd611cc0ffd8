"""Pooled scores: the jackknife is exact for a mean, near the spread for a ratio."""

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from immersion.check import UserError
from immersion.metrics.estimate import Estimate
from immersion.metrics.segmentation.scores import compute_f_score, estimate_pooled


def share(counts):
    return counts[:, 0] / counts[:, 1]


def test_of_a_mean_it_is_the_standard_error_of_a_mean():
    right = torch.tensor([3, 9, 4, 7, 7], dtype=torch.float64)
    counts = torch.stack([right, torch.full_like(right, 10)], 1)
    found, expected = estimate_pooled(counts, share, "share"), Estimate.of(right / 10, "share")
    assert found.value == pytest.approx(expected.value, abs=1e-12)
    assert found.standard_error == pytest.approx(expected.standard_error, abs=1e-12)
    assert (found.examples, found.unit) == (5, "share")


def test_of_a_ratio_it_is_the_spread_over_draws_of_pictures():
    random = np.random.default_rng(0)
    values, errors = [], []
    for _ in range(300):
        size = random.integers(50, 500, 40)
        right = random.binomial(size, random.beta(8, 2, 40))
        estimate = estimate_pooled(torch.tensor(np.stack([right, size], 1)), share, "share")
        values.append(estimate.value)
        errors.append(estimate.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.1)


def test_one_picture_has_no_standard_error():
    assert estimate_pooled(torch.tensor([[1.0, 2.0]]), share, "share") == Estimate(
        0.5, None, 1, "share"
    )


def test_a_picture_without_which_nothing_is_left_leaves_no_standard_error():
    counts = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    assert estimate_pooled(counts, share, "share") == Estimate(0.5, None, 2, "share")
    with pytest.raises(UserError, match="nothing to score"):
        estimate_pooled(torch.zeros(3, 2), share, "share")


def test_the_f_score_is_scikit_learns():
    random = np.random.default_rng(1)
    predicted, truth = random.random((2, 500)) < 0.4
    counts = torch.tensor([(predicted & truth).sum(), predicted.sum(), truth.sum()])
    assert compute_f_score(counts.double()).item() == pytest.approx(
        f1_score(truth, predicted), abs=1e-12
    )
