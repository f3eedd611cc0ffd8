"""The recipe contract, the registry of recipes, and functions that several recipes share."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from torch import nn

from immersion.check import UserError, check_at_least
from immersion.engine import Experiment, OptimizerSettings, Player
from immersion.likelihoods import LIKELIHOODS, Likelihood, build_likelihood
from immersion.models import GAN
from immersion.objectives import DiscriminatorLoss, GeneratorLoss
from immersion.objectives.games import Game
from immersion.objectives.penalties import Penalties
from immersion.registry import Registry
from immersion.spec import Binarize, Spec

Recipe = Callable[..., Experiment]
"""(spec, *, arguments with defaults) -> Experiment. Arguments are numbers, strings and frozen
dataclasses of these; the command line reads its flags from the signature."""

RECIPES: Registry[Recipe] = Registry("recipe", "immersion.recipes", "immersion.recipes")
"""Recipes by name; other packages add theirs by entry points of the group `immersion.recipes`."""


def resolve_likelihood(
    spec: Spec, name: str, binarize: Binarize | Literal["auto"]
) -> tuple[Likelihood, Binarize]:
    """Resolve `auto` for a likelihood and a binarization, which depend on each other.

    Grey images that are customarily binarized (MNIST) are binarized unless the likelihood is one
    of grey values.

    Args:
        spec: The data as stored.
        name: A likelihood's name, or auto.
        binarize: none, dynamic, static, threshold, or auto.

    Returns:
        The likelihood and the binarization.

    Raises:
        UserError: The likelihood is not one of binary data, and the data are.
    """
    if binarize == "auto":
        wants_binary = name == "auto" or LIKELIHOODS[name].values == {"binary"}
        binarize = spec.binarize if wants_binary else "none"
    values = spec.values if binarize == "none" else "binary"
    if values == "binary" and name != "auto" and "binary" not in LIKELIHOODS[name].values:
        raise UserError(
            f"the {name} likelihood is not for binary data",
            "--likelihood bernoulli",
            f"--likelihood {name} --binarize {binarize}",
        )
    return build_likelihood(name, spec.shape, values), binarize


USUAL_LATENT = 20


def resolve_latent_dim(spec: Spec, latent_dim: int | None) -> int:
    """Return the dimension d of the latent space: 1 <= d < D.

    Args:
        spec: The data, of dimension D.
        latent_dim: d, or None for 20, or for D // 2 if D is below 40.

    Raises:
        UserError: d is not from 1 to D - 1, or D is 1.

    Example:
        >>> resolve_latent_dim(Spec("table", (3,), "real"), None)
        1
    """
    if spec.dimensions < 2:
        raise UserError("one column has no smaller latent space", "a table of 2 columns or more")
    if latent_dim is None:
        return min(USUAL_LATENT, spec.dimensions // 2)
    if not 1 <= latent_dim < spec.dimensions:
        raise UserError(
            "the latent space must be smaller than the data's",
            f"--latent-dim from 1 to {spec.dimensions - 1}",
            latent_dim,
        )
    return latent_dim


def build_players(
    model: GAN,
    game: Game,
    penalties: Penalties,
    optimizer: OptimizerSettings,
    discriminator_steps: int,
    discriminator_rate: float,
) -> tuple[Player, Player]:
    """Return the discriminator, which updates first, and the generator.

    Args:
        model: The model of both networks.
        game: The losses of both players.
        penalties: Penalties in the discriminator's loss.
        optimizer: Optimizer settings of both players; the learning rate is the generator's.
        discriminator_steps: k, discriminator updates per generator update.
        discriminator_rate: The discriminator's learning rate relative to the generator's.
    """
    check_at_least(1, discriminator_steps=discriminator_steps)
    check_at_least(0, discriminator_rate=discriminator_rate)
    own_rate = discriminator_rate * optimizer.learning_rate
    discriminator = Player(
        "discriminator",
        list(model.discriminator.parameters()),
        DiscriminatorLoss(game, penalties),
        replace(optimizer, learning_rate=own_rate),
        discriminator_steps,
    )
    generated = list(model.generator.parameters())
    return discriminator, Player("generator", generated, GeneratorLoss(game), optimizer)


def has_unit_range(spec: Spec) -> bool:
    """Return whether values are levels from 0 to 1."""
    return spec.values in ("unit", "binary")


def limit_output(network: nn.Module, spec: Spec) -> nn.Module:
    """Return a generator's network with its output limited to the range of the data."""
    return nn.Sequential(network, nn.Sigmoid()) if has_unit_range(spec) else network


def check_continuous(spec: Spec) -> None:
    """Raise UserError if the data are counts, which no differentiable generator can produce."""
    if spec.values == "counts":
        raise UserError(
            "an adversarial net generates continuous values",
            "images, or a table of real numbers",
            "counts",
            "train a vae",
        )
