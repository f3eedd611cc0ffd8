"""Coverage of intervals: counted by hand, and right for a Gaussian."""

import pytest
import torch
from scipy.stats import norm

from immersion.check import NonFinite, UserError
from immersion.metrics.estimate import Estimate
from immersion.metrics.restoration.interval import compute_interval, compute_interval_coverage


def test_it_counts_each_value_once_with_both_ends():
    y = torch.tensor([[0.0, 0.25, 0.5, 1.0], [0.0, 0.0, 0.0, 0.0]]).reshape(2, 1, 2, 2)
    lower, upper = torch.full_like(y, 0.25), torch.full_like(y, 0.5)
    assert compute_interval_coverage(lower, upper, y).tolist() == [0.5, 0.0]
    assert compute_interval_coverage(y, y, y).tolist() == [1.0, 1.0]
    assert compute_interval_coverage(y + 0.1, y + 0.2, y).tolist() == [0.0, 0.0]
    assert compute_interval_coverage(y - 0.2, y - 0.1, y).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_a_gaussians_intervals_cover_what_they_say(level):
    generator = torch.Generator().manual_seed(0)
    mean = torch.rand(200, 3, 16, 16, generator=generator)
    sigma = 0.01 + torch.rand(mean.shape, generator=generator)
    y = mean + sigma * torch.randn(mean.shape, generator=generator)
    lower, upper = compute_interval(mean, sigma, level)
    estimate = Estimate.of(compute_interval_coverage(lower, upper, y), "share")
    assert abs(estimate.value - level) < 4 * estimate.standard_error
    assert estimate.standard_error < 0.005


def test_a_gaussians_central_interval_leaves_equal_tails():
    mean, sigma = torch.tensor([0.3, 0.2], dtype=torch.float64)
    for level in (0.1, 0.8, 0.95):
        lower, upper = compute_interval(mean, sigma, level)
        assert norm.cdf(lower, 0.3, 0.2) == pytest.approx((1 - level) / 2, abs=1e-12)
        assert norm.sf(upper, 0.3, 0.2) == pytest.approx((1 - level) / 2, abs=1e-12)


def test_the_standard_error_is_over_pictures_not_pixels():
    y = torch.zeros(4, 1, 50, 50)
    inside = torch.tensor([1.0, 1.0, 1.0, -1.0])[:, None, None, None].expand_as(y)
    estimate = Estimate.of(compute_interval_coverage(y - inside, y + 2, y), "share")
    assert estimate.value == 0.75
    assert estimate.standard_error == pytest.approx(0.25)


def test_what_is_no_interval_is_said():
    y = torch.zeros(2, 1, 2, 2)
    with pytest.raises(UserError, match="8 such"):
        compute_interval_coverage(y + 1, y, y)
    with pytest.raises(UserError, match="cannot be compared"):
        compute_interval_coverage(y[:1], y, y)
    with pytest.raises(NonFinite, match="1 of 2"):
        broken = y.clone()
        broken[0, 0, 0, 0] = float("nan")
        compute_interval_coverage(broken, y, y)
    with pytest.raises(UserError, match="level"):
        compute_interval(y, y, 1.0)
    with pytest.raises(UserError, match="negative"):
        compute_interval(y, y - 1, 0.5)
