"""Which image-to-image network a word of the command line means.

A word is the folder of a run, a name that comes with the package, or a file of weights as their
authors published them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from immersion.check import UserError
from immersion.data import Dataset, Spec
from immersion.data.restoration import load_pictures
from immersion.models import Translator
from immersion.pretrained.bundled import chosen, means_shipped, open_shipped
from immersion.pretrained.published import is_published, open_published
from immersion.run_folder import RunFolder
from immersion.runs.load import Run, load_run, parse_spec


@dataclass(frozen=True, eq=False)
class Network:
    """An image-to-image network, wherever it is from.

    Args:
        model: In evaluation mode.
        spec: What is known of the pictures that it learnt from.
        recipe: What trained it.
        arguments: The recipe's.
        source: The name or the place of those pictures.
        learnt: Reads them.
        name: The run's folder, the name that comes with the package, or the file's.
    """

    model: Translator
    spec: Spec
    recipe: str
    arguments: dict[str, Any]
    source: str
    learnt: Callable[[], Dataset]
    name: str

    @property
    def colours(self) -> int:
        """Return the channels of the pictures that it learnt from."""
        return self.spec.shape[0]

    @classmethod
    def of(cls, run: Run) -> "Network":
        """Return the network of a run.

        Raises:
            UserError: The run is of another model.
        """
        if not isinstance(run.model, Translator):
            raise UserError(
                "that run's model does not turn pictures into pictures",
                "a run of denoise, enlarge, colourise, segment or inpaint",
                f"a run of {run.record.recipe}",
            )
        record = run.record
        recipe, arguments, source = record.recipe, record.arguments, record.data.source
        path = str(run.folder.path)
        return cls(run.model, run.spec, recipe, arguments, source, lambda: run.data, path)


def opener(word: str) -> Callable[[int], Network]:
    """Return a function from a picture's channels to the network that a word means.

    Raises:
        UserError: There is none of that name, or the run is of another model.
    """
    if is_published(word):
        network = _published(Path(word))
    elif ships(word) or not Path(word).exists():
        return lambda channels: _shipped(chosen(word, channels))
    else:
        network = Network.of(load_run(RunFolder.open(word).path))
    return lambda channels: network


def ships(word: str) -> bool:
    """Return whether a word means a network that comes with the package, and not a run."""
    if (Path(word) / "run.json").is_file():
        return False
    return means_shipped(word)


@cache
def _shipped(name: str) -> Network:
    about, model = open_shipped(name)
    spec = parse_spec(about.spec)
    learnt = partial(load_pictures, spec.name)
    return Network(model, spec, about.recipe, about.arguments, spec.name, learnt, name)


def _published(path: Path) -> Network:
    model, colours = open_published(path)
    spec = Spec(path.name, (colours, 1, 1), "unit")
    return Network(model, spec, "denoise", {}, "", _unknown, path.name)


def _unknown() -> Dataset:
    raise UserError(
        "what a published network learnt from is not known", remedy="name a set by --on"
    )
