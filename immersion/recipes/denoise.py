"""Denoising."""

from typing import cast

from immersion.check import UserError
from immersion.engine import Experiment, OptimizerSettings
from immersion.models.image_to_image import check_patch_side
from immersion.models.translator import Translator
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.objectives import NeighbourLoss, TranslationLoss
from immersion.recipes.adversary import Adversary
from immersion.recipes.base import RECIPES
from immersion.recipes.image_to_image import Patches, train_translator, trains_on
from immersion.spec import Spec
from immersion.tasks.denoise import Denoise


@RECIPES.register("denoise")
@trains_on(Patches())
def denoise(
    spec: Spec,
    *,
    task: Denoise = Denoise(),
    translation: ImageToImageArchitecture = ImageToImageArchitecture("noise-aware"),
    objective: TranslationLoss = TranslationLoss(),
    optimizer: OptimizerSettings = OptimizerSettings(learning_rate=1e-3, schedule="cosine"),
    latent_dim: int = 0,
    adversary: Adversary = Adversary(),
) -> Experiment:
    """Train a network that removes noise, with an uncertainty for every pixel.

    Args:
        spec: Patches of clean pictures.
        task: The noise that is added; or none, if the pictures are noisy already: then each pixel
            is predicted from its neighbours, and the uncertainty includes the pixel's own noise.
        translation: The network.
        objective: The loss.
        optimizer: Settings of the optimizer.
        latent_dim: Dimension of a code that selects one of several right answers: a conditional
            VAE, trained by its ELBO in place of the objective; 0 gives one answer.
        adversary: The adversarial loss, if any.
    """
    if task.targets == "clean":
        return train_translator(
            spec, task, translation, objective, optimizer, latent_dim, adversary
        )
    if latent_dim or adversary.adversarial:
        raise UserError(
            "learning from noisy pictures has no clean ones for a discriminator or a code",
            "neither --latent-dim nor --adversarial with --targets noisy",
            remedy="leave them out, or learn from clean pictures",
        )
    experiment = train_translator(spec, task, translation, NeighbourLoss(objective), optimizer)
    model = cast(Translator, experiment.model)
    check_patch_side(spec.shape[1] // 2, model.network.multiple)
    return experiment
