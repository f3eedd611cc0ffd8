"""Colourisation."""

from dataclasses import replace
from typing import cast

from immersion.batch import Split
from immersion.check import UserError
from immersion.data.patches import PatchSplit
from immersion.engine import Experiment, OptimizerSettings
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.objectives import TranslationLoss
from immersion.recipes.adversary import Adversary
from immersion.recipes.base import RECIPES
from immersion.recipes.image_to_image import Patches, train_translator, trains_on
from immersion.spec import Spec
from immersion.tasks.colourise import SHORTEST, Colourise

COLOURED = 8
"""Smallest difference in levels of 255 between the channels of a pixel with a colour; rounding
makes smaller ones."""


@RECIPES.register("colourise")
@trains_on(Patches(SHORTEST, upright=True, shortest=SHORTEST))
def colourise(
    spec: Spec,
    *,
    task: Colourise = Colourise(),
    translation: ImageToImageArchitecture = ImageToImageArchitecture("unet"),
    objective: TranslationLoss = TranslationLoss(),
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=1e-3, schedule="cosine"),
    latent_dim: int = 0,
    adversary: Adversary = Adversary(),
) -> Experiment:
    """Train a network that colours grey pictures, with an uncertainty for every colour.

    Args:
        spec: Patches of colour pictures, shrunk: colours depend on the whole scene, whose
            orientation matters.
        task: Chroma from lightness: a mean and a scale of each value, or the probabilities of its
            levels.
        translation: The network.
        objective: The loss.
        optimizer: Settings of the optimizer.
        latent_dim: Dimension of a code that selects one of several right answers: a conditional
            VAE, trained by its ELBO in place of the objective; 0 gives one answer.
        adversary: The adversarial loss, if any.
    """
    if task.discretised:
        check_levels(objective, latent_dim)
        objective = TranslationLoss(beta=0.0)
    experiment = train_translator(
        spec, task, translation, objective, optimizer, latent_dim, adversary
    )
    return replace(experiment, begin=check_colours)


def check_levels(objective: TranslationLoss, latent_dim: int) -> None:
    """Raise UserError if a setting has no part in learning the probabilities of levels.

    Raises:
        UserError: A power of the scale, or a code.
    """
    if objective.beta is not None:
        raise UserError(
            "levels are trained by their likelihood, in which --beta has no part",
            remedy="leave --beta or --discretised out",
        )
    if latent_dim:
        raise UserError(
            "levels and a code are two representations of several answers",
            remedy="leave --latent-dim or --discretised out",
        )


def check_colours(split: Split) -> None:
    """Raise UserError if no training picture has a colour, also in files of three channels.

    Raises:
        UserError: Red, green and blue differ by less than 8 levels in every pixel of all of them.
    """
    pictures = cast(PatchSplit, split).pictures
    if not any((p.amax(0) - p.amin(0)).max() >= COLOURED for p in pictures):
        raise UserError(
            "there is no colour to learn: all training pictures are grey",
            "colour pictures",
            f"{len(pictures)} grey ones",
        )
