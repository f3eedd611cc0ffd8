"""What an experiment resolved where its recipe's arguments and the options left it open."""

from dataclasses import asdict
from typing import Any

from torch import nn

from immersion.engine import Experiment, Options
from immersion.models import Generative, Translator
from immersion.nn import Architecture
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.objectives import TranslationLoss
from immersion.objectives.penalties import Penalties
from immersion.objectives.translation import DEFAULT_BETA
from immersion.tasks.denoise import Denoise


def describe_resolved(experiment: Experiment, options: Options, examples: int) -> dict[str, Any]:
    """Return the resolved values, by the names of the arguments and options that they resolve.

    Args:
        experiment: The result of a recipe.
        options: The options of the training.
        examples: Number of training examples.

    Returns:
        class, generative, likelihood, binarize, latent_dim, parameters, ema, batch_size; of
        networks that the package builds architecture or translation; of games penalties; of
        image-to-image models objective and task. Values that the model does not have are None,
        none or left out.

    Example:
        >>> from immersion.recipes.call import RecipeCall
        >>> from immersion.spec import Spec
        >>> experiment = RecipeCall("vae").build(Spec("digits", (1, 8, 8), "unit"))
        >>> resolved = describe_resolved(experiment, Options(), examples=150)
        >>> resolved["batch_size"], resolved["architecture"]["network"]
        (150, 'dense')
    """
    model = experiment.model
    likelihood = getattr(model, "likelihood", None)
    return {
        "class": f"{type(model).__module__}:{type(model).__qualname__}",
        "generative": isinstance(model, Generative),
        "likelihood": None if likelihood is None else type(likelihood).__name__,
        "binarize": experiment.binarize,
        "latent_dim": getattr(model, "latent_dim", None),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "ema": experiment.ema if options.ema is None else options.ema,
        "batch_size": options.resolve_batch_size(
            examples, experiment.batch_size, experiment.multiple
        ),
        **_describe_network(model),
        **_describe_penalties(experiment),
        **_describe_translation(experiment),
    }


def _describe_network(model: nn.Module) -> dict[str, Any]:
    """Return the name and the size of the model's first network, as it was built."""
    for module in model.modules():
        built = vars(module).get("built_architecture")
        if isinstance(built, (Architecture, ImageToImageArchitecture)):
            name = "architecture" if isinstance(built, Architecture) else "translation"
            return {name: asdict(built)}
    return {}


def _describe_penalties(experiment: Experiment) -> dict[str, Any]:
    for player in experiment.players:
        if isinstance(penalties := getattr(player.objective, "penalties", None), Penalties):
            return {"penalties": asdict(penalties)}
    return {}


def _describe_translation(experiment: Experiment) -> dict[str, Any]:
    """Return the power of the loss of an image-to-image model, and the strengths of its noise."""
    model = experiment.model
    if not isinstance(model, Translator):
        return {}
    objective = experiment.players[0].objective
    loss = getattr(objective, "likeness", objective)
    resolved: dict[str, Any] = {"objective": {"beta": "none"}}
    if isinstance(loss, TranslationLoss):
        resolved["objective"] = {"beta": DEFAULT_BETA if loss.beta is None else loss.beta}
    if isinstance(model.task, Denoise):
        own = model.task.targets == "clean"
        resolved["task"] = {"strength": list(model.task.strengths) if own else "none"}
    return resolved
