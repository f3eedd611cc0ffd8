"""The variational autoencoder."""

from typing import Literal

from immersion.engine import Experiment, OptimizerSettings, Player
from immersion.models import VAE
from immersion.nn import Architecture
from immersion.objectives import ELBO
from immersion.recipes.base import RECIPES, resolve_latent_dim, resolve_likelihood
from immersion.spec import Spec


@RECIPES.register("vae")
def vae(
    spec: Spec,
    *,
    latent_dim: int | None = None,
    likelihood: str = "auto",
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
        binarize: Binarization of grey images: none, dynamic (sampled for every batch), static
            (sampled once), threshold (at one half), or auto: as is customary for the data set.
        architecture: Networks of the encoder and, in reverse order, of the decoder.
        objective: Bound to maximise.
        optimizer: Optimizer settings.
    """
    latent_dim = resolve_latent_dim(spec, latent_dim)
    p, resolved = resolve_likelihood(spec, likelihood, binarize)
    model = VAE.build(spec.shape, latent_dim, p, architecture)
    player = Player("vae", list(model.parameters()), objective, optimizer)
    return Experiment(model, (player,), resolved, p.check)
