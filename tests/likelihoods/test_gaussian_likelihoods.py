"""The Gaussian family and Student's t against SciPy, and the optimal sigma against its formula."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn.functional import softplus

from immersion.check import UserError
from immersion.likelihoods.gaussian import (
    FLOOR,
    Gaussian,
    GaussianFixed,
    GaussianOptimal,
    GaussianShared,
)
from immersion.likelihoods.student_t import StudentT

H = torch.linspace(-4, 4, 24, dtype=torch.float64).reshape(4, 6)
X = torch.linspace(-1, 2, 12, dtype=torch.float64).reshape(4, 3)


def close(actual, expected):
    np.testing.assert_allclose(actual.detach().numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("bounded", [False, True])
def test_a_scale_for_each_value(bounded):
    mean, raw = H.chunk(2, -1)
    mean = mean.sigmoid() if bounded else mean
    expected = stats.norm.logpdf(X, mean, FLOOR + softplus(raw)).sum(-1)
    close(Gaussian((3,), bounded=bounded)(H).log_prob(X), expected)


@pytest.mark.parametrize("bounded", [False, True])
def test_a_given_scale(bounded):
    mean = H[:, :3].sigmoid() if bounded else H[:, :3]
    p = GaussianFixed((3,), sigma=0.1, bounded=bounded)(H[:, :3])
    close(p.log_prob(X), stats.norm.logpdf(X, mean, 0.1).sum(-1))


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_scale_is_refused(sigma):
    with pytest.raises(UserError, match="gaussian-optimal"):
        GaussianFixed((3,), sigma=sigma)


def test_a_shared_scale_is_learned():
    likelihood = GaussianShared((3,)).double()
    likelihood.log_sigma.data.fill_(-1.5)
    p = likelihood(H[:, :3])
    close(p.log_prob(X), stats.norm.logpdf(X, H[:, :3], FLOOR + math.exp(-1.5)).sum(-1))
    (gradient,) = torch.autograd.grad(p.log_prob(X).sum(), likelihood.log_sigma)
    sigma = torch.tensor(FLOOR + math.exp(-1.5), dtype=torch.float64)
    squares = (X - H[:, :3]).square()
    close(gradient, ((squares / sigma**2 - 1) / sigma * math.exp(-1.5)).sum())


def test_no_scale_reaches_zero():
    deep = torch.full((1, 2), -1e4)
    for likelihood in (Gaussian((1,)), StudentT((1,))):
        assert likelihood(deep).log_prob(torch.tensor([[-1e4]])) < -math.log(FLOOR)
    shared = GaussianShared((1,))
    shared.log_sigma.data.fill_(-1e4)
    for likelihood in (shared, GaussianOptimal((1,))):
        assert likelihood(deep[:, :1]).log_prob(torch.tensor([[-1e4]])) < -math.log(FLOOR)


@pytest.mark.parametrize("nu", [2.5, 4.0, 30.0])
def test_student_t(nu):
    location, raw = H.chunk(2, -1)
    p = StudentT((3,), degrees_of_freedom=nu)(H)
    scale = FLOOR + softplus(raw)
    np.testing.assert_allclose(p.log_prob(X), stats.t.logpdf(X, nu, location, scale).sum(-1))
    np.testing.assert_allclose(p.variance, stats.t.var(nu, location, scale))


@pytest.mark.parametrize("nu", [2.0, -1.0, math.nan, math.inf])
def test_impossible_degrees_of_freedom_are_refused(nu):
    with pytest.raises(UserError, match="degrees of freedom"):
        StudentT((3,), degrees_of_freedom=nu)


@pytest.mark.parametrize("bounded", [False, True])
def test_training_uses_the_maximum_likelihood_sigma_of_the_batch(bounded):
    mean = H[:, :3].sigmoid() if bounded else H[:, :3]
    sigma = (X - mean).square().mean().sqrt()
    likelihood = GaussianOptimal((3,), bounded=bounded)
    total = likelihood(H[:, :3]).log_prob(X).sum()
    close(likelihood(H[:, :3]).log_prob(X), stats.norm.logpdf(X, mean, sigma).sum(-1))
    for other in (0.99 * sigma, 1.01 * sigma):
        assert stats.norm.logpdf(X, mean, other).sum() < total


def test_gradient_flows_through_the_sigma():
    """A weighted sum is moved by sigma; the plain sum is not, for sigma is at its optimum."""
    h = H[:, :3].clone().requires_grad_()
    sigma = (X - H[:, :3]).square().mean().sqrt()
    weights = torch.tensor([1.0, 0.0, 2.0, 0.0], dtype=torch.float64)

    def gradient(log_p, weights):
        return torch.autograd.grad((weights * log_p).sum(), h)[0]

    def written_out(h):
        s = (X - h).square().mean().sqrt()
        return (-0.5 * ((X - h) / s) ** 2 - s.log()).sum(-1)

    fixed = torch.distributions.Normal(h, sigma)
    plain = gradient(GaussianOptimal((3,))(h).log_prob(X), torch.ones(4))
    torch.testing.assert_close(plain, gradient(fixed.log_prob(X).sum(-1), torch.ones(4)))
    weighted = gradient(GaussianOptimal((3,))(h).log_prob(X), weights)
    torch.testing.assert_close(weighted, gradient(written_out(h), weights))
    assert not torch.allclose(weighted, gradient(fixed.log_prob(X).sum(-1), weights))


def test_evaluation_uses_the_running_sigma_and_knows_nothing_of_x():
    likelihood = GaussianOptimal((3,)).double()
    variances = []
    for step in range(150):
        x = X * (1 + 0.01 * step)
        likelihood(H[:, :3]).log_prob(x)
        variances.append((x - H[:, :3]).square().mean().item())
    running = np.mean(variances[:100])
    for variance in variances[100:]:
        running += 0.01 * (variance - running)
    np.testing.assert_allclose(likelihood.variance.item(), running, rtol=1e-6)
    likelihood.eval()
    before = {k: v.clone() for k, v in likelihood.state_dict().items()}
    for x in (X, 100 * X):
        expected = stats.norm.logpdf(x, H[:, :3], math.sqrt(running)).sum(-1)
        np.testing.assert_allclose(likelihood(H[:, :3]).log_prob(x), expected, rtol=1e-6)
    assert all(torch.equal(before[k], v) for k, v in likelihood.state_dict().items())


def test_many_samples_of_the_latents_share_one_sigma():
    h = torch.stack([H[:, :3], H[:, 3:]])
    sigma = (X - h).square().mean().sqrt()
    expected = stats.norm.logpdf(X, h, sigma).sum(-1)
    close(GaussianOptimal((3,))(h).log_prob(X), expected)
