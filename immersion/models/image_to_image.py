"""Build image-to-image models: without training code, for training and for inference."""

from collections.abc import Mapping
from typing import Any

from immersion.check import UserError, check_at_least
from immersion.likelihoods import Likelihood
from immersion.likelihoods.gaussian import Gaussian
from immersion.models.translator import Translator
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.random import use_seed
from immersion.spec import Spec
from immersion.tasks import TASKS, Task


def build_translator(
    spec: Spec, task: Task, translation: ImageToImageArchitecture, latent_dim: int = 0
) -> Translator:
    """Return an untrained model.

    Args:
        spec: Patches of pictures.
        task: Makes training pairs, and presents outputs as pictures.
        translation: The network.
        latent_dim: Dimension of a code that selects one of several answers; 0 for one answer.

    Raises:
        UserError: The task, the network or the code do not fit the pictures.
    """
    check_at_least(0, latent_dim=latent_dim)
    in_channels, out_channels = task.channels(spec.shape[0])
    scale = task.presentation.scale
    likelihood = build_likelihood(task, (out_channels, *spec.shape[1:]))
    outputs = likelihood.parameter_shape[0]
    network = translation.build(in_channels + latent_dim, outputs, scale)
    if not latent_dim:
        return Translator(task, network, likelihood)
    # A code needs more modules than a model without one.
    from immersion.models.latent_code import PictureCode
    from immersion.nn.pooling_encoder import PoolingEncoder

    encoder = PoolingEncoder(in_channels + scale**2 * out_channels, 2 * latent_dim)
    return Translator(task, network, likelihood, PictureCode(latent_dim, encoder, scale))


def build_likelihood(task: Task, shape: tuple[int, ...]) -> Likelihood:
    """Return p(target | h): classes, levels with a probability each, or a mean and a scale.

    Args:
        task: The task.
        shape: Shape of a target, (C_out, H, W).
    """
    presentation = task.presentation
    if presentation.classes:
        from immersion.likelihoods.pixel_classes import PixelClasses  # most tasks have none

        return PixelClasses(shape, presentation.classes)
    if presentation.levels:
        from immersion.likelihoods.levels import Categorical

        return Categorical(shape, presentation.levels)
    return Gaussian(shape)


def build_recorded(recipe: str, arguments: Mapping[str, Any], spec: Spec) -> Translator:
    """Return an untrained model from a recorded recipe call, without calling the recipe.

    Args:
        recipe: The recipe's name, which is also the task's.
        arguments: The recipe's, as `run.json` holds them.
        spec: The training data.

    Raises:
        UserError: The recipe is not one of an image-to-image model.
    """
    if recipe not in TASKS:
        raise UserError(
            "that run's model is not an image-to-image model",
            f"a run of {', '.join(TASKS)}",
            f"a run of {recipe}",
        )
    try:
        task = TASKS[recipe].from_arguments(spec, arguments)
        translation = ImageToImageArchitecture(**arguments["translation"])
    except (KeyError, TypeError) as error:
        remedy = "restore run.json from a copy, or train again"
        what = f"the arguments of '{recipe}' in run.json are damaged"
        raise UserError(what, received=error, remedy=remedy) from error
    with use_seed(0, "weights"):  # loading a model leaves the caller's generator alone
        return build_translator(spec, task, translation, arguments.get("latent_dim", 0))


def check_patch_side(side: int, multiple: int) -> None:
    """Raise UserError if patches do not fit the network.

    Args:
        side: Side of a patch in pixels.
        multiple: Divisor of the sides of the network's input.

    Raises:
        UserError: `multiple` does not divide `side`.
    """
    if side % multiple:
        most = side - side % multiple
        remedy = f"pass --size {most}" if most else "take larger pictures, or a smaller --depth"
        raise UserError(
            "patches do not fit the network", f"sides that {multiple} divides", side, remedy
        )
