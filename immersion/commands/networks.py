"""Which network a word of the command line means: a run's, or one that comes with the package."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from immersion.check import UserError
from immersion.loading import Run, open_run
from immersion.models import Translator
from immersion.run_folder import RunFolder
from immersion.shipped import chosen, names, open_shipped


@dataclass(frozen=True)
class Applied:
    """A network for a person's pictures.

    Args:
        model: In evaluation mode.
        colours: Channels of the pictures that it was trained on.
        recipe: What trained it.
    """

    model: Translator
    colours: int
    recipe: str


def opener(network: str) -> Callable[[int], Applied]:
    """Return a function from a picture's channels to the network that is meant.

    Args:
        network: The folder of a run, or a name that comes with the package.

    Raises:
        UserError: There is none of that name, or the run is of another model.
    """
    if (Path(network) / "run.json").is_file() or not _ships(network):
        run = open_translator(network)
        applied = Applied(run.model, run.spec.shape[0], run.record["recipe"])
        return lambda channels: applied
    return lambda channels: _shipped(chosen(network, channels))


def _ships(word: str) -> bool:
    """Return whether a word means a network that comes with the package; a path is none.

    Raises:
        UserError: It is neither a path nor such a word.
    """
    if Path(word).exists() and not set(names()) & {word, f"{word}-grey", f"{word}-colour"}:
        return False
    return bool(chosen(word, 1))


@cache
def _shipped(name: str) -> Applied:
    about, model = open_shipped(name)
    return Applied(model, about.spec["shape"][0], about.recipe)


def open_translator(network: str) -> Run:
    """Return the run of an image-to-image network.

    Raises:
        UserError: There is none, or it is of another model.
    """
    run = open_run(RunFolder.existing(network).path)
    if not isinstance(run.model, Translator):
        raise UserError(
            "that run's model does not turn pictures into pictures",
            "a run of denoise, enlarge, colourise, segment or inpaint",
            f"a run of {run.record['recipe']}",
        )
    return run
