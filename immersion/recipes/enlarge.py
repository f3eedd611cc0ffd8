"""Super-resolution."""

from immersion.engine import Experiment, OptimizerSettings
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.objectives import TranslationLoss
from immersion.recipes.adversary import Adversary
from immersion.recipes.base import RECIPES
from immersion.recipes.image_to_image import Patches, train_translator, trains_on
from immersion.spec import Spec
from immersion.tasks.enlarge import Enlarge


@RECIPES.register("enlarge")
@trains_on(Patches(side=96))
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
    """Train a network that enlarges pictures, with an uncertainty for every pixel.

    Args:
        spec: Patches of large pictures, by default 96 pixels wide.
        task: The factor.
        translation: The network.
        objective: The loss.
        optimizer: Settings of the optimizer.
        latent_dim: Dimension of a code that selects one of several right answers: a conditional
            VAE, trained by its ELBO in place of the objective; 0 gives one answer.
        adversary: The adversarial loss, if any.
    """
    return train_translator(spec, task, translation, objective, optimizer, latent_dim, adversary)
