"""The experiment of an image-to-image model, and the patches that it is trained on."""

from collections.abc import Callable
from dataclasses import dataclass

from immersion.check import UserError
from immersion.data.restoration import DEFAULT_SIDE
from immersion.engine import Experiment, OptimizerSettings
from immersion.models.image_to_image import build_translator, check_patch_side
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.objectives import ConditionalELBO, NeighbourLoss, TranslationLoss
from immersion.recipes.adversary import Adversary
from immersion.recipes.base import Recipe
from immersion.spec import Spec
from immersion.tasks import Task

BATCH = 8
"""Default batch size: many small steps learn faster than few large ones."""


@dataclass(frozen=True)
class Patches:
    """The training data of an image-to-image recipe: patches of whole pictures.

    Args:
        side: Default side of the patches.
        masked: If True, the pictures have masks, the class of every pixel.
        upright: If True, patches are mirrored but not rotated, for scenes with an above and a
            below. Masked data sets decide for themselves.
        shortest: Length in pixels to which the shorter side of pictures is shrunk; 0 keeps them.
    """

    side: int = DEFAULT_SIDE
    masked: bool = False
    upright: bool = False
    shortest: int = 0


_PATCHES: dict[Recipe, Patches] = {}


def trains_on(patches: Patches) -> Callable[[Recipe], Recipe]:
    """Return a decorator that registers the patches that a recipe trains on."""

    def enter(recipe: Recipe) -> Recipe:
        _PATCHES[recipe] = patches
        return recipe

    return enter


def get_patches(recipe: Recipe) -> Patches | None:
    """Return the patches that a recipe trains on, or None if it is not an image-to-image one."""
    return _PATCHES.get(recipe)


def train_translator(
    spec: Spec,
    task: Task,
    translation: ImageToImageArchitecture,
    objective: TranslationLoss | NeighbourLoss,
    optimizer: OptimizerSettings,
    latent_dim: int = 0,
    adversary: Adversary = Adversary(),
) -> Experiment:
    """Return the experiment of an image-to-image model.

    Args:
        spec: Patches of pictures.
        task: Makes training pairs.
        translation: The network.
        objective: The loss for one answer.
        optimizer: Settings of the optimizer.
        latent_dim: Dimension of a code that selects one of several answers; 0 for one answer.
        adversary: The adversarial loss, if any.
    """
    if latent_dim and isinstance(objective, TranslationLoss) and objective.beta is not None:
        raise UserError(
            "a model with a code is trained by its ELBO, in which --beta has no part",
            remedy="leave --beta or --latent-dim out",
        )
    model = build_translator(spec, task, translation, latent_dim)
    check_patch_side(spec.shape[1] // task.presentation.scale, model.network.multiple)
    likeness = ConditionalELBO() if latent_dim else objective
    channels = sum(task.channels(spec.shape[0]))
    players = adversary.players(model, likeness, optimizer, channels)
    return Experiment(model, players, batch_size=BATCH, ema=0.999)
