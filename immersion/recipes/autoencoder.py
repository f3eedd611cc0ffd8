"""Linear and deep autoencoders: codes without a prior distribution."""

from immersion.engine import Experiment, OptimizerSettings, Player
from immersion.likelihoods import LIKELIHOODS, Likelihood, build_likelihood
from immersion.models import Autoencoder
from immersion.nn import Architecture
from immersion.objectives import Reconstruction
from immersion.recipes.base import RECIPES, resolve_latent_dim
from immersion.spec import Spec


@RECIPES.register("linear-ae")
def linear_ae(
    spec: Spec,
    *,
    latent_dim: int | None = None,
    optimizer: OptimizerSettings = OptimizerSettings(),
) -> Experiment:
    """Train a linear autoencoder by gradient descent: it finds PCA's subspace.

    Args:
        spec: The data.
        latent_dim: Number of linear features; by default 20, or half of the data's below 40.
        optimizer: Optimizer settings.
    """
    latent_dim = resolve_latent_dim(spec, latent_dim)
    p = LIKELIHOODS["gaussian-fixed"](spec.shape)
    linear = Architecture("dense", depth=0)
    return _autoencoder(spec, latent_dim, p, linear, Reconstruction(), optimizer)


@RECIPES.register("ae")
def ae(
    spec: Spec,
    *,
    latent_dim: int | None = None,
    likelihood: str = "auto",
    architecture: Architecture = Architecture(),
    objective: Reconstruction = Reconstruction(),
    optimizer: OptimizerSettings = OptimizerSettings(),
) -> Experiment:
    """Train a deep autoencoder: it reconstructs, but is not a generative model.

    Args:
        spec: The data.
        latent_dim: Dimension of the code; by default 20, or half of the data's below 40.
        likelihood: p(x|z), whose mean is the reconstruction; auto selects by the type of data.
        architecture: Networks of the encoder and, in reverse order, of the decoder.
        objective: Reconstruction error to minimise.
        optimizer: Optimizer settings.
    """
    latent_dim = resolve_latent_dim(spec, latent_dim)
    p = build_likelihood(likelihood, spec.shape, spec.values)
    return _autoencoder(spec, latent_dim, p, architecture, objective, optimizer)


def _autoencoder(
    spec: Spec,
    latent_dim: int,
    p: Likelihood,
    architecture: Architecture,
    objective: Reconstruction,
    optimizer: OptimizerSettings,
) -> Experiment:
    model = Autoencoder.build(spec.shape, latent_dim, p, architecture)
    player = Player("autoencoder", list(model.parameters()), objective, optimizer)
    return Experiment(model, (player,), check=p.check)
