"""The importance-weighted bound: it rises with k, at the known rate, from exactly k codes."""

import math
from itertools import pairwise

import pytest
import torch
from linear_gaussian import linear_vae

from immersion.metrics.likelihood import bound
from immersion.metrics.likelihood.bound import importance_weighted_bound
from immersion.models import LatentVariableModel
from immersion.priors import StandardNormal

# p(z) = N(0, 1), p(x|z) = N(z, 1), x = 1.2: p(z|x) = N(0.6, 1/2). q is off by place and by width.
X, MEAN, SCALE = 1.2, 0.9, 0.85
Z = torch.linspace(-12, 12, 200_001, dtype=torch.float64)


def normal(x, mean, scale):
    return torch.exp(-0.5 * ((x - mean) / scale) ** 2) / (scale * math.sqrt(2 * math.pi))


def moments():
    """Return log p(x) and the central moments 2 and 3 of w / p(x), by quadrature."""
    q = normal(Z, MEAN, SCALE)
    joint = normal(Z, 0, 1) * normal(X, Z, 1)
    p = torch.trapezoid(joint, Z)
    ratio = joint / (q * p)
    second, third = (torch.trapezoid(q * (ratio - 1) ** n, Z).item() for n in (2, 3))
    return math.log(p), second, third


def gaps(k, repeats):
    """Return `repeats` unbiased estimates of log p - L_k.

    r = exp(bound) / p has mean 1, so r - 1 - log r has the mean of -log r, with far less noise.
    """
    one = torch.ones(1, 1, dtype=torch.float64)
    model = linear_vae(one, 0 * one[0], 1.0, 0 * one, MEAN * one[0], SCALE * one[0])
    x = torch.full((repeats, 1), X, dtype=torch.float64)
    log_p, *_ = moments()
    with torch.no_grad():
        log_r = importance_weighted_bound(model, x, k) - log_p
    return torch.expm1(log_r) - log_r


def mean_and_error(values):
    return values.mean().item(), values.std().item() / math.sqrt(len(values))


def test_quadrature_agrees_with_the_closed_forms():
    log_p, second, _ = moments()
    assert abs(log_p - (-0.5 * math.log(4 * math.pi) - X**2 / 4)) < 1e-12
    # chi^2 + 1 = s / (v sqrt(2/v - 1/s^2)) * exp((m - mu)^2 / (2 s^2 - v)), v = 1/2, m = X/2
    ratio = SCALE / (0.5 * math.sqrt(4 - SCALE**-2))
    shift = math.exp((X / 2 - MEAN) ** 2 / (2 * SCALE**2 - 0.5))
    assert abs(second + 1 - ratio * shift) < 1e-12


def test_one_code_gives_the_elbo():
    torch.manual_seed(0)
    mean, error = mean_and_error(gaps(1, 200_000))
    v = 0.5
    kl = 0.5 * (SCALE**2 / v + (MEAN - X / 2) ** 2 / v - 1 - math.log(SCALE**2 / v))
    assert abs(mean - kl) < 4.5 * error < 0.05


def test_the_bound_rises_with_k():
    torch.manual_seed(0)
    measured = [mean_and_error(gaps(k, 20_000)) for k in (1, 2, 5, 20, 100)]
    for (looser, a), (tighter, c) in pairwise(measured):
        assert looser - tighter > 8 * math.hypot(a, c)
    assert measured[-1][0] > 0


@pytest.mark.parametrize("k", [25, 100])
def test_k_times_the_gap_tends_to_half_chi_squared(k):
    """k (log p - L_k) = mu_2 / 2 - (mu_3 / 3 - 3 mu_2^2 / 4) / k + O(1/k^2), mu of w / p."""
    torch.manual_seed(k)
    _, second, third = moments()
    mean, error = mean_and_error(gaps(k, 100_000 if k < 100 else 40_000))
    expected = second / 2 - (third / 3 - 0.75 * second**2) / k
    assert abs(k * mean - expected) < 4.5 * k * error + 3 / k**2
    assert k * error < 0.01 * second
    assert abs(k * mean - second / 2) < 1.5 / k * second  # the limit itself


class Spy(LatentVariableModel):
    """Hands out given log-weights row by row, and counts."""

    def __init__(self, rows):
        super().__init__(1, StandardNormal(1))
        self.rows, self.used, self.largest = rows, 0, 0

    def encode(self, x):
        raise NotImplementedError

    def decode(self, z):
        raise NotImplementedError

    def log_weights(self, x, k):
        given = self.rows[self.used : self.used + k, : len(x)]
        self.used, self.largest = self.used + k, max(self.largest, k)
        return given


@pytest.mark.parametrize("k", [1, 7, 64, 100, 101])
@pytest.mark.parametrize("values_at_a_time", [1, 6, 30, 64 * 3, 20_000])
def test_exactly_k_codes_are_drawn_and_all_are_used(monkeypatch, k, values_at_a_time):
    monkeypatch.setattr(bound, "CHUNK", values_at_a_time)
    rows = 3 * torch.randn(200, 3, dtype=torch.float64) - 1000  # exp of these is 0 in float64
    spy = Spy(rows)
    measured = importance_weighted_bound(spy, torch.zeros(3, 2), k)
    assert spy.used == k
    assert spy.largest <= max(1, values_at_a_time // 6)  # 3 examples of 2 values
    expected = rows[:k].logsumexp(0) - math.log(k)
    torch.testing.assert_close(measured, expected, rtol=1e-14, atol=0)
