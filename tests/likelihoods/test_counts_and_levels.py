"""Counts and levels against SciPy and direct formulas in float64; digits at the extremes."""

import math

import numpy as np
import pytest
import torch
from scipy import special, stats

from immersion.check import UserError
from immersion.likelihoods.counts import (
    NegativeBinomial,
    NegativeBinomialDistribution,
    Poisson,
    ZeroInflatedNegativeBinomial,
    ZeroInflatedPoisson,
)
from immersion.likelihoods.levels import Categorical, LogisticMixture

X = torch.tensor([0.0, 1.0, 2.0, 5.0, 20.0, 300.0], dtype=torch.float64)[:, None]
LOG_MEAN = torch.linspace(-6, 6, 25, dtype=torch.float64)


def test_poisson():
    actual = Poisson((1,))(LOG_MEAN[:, None, None]).log_prob(X)
    np.testing.assert_allclose(actual, stats.poisson.logpmf(X.T, LOG_MEAN.exp()[:, None]))


def test_a_tiny_rate_keeps_its_digits():
    """exp(-120) is 0 in float32, but the log-probability is about -120."""
    log_p = Poisson((1,))(torch.tensor([[-120.0]])).log_prob(torch.tensor([[1.0]]))
    assert log_p.item() == -120.0


@pytest.mark.parametrize("log_dispersion", [-6.0, -2.01, -1.99, 0.0, 3.0])
def test_negative_binomial(log_dispersion):
    h = torch.stack([LOG_MEAN, torch.full_like(LOG_MEAN, log_dispersion)], -1)
    r = math.exp(-log_dispersion)
    expected = stats.nbinom.logpmf(X.T, r, r / (r + LOG_MEAN.exp()[:, None]))
    actual = NegativeBinomial((1,))(h[:, None]).log_prob(X)
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)


def test_negative_binomial_keeps_its_digits_where_it_is_nearly_poisson():
    dispersion, x = torch.linspace(-30, -3, 28), torch.tensor(10.0)
    single = NegativeBinomialDistribution(torch.full((28,), 2.0), dispersion).log_prob(x)
    p = NegativeBinomialDistribution(torch.full((28,), 2.0).double(), dispersion.double())
    torch.testing.assert_close(single.double(), p.log_prob(x.double()), rtol=0, atol=1e-5)
    assert p.log_prob(x)[0].item() == pytest.approx(stats.poisson.logpmf(10, math.exp(2)))


@pytest.mark.parametrize("gate", [-3.0, 0.0, 3.0])
def test_zero_inflation(gate):
    lost, mean = special.expit(gate), LOG_MEAN.exp()[:, None]
    gates = torch.full_like(LOG_MEAN, gate)
    poisson = stats.poisson.pmf(X.T.numpy(), mean.numpy())
    binomial = stats.nbinom.pmf(X.T.numpy(), 2.0, 2.0 / (2.0 + mean.numpy()))
    h = torch.stack([gates, LOG_MEAN], -1)[:, None]
    actual = ZeroInflatedPoisson((1,))(h).log_prob(X).exp()
    np.testing.assert_allclose(
        actual, lost * (X.T == 0).numpy() + (1 - lost) * poisson, atol=1e-300
    )
    h = torch.stack([gates, LOG_MEAN, torch.full_like(gates, -math.log(2))], -1)[:, None]
    actual = ZeroInflatedNegativeBinomial((1,))(h).log_prob(X).exp()
    np.testing.assert_allclose(
        actual, lost * (X.T == 0).numpy() + (1 - lost) * binomial, atol=1e-300
    )


def mixture_directly(h, x, components, levels):
    """P(x) of one value from the definition: a difference of distribution functions."""
    logits, raw_location, raw_scale = h.reshape(3, components)
    location = (np.arange(components) + 0.5) / components + raw_location / 2
    lowest = -math.log(8 * (levels - 1))
    scale = np.exp(lowest + np.logaddexp(0, raw_scale - math.log(4 * components) - lowest))
    half = 0.5 / (levels - 1)
    upper = 1.0 if x == 1 else special.expit((x + half - location) / scale)
    lower = 0.0 if x == 0 else special.expit((x - half - location) / scale)
    return (special.softmax(logits) * (upper - lower)).sum()


@pytest.mark.parametrize(("components", "levels"), [(1, 2), (3, 16), (5, 256)])
def test_logistic_mixture(components, levels):
    generator = np.random.default_rng(0)
    likelihood = LogisticMixture((1,), components=components, levels=levels)
    for k in {0, 1, levels // 3, levels - 2, levels - 1}:
        h, x = generator.normal(size=3 * components), k / (levels - 1)
        expected = mixture_directly(h, x, components, levels)
        actual = likelihood(torch.from_numpy(h)).log_prob(torch.tensor([x], dtype=torch.float64))
        np.testing.assert_allclose(actual.exp(), expected, rtol=1e-9)


def test_logistic_mixture_far_from_its_locations():
    """Where the difference of distribution functions is 0 in any precision, its log is not."""
    h = torch.tensor([0.0, 30.0, -30.0]).requires_grad_()
    log_p = LogisticMixture((1,), components=1)(h).log_prob(torch.tensor([0.5]))
    assert -40_000 < log_p.item() < -20_000
    (gradient,) = torch.autograd.grad(log_p, h)
    assert gradient.isfinite().all()
    assert gradient[1] < 0 < gradient[2] + 1e-3


@pytest.mark.parametrize("size", [100.0, 1e4])
def test_logistic_mixture_has_no_nan_anywhere(size):
    h = size * torch.randn(200, 15, generator=torch.Generator().manual_seed(0))
    h.requires_grad_()
    for x in (0.0, 1 / 255, 128 / 255, 1.0):
        log_p = LogisticMixture((1,))(h).log_prob(torch.full((200, 1), x))
        (gradient,) = torch.autograd.grad(log_p.sum(), h)
        assert log_p.isfinite().all()
        assert gradient.isfinite().all()


def test_logistic_mixture_starts_nearly_uniform():
    x = torch.arange(256)[:, None] / 255
    bits = -LogisticMixture((1,))(torch.zeros(256, 15)).log_prob(x) / math.log(2)
    assert 5 < bits.min() < bits.max() < 9.5
    assert 7.7 < bits[16:-16].min() < bits[16:-16].max() < 8.5


def test_categorical():
    h = torch.randn(4, 10, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    level = torch.randint(0, 5, (4, 2, 3), generator=torch.Generator().manual_seed(0))
    probabilities = special.softmax(h.numpy().reshape(4, 5, 2, 3), 1)
    expected = np.take_along_axis(probabilities, level.numpy()[:, None], 1)
    actual = Categorical((2, 3), levels=5)(h).log_prob(level / 4)
    np.testing.assert_allclose(actual, np.log(expected).sum((1, 2, 3)))


@pytest.mark.parametrize("likelihood", [LogisticMixture, Categorical])
def test_bytes_are_levels_and_their_averages_are_not(likelihood):
    x = torch.arange(256).to(torch.uint8).float().div(255)[:, None]
    likelihood((1,)).check(x)
    with pytest.raises(UserError, match="k/255"):
        likelihood((1,)).check((x[1:] + x[:-1]) / 2)
    with pytest.raises(UserError, match="levels"):
        likelihood((1,), levels=1)


def test_a_mixture_has_a_component():
    with pytest.raises(UserError, match="components"):
        LogisticMixture((1,), components=0)
