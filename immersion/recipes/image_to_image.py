"""What recipes of image-to-image networks share."""

from collections.abc import Callable
from dataclasses import dataclass

from immersion.check import UserError, check_at_least
from immersion.data import Spec
from immersion.data.restoration import DEFAULT_SIDE
from immersion.engine import Experiment, OptimizerSettings
from immersion.likelihoods import Likelihood
from immersion.likelihoods.gaussian import Gaussian
from immersion.models import PictureCode, Translator
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.nn.pooling_encoder import PoolingEncoder
from immersion.objectives import ConditionalELBO, NeighbourLoss, TranslationLoss
from immersion.recipes.adversary import Adversary
from immersion.recipes.base import Recipe
from immersion.tasks import Task

BATCH = 8
"""Patches a step where nothing else is asked for: many small steps learn sooner than few."""


@dataclass(frozen=True)
class Patches:
    """What a recipe of image-to-image networks takes: patches of whole pictures.

    Args:
        side: Of the patches where none is asked for: how much context the task wants.
        masked: Whether the pictures come with masks, the class of every pixel.
        upright: Whether what is above says something: patches are mirrored but not turned. Sets of
            masked pictures say so themselves.
        shortest: Pixels of the shorter side to which pictures are shrunk before they are learnt
            from; 0 leaves them as they are.
    """

    side: int = DEFAULT_SIDE
    masked: bool = False
    upright: bool = False
    shortest: int = 0


_TAKEN: dict[Recipe, Patches] = {}


def of_pictures(patches: Patches) -> Callable[[Recipe], Recipe]:
    """Say that a recipe takes patches of whole pictures: its data are read as `patches` says."""

    def enter(recipe: Recipe) -> Recipe:
        _TAKEN[recipe] = patches
        return recipe

    return enter


def patches_of(recipe: Recipe) -> Patches | None:
    """Return which patches of pictures a recipe takes; None where it takes no pictures."""
    return _TAKEN.get(recipe)


def translator(
    spec: Spec,
    task: Task,
    translation: ImageToImageArchitecture,
    objective: TranslationLoss | NeighbourLoss,
    optimizer: OptimizerSettings,
    latent_dim: int = 0,
    adversary: Adversary = Adversary(),
    likelihood: Likelihood | None = None,
) -> Experiment:
    """Return the training of a translator to numbers.

    Args:
        spec: Patches of pictures.
        task: Makes the pairs.
        translation: The network.
        objective: The error that is minimised, of one answer.
        optimizer: How parameters move.
        latent_dim: Dimension of the code that tells several answers apart; 0 for one answer.
        adversary: Whether outputs must look real too.
        likelihood: Of the target; by default a Gaussian with a scale for every value.
    """
    check_at_least(0, latent_dim=latent_dim)
    if latent_dim and objective.beta is not None:
        raise UserError(
            "a code is learnt by its ELBO, in which --beta has no part",
            remedy="leave --beta or --latent-dim out",
        )
    inward, outward = task.channels(spec.shape[0])
    p = Gaussian((outward, *spec.shape[1:])) if likelihood is None else likelihood
    network = translation.build(inward + latent_dim, p.parameters_per_value * outward, task.scale)
    refuse_side(spec.shape[1] // task.scale, network.multiple)
    model = Translator(task, network, p, code_of(task, latent_dim, spec.shape[0]))
    likeness = ConditionalELBO() if latent_dim else objective
    players = adversary.players(model, likeness, optimizer, inward + outward)
    return Experiment(model, players, batch_size=BATCH, ema=0.999)


def code_of(task: Task, latent_dim: int, colours: int) -> PictureCode | None:
    """Return a code of `latent` dimensions for a task's pictures; None of 0."""
    if not latent_dim:
        return None
    inward, outward = task.channels(colours)
    return PictureCode(
        latent_dim, PoolingEncoder(inward + task.scale**2 * outward, 2 * latent_dim), task.scale
    )


def refuse_side(side: int, multiple: int) -> None:
    """Refuse patches that a network cannot halve as often as it does.

    Raises:
        UserError: `multiple` does not divide `side`.
    """
    if side % multiple:
        most = side - side % multiple
        remedy = f"pass --size {most}" if most else "take larger pictures, or a smaller --depth"
        raise UserError(
            "patches do not fit the network", f"sides that {multiple} divides", side, remedy
        )
