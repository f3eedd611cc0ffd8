"""What recipes of image-to-image networks share."""

from immersion.data import Spec
from immersion.engine import Experiment, Optimiser, Player
from immersion.likelihoods.gaussian import Gaussian
from immersion.models import Translator
from immersion.nn.translation import Translation
from immersion.objectives import TranslationLoss
from immersion.recipes.base import Recipe
from immersion.tasks import Task

_OF_PICTURES: set[Recipe] = set()


def of_pictures(recipe: Recipe) -> Recipe:
    """Say that a recipe takes patches of whole pictures: its data are read without resizing."""
    _OF_PICTURES.add(recipe)
    return recipe


def takes_pictures(recipe: Recipe) -> bool:
    """Return whether a recipe takes patches of whole pictures."""
    return recipe in _OF_PICTURES


def translator(
    spec: Spec,
    task: Task,
    translation: Translation,
    objective: TranslationLoss,
    optimiser: Optimiser,
) -> Experiment:
    """Return the training of a translator to levels: a Gaussian with a scale for every value.

    Args:
        spec: Patches of pictures.
        task: Makes the pairs.
        translation: The network; a `restorer` where none is named.
        objective: The error that is minimised.
        optimiser: How parameters move.
    """
    inward, outward = task.channels(spec.shape[0])
    p = Gaussian((outward, *spec.shape[1:]))
    network = translation.build(inward, p.numbers * outward, task.scale, "restorer")
    model = Translator(task, network, p)
    player = Player("translator", list(model.parameters()), objective, optimiser)
    return Experiment(model, (player,), batch_size=32, ema=0.999)
