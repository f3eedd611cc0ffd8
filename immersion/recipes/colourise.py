"""A colouriser."""

from immersion.data import Spec
from immersion.engine import Experiment, Optimiser
from immersion.nn.translation import Translation
from immersion.objectives import TranslationLoss
from immersion.recipes.adversary import Adversary
from immersion.recipes.base import RECIPES
from immersion.recipes.pictures import of_pictures, translator
from immersion.tasks.colourise import Colourise


@RECIPES.register("colourise")
@of_pictures(side=96)
def colourise(
    spec: Spec,
    *,
    task: Colourise = Colourise(),
    translation: Translation = Translation(),
    objective: TranslationLoss = TranslationLoss(),
    optimiser: Optimiser = Optimiser(learning_rate=1e-3, schedule="cosine"),
    latent: int = 0,
    adversary: Adversary = Adversary(),
) -> Experiment:
    """Train a network to colour grey pictures, and to say how sure it is of every colour.

    Args:
        spec: Patches of colour pictures; the colour of a thing is told by what is around it, so
            that they are larger than for other tasks.
        task: Lightness in, chroma out.
        translation: The network; a unet where none is named.
        objective: The error that is minimised.
        optimiser: How parameters move.
        latent: Dimension of a code that tells several right answers apart: a conditional VAE,
            trained by its ELBO in place of the objective; 0 gives one answer.
        adversary: Whether outputs must look real too.
    """
    return translator(
        spec, task, translation, objective, optimiser, latent, adversary, "unet", batch_size=16
    )
