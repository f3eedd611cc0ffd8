"""The Bernoulli and the continuous Bernoulli against closed forms in float64."""

import numpy as np
import pytest
import torch

from immersion.likelihoods.binary import Bernoulli, ContinuousBernoulliDistribution

LOGITS = np.array(
    [0.0, 1e-8, 1e-4, 0.0039, 0.0041, 0.01, 0.1, 0.49, 0.51, 1, 5, 10, 16, 20, 30, 40]
)
LOGITS = np.concatenate([-LOGITS[:0:-1], LOGITS])


def log_normaliser(h):
    """A(h) = log((exp(h) - 1) / h) - h / 2 in float64: closed form, or the series near 0."""
    far = np.where(np.abs(h) < 0.02, 1, np.abs(h))
    closed = far / 2 + np.log1p(-np.exp(-far)) - np.log(far)
    return np.where(np.abs(h) < 0.02, h**2 / 24 - h**4 / 2880, closed)


def mean_and_variance(h):
    """A'(h) and A''(h) in float64."""
    is_near = np.abs(h) < 0.02
    far = np.where(is_near, 1, h)
    mean = 1 / -np.expm1(-far) - 1 / far
    variance = far**-2.0 - 0.25 / np.sinh(far / 2) ** 2
    near = 0.5 + h / 12 - h**3 / 720, 1 / 12 - h**2 / 240
    return np.where(is_near, near[0], mean), np.where(is_near, near[1], variance)


def test_bernoulli():
    x = torch.tensor([0.0, 1.0], dtype=torch.float64)[:, None, None]
    h = torch.from_numpy(LOGITS)[:, None]
    expected = [-np.logaddexp(0, LOGITS), -np.logaddexp(0, -LOGITS)]
    np.testing.assert_allclose(Bernoulli((1,))(h).log_prob(x), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("dtype", "digits"), [(torch.float32, 2e-6), (torch.float64, 4e-14)])
def test_continuous_bernoulli_keeps_its_digits(dtype, digits):
    h = torch.from_numpy(LOGITS).to(dtype).requires_grad_()
    exact = h.detach().double().numpy()
    p = ContinuousBernoulliDistribution(h)
    mean, variance = mean_and_variance(exact)
    np.testing.assert_allclose(p.mean.detach(), mean, rtol=0, atol=digits)
    for x in (0.0, 0.25, 1.0):
        log_p = p.log_prob(torch.tensor(x, dtype=dtype))
        expected = exact * (x - 0.5) - log_normaliser(exact)
        np.testing.assert_allclose(log_p.detach(), expected, rtol=digits, atol=digits)
        (gradient,) = torch.autograd.grad(log_p.sum(), h)
        np.testing.assert_allclose(gradient, x - mean, rtol=0, atol=digits)
    np.testing.assert_allclose(p.variance.detach(), variance, rtol=0, atol=200 * digits)
    (slope,) = torch.autograd.grad(p.mean.sum(), h)
    np.testing.assert_allclose(slope, variance, rtol=0, atol=200 * digits)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_continuous_bernoulli_quantiles(dtype):
    h = torch.from_numpy(LOGITS).to(dtype).requires_grad_()
    exact = h.detach().double().numpy()[LOGITS != 0]
    for u in (0.0, 1e-3, 0.4, 1 - 1e-3, 1 - 2**-24):
        x = ContinuousBernoulliDistribution(h).icdf(torch.tensor(u, dtype=dtype))
        assert ((x >= 0) & (x <= 1)).all()
        assert torch.autograd.grad(x.sum(), h)[0].isfinite().all()
        back = np.expm1(exact * x.detach().double().numpy()[LOGITS != 0]) / np.expm1(exact)
        np.testing.assert_allclose(back, u, atol=3e-6)


def test_continuous_bernoulli_samples_carry_the_gradient():
    """d mean / dh = variance, by the average over 200,000 reparameterised draws."""
    h = torch.tensor([-20.0, -1.0, 0.0, 0.3, 8.0], dtype=torch.float64, requires_grad=True)
    p = ContinuousBernoulliDistribution(h)
    torch.manual_seed(0)
    x = p.rsample((200_000,))
    (slope,) = torch.autograd.grad(x.mean(0).sum(), h)
    np.testing.assert_allclose(slope, p.variance.detach(), rtol=0.01)
