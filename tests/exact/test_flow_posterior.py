"""A VAE whose q(z|x) is a flow: its bounds against log p(x), summed over a grid."""

import math

import pytest
import torch

from immersion.batch import Batch
from immersion.check import UserError
from immersion.likelihoods.binary import Bernoulli
from immersion.models import VAE
from immersion.nn import Architecture
from immersion.objectives import ELBO
from immersion.posteriors import POSTERIORS
from immersion.priors import PRIORS

GRID = {1: 2001, 2: 201}


@pytest.mark.parametrize("latent_dim", [1, 2])
@pytest.mark.parametrize("prior", list(PRIORS))
def test_weights_average_to_the_marginal_likelihood(prior, latent_dim):
    torch.manual_seed(latent_dim)
    p = Bernoulli((6,))
    p_z, q_z = PRIORS[prior](latent_dim), POSTERIORS["flow"](latent_dim)
    vae = VAE.build((6,), latent_dim, p, Architecture("dense", 8, 1, "tanh"), p_z, q_z).double()
    x = torch.randint(0, 2, (6, 6)).double()
    axis = torch.linspace(-8, 8, GRID[latent_dim], dtype=torch.float64)
    z = torch.cartesian_prod(*[axis] * latent_dim).view(-1, 1, latent_dim)
    with torch.no_grad():
        vae.encoder[-2].bias[latent_dim : 2 * latent_dim] += 1.0  # wider than the prior
        joint = vae.decode(z).log_prob(x) + vae.prior().log_prob(z)
        log_p = joint.logsumexp(0) + latent_dim * math.log(axis[1] - axis[0])
        log_weights = vae.log_weights(x, 10_000)
    weight = (log_weights - log_p).exp()  # its mean is 1
    error = weight.std(0) / len(weight) ** 0.5
    assert ((weight.mean(0) - 1).abs() < 4.5 * error + 1e-3).all()
    elbo, tight = log_weights.mean(0), log_weights.view(100, 100, -1).logsumexp(0) - math.log(100)
    assert (elbo < log_p).all()
    assert ((log_p - tight.mean(0)).abs() < (log_p - elbo).abs()).all()


@pytest.mark.parametrize("objective", [ELBO("entropy"), ELBO(free_bits=1.0)])
def test_a_bound_that_needs_a_closed_form_is_never_computed_without_it(objective):
    p_z, q_z = PRIORS["standard-normal"](2), POSTERIORS["flow"](2)
    vae = VAE.build((6,), 2, Bernoulli((6,)), Architecture("dense", 8, 1, "tanh"), p_z, q_z)
    with pytest.raises(UserError, match="closed form"):
        objective(vae, Batch(torch.ones(3, 6), None, torch.tensor(0)))
