"""A denoiser."""

from immersion.check import UserError
from immersion.data import Spec
from immersion.engine import Experiment, OptimizerSettings
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.objectives import NeighbourLoss, TranslationLoss
from immersion.recipes.adversary import Adversary
from immersion.recipes.base import RECIPES
from immersion.recipes.image_to_image import Patches, of_pictures, refuse_side, translator
from immersion.tasks.denoise import Denoise


@RECIPES.register("denoise")
@of_pictures(Patches())
def denoise(
    spec: Spec,
    *,
    task: Denoise = Denoise(),
    translation: ImageToImageArchitecture = ImageToImageArchitecture("aware"),
    objective: TranslationLoss = TranslationLoss(),
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=1e-3, schedule="cosine"),
    latent_dim: int = 0,
    adversary: Adversary = Adversary(),
) -> Experiment:
    """Train a network to take noise out of pictures, and to say how sure it is of every pixel.

    Args:
        spec: Patches of clean pictures.
        task: The noise, or that the pictures have it already: neighbouring pixels then learn from
            each other, and how sure the network is of a pixel counts the pixel's own noise too.
        translation: The network.
        objective: The error that is minimised.
        optimizer: How parameters move.
        latent_dim: Dimension of a code that tells several right answers apart: a conditional VAE,
            trained by its ELBO in place of the objective; 0 gives one answer.
        adversary: Whether outputs must look real too.
    """
    if task.learn == "clean":
        return translator(spec, task, translation, objective, optimizer, latent_dim, adversary)
    if latent_dim or adversary.adversarial:
        raise UserError(
            "no clean picture is there to tell what is real, or which answer is right",
            "neither --latent-dim nor --adversarial with --learn noisy",
            remedy="leave them out, or learn from clean pictures",
        )
    experiment = translator(spec, task, translation, NeighbourLoss(objective), optimizer)
    refuse_side(spec.shape[1] // 2, experiment.model.network.multiple)
    return experiment
