"""A linear VAE is probabilistic PCA: its optimum, the price of a diagonal q, and beta's cut."""

import math

import numpy as np
import pytest
import torch
from linear_gaussian import (
    LINEAR,
    linear_vae,
    log_marginal,
    posterior,
    sample,
    with_cubature,
)
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA

from immersion.batch import Batch
from immersion.data import Dataset
from immersion.data.dataset import MemorySplit
from immersion.engine import OptimizerSettings, Options, train
from immersion.likelihoods.gaussian import GaussianFixed
from immersion.metrics import evaluate
from immersion.models import VAE, ProbabilisticPCA
from immersion.objectives import ELBO
from immersion.recipes.call import RecipeCall
from immersion.run_folder import RunFolder
from immersion.spec import Spec

EIGENVALUES = (8.0, 3.0, 0.6, 0.5, 0.4)
STEP = torch.tensor(0)


def optimum(eigenvalues, latent_dim):
    """-1/2 [D log 2 pi + sum_{i <= d} log lambda_i + (D - d) log sigma^2 + D]."""
    values, dimensions = np.array(eigenvalues), len(eigenvalues)
    noise = values[latent_dim:].mean()
    inside = np.log(values[:latent_dim]).sum() + (dimensions - latent_dim) * math.log(noise)
    return -0.5 * (dimensions * math.log(2 * math.pi) + inside + dimensions)


@pytest.mark.parametrize("latent_dim", [1, 2, 4])
def test_the_fit_reaches_the_closed_form(latent_dim):
    x, _ = sample(EIGENVALUES, mean=2.0)
    model = ProbabilisticPCA.fit(x, latent_dim)
    assert abs(model.log_prob(x).mean().item() - optimum(EIGENVALUES, latent_dim)) < 1e-12


def test_log_prob_is_the_gaussian_of_scipy_also_away_from_the_data():
    x, _ = sample(EIGENVALUES, mean=2.0)
    model = ProbabilisticPCA.fit(x, 2)
    covariance = model.weight @ model.weight.T + model.noise**2 * torch.eye(5)
    elsewhere = 10 * x[:50] - 7
    expected = multivariate_normal(model.mean, covariance).logpdf(elsewhere)
    np.testing.assert_allclose(model.log_prob(elsewhere), expected, rtol=1e-12)


def test_scikit_learn_gives_the_same_number():
    x, _ = sample(EIGENVALUES, mean=2.0)
    model = ProbabilisticPCA.fit(x, 2)
    bessel = math.sqrt(len(x) / (len(x) - 1))  # scikit-learn divides the covariance by N - 1
    theirs = PCA(2).fit(x.numpy())
    ours = ProbabilisticPCA(model.weight * bessel, model.mean, model.noise * bessel)
    np.testing.assert_allclose(ours.log_prob(x), theirs.score_samples(x.numpy()), rtol=1e-11)
    score = theirs.score(x.numpy())
    assert 0 < model.log_prob(x).mean().item() - score < 1 / len(x) ** 2 * len(EIGENVALUES)


