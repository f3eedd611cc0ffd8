"""log p(x) = ELBO + KL(q(z|x) || p(z|x)), on a model of which all three are known."""

import pytest
import torch
from linear_gaussian import linear_vae, log_marginal, posterior, with_cubature
from torch.distributions import MultivariateNormal, kl_divergence

from immersion.batch import Batch
from immersion.models import ProbabilisticPCA
from immersion.objectives import ELBO

FORMS = ["kl", "joint", "entropy"]
STEP = torch.tensor(0)
DOUBLE = {"dtype": torch.float64, "generator": torch.Generator().manual_seed(3)}
W = torch.randn(4, 2, **DOUBLE)
b, sigma = torch.randn(4, **DOUBLE), 0.7
X = torch.randn(6, 4, **DOUBLE) * 2
V_WRONG = torch.randn(2, 4, **DOUBLE) * 0.3
C_WRONG = torch.tensor([0.4, -0.2], dtype=torch.float64)
SCALE_WRONG = torch.tensor([0.5, 0.9], dtype=torch.float64)
Q_COVARIANCE = torch.diag(SCALE_WRONG**2)


def wrong():
    """The right model with a q(z|x) that is not its posterior."""
    return linear_vae(W, b, sigma, V_WRONG, C_WRONG, SCALE_WRONG)


def gap():
    """KL(q(z|x) || p(z|x)) of each example."""
    V, c, P = posterior(W, b, sigma)
    q = MultivariateNormal(X @ V_WRONG.T + C_WRONG, Q_COVARIANCE)
    return kl_divergence(q, MultivariateNormal(X @ V.T + c, precision_matrix=P))


@pytest.mark.parametrize("form", FORMS)
def test_the_gap_is_the_kl_to_the_posterior(form):
    terms = ELBO(form=form, samples=4)(with_cubature(wrong()), Batch(X, None, STEP))
    assert gap().min() > 0.1
    torch.testing.assert_close(
        log_marginal(X, W, b, sigma) - terms["elbo"], gap(), rtol=1e-11, atol=0
    )
    q = MultivariateNormal(X @ V_WRONG.T + C_WRONG, Q_COVARIANCE)
    to_prior = kl_divergence(q, MultivariateNormal(torch.zeros(2).double(), torch.eye(2).double()))
    torch.testing.assert_close(terms["kl"], to_prior, rtol=1e-11, atol=0)


@pytest.mark.parametrize("form", FORMS)
def test_random_draws_have_that_mean(form):
    torch.manual_seed(0)
    draws, repeated = 20_000, X[:2].repeat_interleave(20_000, 0)
    with torch.no_grad():
        elbo = ELBO(form=form)(wrong(), Batch(repeated, None, STEP))["elbo"].view(2, draws)
    expected = log_marginal(X, W, b, sigma)[:2] - gap()[:2]
    error = elbo.std(1) / draws**0.5
    assert ((elbo.mean(1) - expected).abs() < 4.5 * error).all()
    assert error.max() < 0.05


def test_the_kl_form_knows_its_kl_without_drawing():
    torch.manual_seed(0)
    first, second = (ELBO()(wrong(), Batch(X, None, STEP)) for _ in range(2))
    assert torch.equal(first["kl"], second["kl"])
    assert not torch.equal(first["log_likelihood"], second["log_likelihood"])


def test_every_log_weight_is_log_p_where_q_is_the_posterior():
    for model in (ProbabilisticPCA(W, b, torch.tensor(sigma, dtype=torch.float64)), on_axes()):
        weights = model.log_weights(X, 50)
        assert weights.shape == (50, 6)
        expected = log_marginal(X, decoder_of(model), b, sigma)
        torch.testing.assert_close(weights, expected.expand(50, 6), rtol=0, atol=1e-11)


def test_log_weights_vary_where_q_is_not_the_posterior():
    torch.manual_seed(0)
    weights = wrong().log_weights(X[:1], 200_000)[:, 0]
    expected = log_marginal(X, W, b, sigma)[0] - gap()[0]
    error = weights.std() / len(weights) ** 0.5
    assert error > 0
    assert (weights.mean() - expected).abs() < 4.5 * error


def on_axes():
    """A VAE whose decoder has orthogonal columns, so that its diagonal q can be the posterior."""
    U, values, _ = torch.linalg.svd(W, full_matrices=False)
    V, c, P = posterior(U * values, b, sigma)
    return linear_vae(U * values, b, sigma, V, c, P.diagonal().rsqrt())


def decoder_of(model):
    return model.weight if isinstance(model, ProbabilisticPCA) else model.decoder[1].weight
