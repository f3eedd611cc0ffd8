"""A colouriser."""

from dataclasses import replace

from immersion.check import UserError
from immersion.data import Spec
from immersion.data.patches import PatchSplit
from immersion.engine import Experiment, OptimizerSettings
from immersion.likelihoods.levels import Categorical
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.objectives import TranslationLoss
from immersion.recipes.adversary import Adversary
from immersion.recipes.base import RECIPES
from immersion.recipes.image_to_image import Patches, of_pictures, translator
from immersion.tasks.colourise import Colourise

COLOURED = 8
"""Levels of 255 by which the channels of a pixel with a colour differ; rounding makes fewer."""


LEVELS = 33
"""Of a and of b where they are discretised, the middle one grey: seven units of CIE Lab each."""


@RECIPES.register("colourise")
@of_pictures(Patches(Colourise.shortest, upright=True, shortest=Colourise.shortest))
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
    """Train a network to colour grey pictures, and to say how sure it is of every colour.

    Args:
        spec: Patches of colour pictures, shrunk: the colour of a thing is told by what is around
            it, and the sky is above.
        task: Lightness in, chroma out: a mean and a scale of each value, or the probabilities of
            its levels.
        translation: The network.
        objective: The error that is minimised.
        optimizer: How parameters move.
        latent_dim: Dimension of a code that tells several right answers apart: a conditional VAE,
            trained by its ELBO in place of the objective; 0 gives one answer.
        adversary: Whether outputs must look real too.
    """
    p = None
    if task.discretised:
        refuse_beside_levels(objective, latent_dim)
        objective, p = TranslationLoss(beta=0.0), Categorical((2, *spec.shape[1:]), LEVELS)
    experiment = translator(
        spec, task, translation, objective, optimizer, latent_dim, adversary, p
    )
    return replace(experiment, begin=refuse_grey)


def refuse_beside_levels(objective: TranslationLoss, latent_dim: int) -> None:
    """Refuse what has no part in learning the probabilities of levels.

    Raises:
        UserError: A power of the scale, or a code.
    """
    if objective.beta is not None:
        raise UserError(
            "levels are learnt by their likelihood, in which --beta has no part",
            remedy="leave --beta or --discretised out",
        )
    if latent_dim:
        raise UserError(
            "levels and a code are two ways of saying that there are several answers",
            remedy="leave --latent-dim or --discretised out",
        )


def refuse_grey(split: PatchSplit) -> None:
    """Refuse training pictures without any colour, whatever their files' number of channels.

    Raises:
        UserError: Red, green and blue differ by less than 8 levels in every pixel of all of them.
    """
    if not any((p.amax(0) - p.amin(0)).max() >= COLOURED for p in split.pictures):
        raise UserError(
            "there is no colour to learn: all training pictures are grey",
            "colour pictures",
            f"{len(split.pictures)} grey ones",
        )