def test_the_bound_with_the_exact_posterior_is_log_p():
    x, _ = sample(EIGENVALUES)
    model = ProbabilisticPCA.fit(x, 2)
    terms = ELBO(form="joint", samples=3)(model, Batch(x, None, STEP))
    torch.testing.assert_close(terms["elbo"], model.log_prob(x), rtol=0, atol=1e-12)
    torch.testing.assert_close(terms["loss"], -model.log_prob(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("form", ["kl", "joint", "entropy"])
def test_the_linear_vae_at_its_optimum_attains_the_closed_form(form):
    """On PCA's own axes the posterior is diagonal, so that the VAE's q can equal it."""
    x, _ = sample(EIGENVALUES, mean=2.0)
    best = ProbabilisticPCA.fit(x, 2)
    W, b, sigma = best.weight, best.mean, best.noise.item()
    V, c, P = posterior(W, b, sigma)
    model = with_cubature(linear_vae(W, b, sigma, V, c, P.diagonal().rsqrt()))
    elbo = ELBO(form=form, samples=4)(model, Batch(x, None, STEP))["elbo"]
    torch.testing.assert_close(elbo, best.log_prob(x), rtol=0, atol=1e-11)
    assert abs(elbo.mean().item() - optimum(EIGENVALUES, 2)) < 1e-12


def test_a_linear_vae_trained_by_sgd_reaches_the_optimum(tmp_path):
    x, _ = sample(EIGENVALUES, mean=0.5)
    split = MemorySplit(x.float(), None, "real")
    spec = Spec("linear", (5,), "real")
    arguments = {
        "latent_dim": 2,
        "likelihood": "gaussian-shared",
        "architecture": LINEAR,
        "objective": ELBO(samples=8),
        "optimizer": OptimizerSettings(learning_rate=0.02, schedule="cosine"),
    }
    experiment = RecipeCall("vae", arguments).build(spec)
    options = Options(
        steps=1500, batch_size=512, device="cpu", precision="float32", validate_every=0
    )
    train(experiment, Dataset(spec, split, split, split, {}), RunFolder(tmp_path), options)
    model = with_cubature(experiment.model.double().eval())
    with torch.no_grad():
        elbo = ELBO(samples=4)(model, Batch(x, None, STEP))["elbo"].mean().item()
    assert 0 < optimum(EIGENVALUES, 2) - elbo < 1e-3


def test_a_rotated_decoder_costs_a_diagonal_posterior_what_the_formula_says():
    """log p - ELBO = 1/2 [sum_i log P_ii - log det P], P = (W'W + sigma^2 I) / sigma^2."""
    x, _ = sample(EIGENVALUES, mean=2.0)
    best = ProbabilisticPCA.fit(x, 3)
    generator = torch.Generator().manual_seed(1)
    square = torch.randn(3, 3, dtype=torch.float64, generator=generator)
    W, b, sigma = best.weight @ torch.linalg.qr(square).Q, best.mean, best.noise.item()
    torch.testing.assert_close(log_marginal(x, W, b, sigma), best.log_prob(x))
    P = (W.T @ W + sigma**2 * torch.eye(3).double()) / sigma**2
    V, c, _ = posterior(W, b, sigma)

    def elbo(scale):
        model = with_cubature(linear_vae(W, b, sigma, V, c, scale))
        return ELBO(samples=6)(model, Batch(x, None, STEP))["elbo"]

    gap = 0.5 * (P.diagonal().log().sum() - torch.logdet(P))
    assert gap > 0.1
    scale = P.diagonal().rsqrt()
    torch.testing.assert_close(best.log_prob(x) - elbo(scale), gap.expand(512), rtol=1e-10, atol=0)
    for factor in ([1.01, 1, 1], [1, 0.99, 1], [1, 1, 1.01]):  # no other diagonal is better
        assert elbo(scale * torch.tensor(factor)).mean() < elbo(scale).mean()


@pytest.mark.parametrize(("beta", "active"), [(0.5, 4), (1.0, 3), (2.0, 2), (3.0, 1)])
def test_beta_keeps_the_directions_whose_eigenvalue_exceeds_beta_sigma_squared(beta, active):
    """And W'W has eigenvalues lambda_i - beta sigma^2, as PCA with noise beta sigma^2 has."""
    eigenvalues = (4.5, 2.5, 1.5, 0.8, 0.2)
    x, _ = sample(eigenvalues, examples=64)
    torch.manual_seed(0)
    model = VAE.build((5,), 5, GaussianFixed((5,), sigma=1.0), LINEAR).double()
    objective, batch = ELBO(beta=beta, samples=10), Batch(x, None, STEP)
    moved = with_cubature(model)  # no noise: the exact gradient
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1200)
    for _ in range(1200):
        optimizer.zero_grad()
        objective(moved, batch)["loss"].mean().backward()
        optimizer.step()
        schedule.step()
    del model.encode  # its own, random one again
    expected = (torch.tensor(eigenvalues, dtype=torch.float64) - beta).clamp(min=0)
    learned = torch.linalg.svdvals(model.decoder[1].weight).square()
    torch.testing.assert_close(learned, expected, rtol=0, atol=2e-3)
    measured = evaluate(model, Doubles(x), discrete=False)
    assert measured.active_units == active == int((expected > 0).sum())
    assert sum(kl.value > 0.01 for kl in measured.kl_per_unit) == active


class Doubles:
    """A split of float64 values."""

    resident = True

    def __init__(self, x):
        self.x = x

    def __len__(self):
        return len(self.x)

    def batch(self, indices):
        return self.x[indices], None
