"""A nonlinear VAE of one or two latents, whose log p(x) is found by summing over a grid."""

import itertools
import math

import pytest
import torch

from immersion.batch import Batch
from immersion.likelihoods.binary import Bernoulli
from immersion.metrics.likelihood.bound import importance_weighted_bound
from immersion.models import VAE
from immersion.nn import Architecture
from immersion.objectives import ELBO

GRID = {1: 2001, 2: 161}


def model(latent_dim):
    torch.manual_seed(latent_dim)
    vae = VAE.build(
        (6,), latent_dim, Bernoulli((6,)), Architecture("dense", 8, 1, "tanh")
    ).double()
    with torch.no_grad():
        for parameter in vae.decoder.parameters():
            parameter.mul_(4)  # far from linear: the posterior has more than one mode
        vae.encoder[-2].bias[latent_dim:] += 1.0  # wider than the prior: no weight can be extreme
    return vae.eval()


def log_marginal(vae, x):
    """log of the sum of p(z) p(x|z) over a grid on [-8, 8]^d: (B,)."""
    axis = torch.linspace(-8, 8, GRID[vae.latent_dim], dtype=torch.float64)
    z = torch.cartesian_prod(*[axis] * vae.latent_dim).view(-1, 1, vae.latent_dim)
    with torch.no_grad():
        joint = vae.decode(z).log_prob(x) + vae.prior().log_prob(z)
    return joint.logsumexp(0) + vae.latent_dim * math.log(axis[1] - axis[0])


def every_example():
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=6)), dtype=torch.float64)


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_the_probabilities_of_all_examples_add_up_to_one(latent_dim):
    total = log_marginal(model(latent_dim), every_example()).logsumexp(0)
    assert abs(total.item()) < 1e-10


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_bounds_lie_below_log_p_and_reach_it(latent_dim):
    vae, x = model(latent_dim), every_example()[::3]
    log_p = log_marginal(vae, x)
    torch.manual_seed(0)
    gaps = []
    with torch.no_grad():
        for k, repeats in ((1, 4000), (10, 1000), (100, 400)):
            many = x.repeat_interleave(repeats, 0)
            bounds = importance_weighted_bound(vae, many, k).view(len(x), repeats)
            gaps.append(log_p - bounds.mean(1))
            assert (gaps[-1] > -4.5 * bounds.std(1) / repeats**0.5).all()
        weights = vae.log_weights(x, 100_000)
        assert (gaps[0] > gaps[1]).all()
        assert gaps[1].mean() > gaps[2].mean() > 0
    relative = (weights - log_p).exp()  # its mean is 1
    error = relative.std(0) / len(relative) ** 0.5
    assert ((relative.mean(0) - 1).abs() < 4.5 * error).all()
    assert error.max() < 0.05


@pytest.mark.parametrize("form", ["kl", "joint", "entropy"])
def test_the_elbo_is_what_summing_over_the_grid_gives(form):
    vae, x = model(1), every_example()[:5]
    z = torch.linspace(-12, 12, 20_001, dtype=torch.float64)[:, None, None]
    with torch.no_grad():
        q = vae.encode(x)
        log_q = q.log_prob(z)
        inside = vae.decode(z).log_prob(x) + vae.prior().log_prob(z) - log_q
        expected = torch.trapezoid(log_q.exp() * inside, z[:, 0, 0], dim=0)
        torch.manual_seed(0)
        many = Batch(x.repeat_interleave(20_000, 0), None, torch.tensor(0))
        elbo = ELBO(form=form)(vae, many)["elbo"].view(5, -1)
    assert ((elbo.mean(1) - expected).abs() < 4.5 * elbo.std(1) / 20_000**0.5).all()
    assert (expected < log_marginal(vae, x)).all()
