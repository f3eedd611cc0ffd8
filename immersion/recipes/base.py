"""The contract of a recipe, the registry of recipes, and what several recipes share."""

from collections.abc import Callable
from dataclasses import replace

from torch import nn

from immersion.check import UserError, check_at_least
from immersion.data import Spec
from immersion.engine import Experiment, OptimizerSettings, Player
from immersion.likelihoods import LIKELIHOODS, Likelihood, likelihood_for
from immersion.models import GAN
from immersion.objectives import DiscriminatorLoss, GeneratorLoss
from immersion.objectives.games import Game
from immersion.objectives.penalties import Penalties
from immersion.registry import Registry

Recipe = Callable[..., Experiment]
"""(spec, *, arguments with defaults) -> Experiment. Arguments are numbers, strings and frozen
dataclasses of such; the command line reads its flags from the signature."""

RECIPES: Registry[Recipe] = Registry("recipe", "immersion.recipes")


def resolve_likelihood(spec: Spec, name: str, binarize: str) -> tuple[Likelihood, str]:
    """Resolve `auto` for a likelihood and a binarization, each in the light of the other.

    Grey images that the field is used to making binary (MNIST) are made so, unless a likelihood
    is asked for that is for grey values.

    Args:
        spec: The data as they lie in the files.
        name: A likelihood, or auto.
        binarize: none, dynamic, static, threshold, or auto.

    Returns:
        The likelihood, and how the data are to be made binary.
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
    return likelihood_for(name, spec.shape, values), binarize


USUAL_LATENT = 20


def resolve_latent_dim(spec: Spec, latent_dim: int | None) -> int:
    """Return the dimension d of the latent space: 1 <= d < D.

    Args:
        spec: The data, of dimension D.
        latent_dim: d, or None for 20, or half of D where D is below 40.

    Raises:
        UserError: d is 0 or less, or D or more; or the data have one dimension.

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
    """Return the discriminator, which moves first, and the generator.

    Args:
        model: Holds both.
        game: What they minimise.
        penalties: What is added to the discriminator's loss.
        optimizer: How the generator moves, and the discriminator but for its rate.
        discriminator_steps: k, the discriminator's moves for each of the generator's.
        discriminator_rate: The discriminator's learning rate in units of the generator's.
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
    moved = list(model.generator.parameters())
    return discriminator, Player("generator", moved, GeneratorLoss(game), optimizer)


def has_unit_range(spec: Spec) -> bool:
    """Return whether values are levels, from 0 to 1."""
    return spec.values in ("unit", "binary")


def bound_output(network: nn.Module, spec: Spec) -> nn.Module:
    """Return a generator's network with its output where the data's values lie."""
    return nn.Sequential(network, nn.Sigmoid()) if has_unit_range(spec) else network


def check_continuous(spec: Spec) -> None:
    """Refuse data that no differentiable generator can produce.

    Raises:
        UserError: They are counts.
    """
    if spec.values == "counts":
        raise UserError(
            "an adversarial net generates continuous values",
            "images, or a table of real numbers",
            "counts",
            "train a vae",
        )
