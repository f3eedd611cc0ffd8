"""An enlarger."""

from immersion.data import Spec
from immersion.engine import Experiment, OptimizerSettings
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.objectives import TranslationLoss
from immersion.recipes.adversary import Adversary
from immersion.recipes.base import RECIPES
from immersion.recipes.image_to_image import Patches, of_pictures, translator
from immersion.tasks.enlarge import Enlarge


@RECIPES.register("enlarge")
@of_pictures(Patches(side=96))
def enlarge(
    spec: Spec,
    *,
    task: Enlarge = Enlarge(),
    translation: ImageToImageArchitecture = ImageToImageArchitecture("restorer"),
    objective: TranslationLoss = TranslationLoss(),
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=1e-3, schedule="cosine"),
    latent_dim: int = 0,
    adversary: Adversary = Adversary(),
) -> Experiment:
    """Train a network to enlarge pictures, and to say how sure it is of every pixel.

    Args:
        spec: Patches of large pictures, 96 pixels wide unless asked otherwise.
        task: The factor.
        translation: The network.
        objective: The error that is minimised.
        optimizer: How parameters move.
        latent_dim: Dimension of a code that tells several right answers apart: a conditional VAE,
            trained by its ELBO in place of the objective; 0 gives one answer.
        adversary: Whether outputs must look real too.
    """
    return translator(spec, task, translation, objective, optimizer, latent_dim, adversary)
