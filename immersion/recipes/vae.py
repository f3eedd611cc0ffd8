"""The variational autoencoder."""

from typing import Literal

import torch

from immersion.engine import Experiment, OptimizerSettings, Player
from immersion.models import VAE
from immersion.nn import Architecture
from immersion.objectives import ELBO
from immersion.posteriors import POSTERIORS
from immersion.priors import PRIORS
from immersion.recipes.base import RECIPES, resolve_latent_dim, resolve_likelihood
from immersion.spec import Spec


@RECIPES.register("vae")
def vae(
    spec: Spec,
    *,
    latent_dim: int | None = None,
    likelihood: str = "auto",
    prior: str = "standard-normal",
    posterior: str = "diagonal-gaussian",
    binarize: Literal["auto", "none", "dynamic", "static", "threshold"] = "auto",
    architecture: Architecture = Architecture(),
    objective: ELBO = ELBO(),
    optimizer: OptimizerSettings = OptimizerSettings(),
) -> Experiment:
    """Train a variational autoencoder (Kingma & Welling 2014).

    Args:
        spec: The data.
        latent_dim: Dimension of the latent space; by default 20, or half of the data's below 40.
        likelihood: p(x|z): bernoulli, continuous-bernoulli, gaussian, gaussian-shared,
            gaussian-optimal, student-t, logistic-mixture, poisson, ..., or auto: by type of data.
        prior: p(z): standard-normal, or flow, which is learned.
        posterior: q(z|x): diagonal-gaussian, or flow, which can have any shape.
        binarize: Binarization of grey images: none, dynamic (sampled for every batch), static
            (sampled once), threshold (at one half), or auto: as is customary for the data set.
        architecture: Networks of the encoder and, in reverse order, of the decoder.
        objective: Bound to maximise.
        optimizer: Optimizer settings.
    """
    latent_dim = resolve_latent_dim(spec, latent_dim)
    p, resolved = resolve_likelihood(spec, likelihood, binarize)
    p_z, q_z = PRIORS[prior](latent_dim), POSTERIORS[posterior](latent_dim)
    objective.check(q_z(torch.zeros(q_z.parameter_shape)), p_z())
    model = VAE.build(spec.shape, latent_dim, p, architecture, p_z, q_z)
    player = Player("vae", list(model.parameters()), objective, optimizer)
    return Experiment(model, (player,), resolved, p.check)
