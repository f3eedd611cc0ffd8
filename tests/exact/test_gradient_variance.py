"""Two gradients of E[(z - c)^2], z ~ N(mu, s^2), in mu: one mean, 2 a, and known variances.

With a = mu - c: reparameterised 4 s^2; score function a^4 / s^2 + 14 a^2 + 15 s^2, of which the
best constant baseline, a^2 + 3 s^2, removes (a^2 + 3 s^2)^2 / s^2.
"""

import pytest
import torch
from torch.distributions import Normal

from immersion.objectives.gradients import score_function

DRAWS = 1_000_000
CASES = [(1.0, 1.0), (-2.0, 0.5), (0.0, 1.5)]


def gradients(a, s, baseline, shape=(DRAWS,)):
    """Return the gradient in mu of each draw by itself, of `shape`."""
    c = 0.7
    mu = torch.full(shape, a + c, dtype=torch.float64, requires_grad=True)
    q = Normal(mu, s)
    if baseline == "reparameterised":
        f = (q.rsample() - c) ** 2
    else:
        z = q.sample()
        f = score_function((z - c) ** 2, q.log_prob(z), baseline)
        assert torch.equal(f.detach(), (z - c) ** 2)
    return torch.autograd.grad(f.sum(), mu)[0]


def check(g, mean, variance):
    """Hold the sample's mean and variance against the truth, within 4.5 standard errors."""
    centred = g - g.mean()
    measured = centred.square().mean()
    assert abs(g.mean() - mean) < 4.5 * (measured / len(g)).sqrt()
    error = ((centred**4).mean() - measured**2).clamp(min=0).sqrt() / len(g) ** 0.5
    assert abs(measured - variance) < 4.5 * error + 1e-12
    assert error < 0.03 * variance


@pytest.mark.parametrize(("a", "s"), CASES)
def test_reparameterised(a, s):
    torch.manual_seed(0)
    check(gradients(a, s, "reparameterised"), 2 * a, 4 * s**2)


@pytest.mark.parametrize(("a", "s"), CASES)
def test_score_function(a, s):
    torch.manual_seed(0)
    check(gradients(a, s, 0.0), 2 * a, a**4 / s**2 + 14 * a**2 + 15 * s**2)


@pytest.mark.parametrize(("a", "s"), CASES)
def test_score_function_with_the_best_baseline(a, s):
    torch.manual_seed(0)
    best = a**2 + 3 * s**2
    without = a**4 / s**2 + 14 * a**2 + 15 * s**2
    check(gradients(a, s, best), 2 * a, without - best**2 / s**2)


def test_the_numbers_at_one():
    """4, 30 and 14 are the numbers that the lecture's reader can check by hand."""
    torch.manual_seed(0)
    variances = [gradients(1.0, 1.0, b).var().item() for b in ("reparameterised", 0.0, 4.0)]
    assert [round(v) for v in variances] == [4, 30, 14]


@pytest.mark.parametrize(("a", "s"), CASES)
@pytest.mark.parametrize("samples", [2, 10])
def test_leave_one_out_is_unbiased_and_its_variance_is_known(a, s, samples):
    """The mean of S draws has the variance [V(E f) + E(f - E f)^2 E score^2 / (S - 1)] / S.

    V(E f) is the variance of (f - E f) score. For S = 2 it is that of (f_1 - f_2)(s_1 - s_2)/2.
    """
    torch.manual_seed(0)
    g = gradients(a, s, "leave-one-out", (samples, DRAWS // samples)).mean(0)
    mean_f = a**2 + s**2
    best, without = a**2 + 3 * s**2, a**4 / s**2 + 14 * a**2 + 15 * s**2
    at_mean = without - best**2 / s**2 + (mean_f - best) ** 2 / s**2
    variance_f = 4 * a**2 * s**2 + 2 * s**4
    crossed = variance_f / s**2 + (2 * a) ** 2  # E[f~_i^2] E[score_j^2], and the pairs i, j
    check(g, 2 * a, (at_mean + crossed / (samples - 1)) / samples)
