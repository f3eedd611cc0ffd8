"""Resolve a word of the command line to a trained image-to-image model.

A word is the folder of a run or a model's file, hf://user/name, a bundled name, or a file of
weights as their authors published them.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from immersion.check import UserError
from immersion.models.translator import Translator
from immersion.pretrained.bundled import is_bundled_word, load_bundled, select_name
from immersion.pretrained.trained_model import ImageModel, Origin, TrainedModel
from immersion.spec import Spec

if TYPE_CHECKING:
    from immersion.data import Dataset
    from immersion.runs.load import Run

PUBLISHED_ENDING = ".mat"
"""Ending of a file of published weights."""


def resolve_model(word: str) -> Callable[[int], ImageModel]:
    """Resolve a word to a function from a picture's channels to the model.

    Raises:
        UserError: There is no model of that name, or the run is of another type of model.
    """
    if is_published_file(word):
        model = load_published(Path(word))
    elif is_bundled(word) or not _is_run(word):
        return lambda channels: _load_bundled_once(select_name(word, channels))
    else:
        model = load_image_run(word)
    return lambda channels: model


def is_published_file(word: str) -> bool:
    """Return whether a word is a file of weights rather than a run or a name."""
    return Path(word).suffix == PUBLISHED_ENDING and not Path(word).is_dir()


def is_bundled(word: str) -> bool:
    """Return whether a word is the name of a bundled model, and not a run."""
    return not (Path(word) / "run.json").is_file() and is_bundled_word(word)


def _is_run(word: str) -> bool:
    from immersion.hub import is_hub_name  # bundled names need no hub

    return is_hub_name(word) or Path(word).exists()


def load_image_run(path: str | Path) -> ImageModel:
    """Return the trained image-to-image model of a run; its recipe is not called.

    Args:
        path: The run folder, the file of a model, or hf://user/name.

    Raises:
        UserError: There is no run in that folder, it has no checkpoint yet, or it is of another
            type of model.
    """
    from immersion.models.image_to_image import build_recorded  # other words need no run folder
    from immersion.run_folder import RunFolder

    folder = RunFolder.open(path)
    record = folder.record()
    spec = Spec.from_json(record.data.spec)
    model = build_recorded(record.recipe, record.arguments, spec)
    folder.load_weights(model, skip="discriminator.")
    source = folder.locate_data(record.data.source)
    origin = Origin("run", str(path), record.recipe, record.arguments, source)
    return TrainedModel(model.eval(), spec, origin, lambda: _read_run_data(path))


def _read_run_data(path: str | Path) -> "Dataset":
    from immersion.runs.load import load_run

    return load_run(path).data


def image_model_of(run: "Run") -> ImageModel:
    """Return the image-to-image model of a loaded run.

    Raises:
        UserError: The run is of another type of model.
    """
    record = run.record
    if not isinstance(run.model, Translator):
        raise UserError(
            "that run's model is not an image-to-image model",
            "a run of denoise, enlarge, colourise, segment or inpaint",
            f"a run of {record.model_name}",
        )
    path = str(run.folder.path)
    source = run.folder.locate_data(record.data.source)
    origin = Origin("run", path, record.recipe, record.arguments, source)
    return TrainedModel(run.model, run.spec, origin, lambda: run.data)


@cache
def _load_bundled_once(name: str) -> ImageModel:
    return load_bundled(name)


def load_published(path: Path) -> ImageModel:
    """Return the model of a file of published weights.

    Raises:
        UserError: The file cannot be read, or h5py, which reads it, is not installed.
    """
    from immersion.pretrained.published import read_published

    model, colours = read_published(path)
    spec = Spec(path.name, (colours, 1, 1), "unit")
    return TrainedModel(model, spec, Origin("published", path.name), _raise_unknown_data)


def _raise_unknown_data() -> "Dataset":
    raise UserError(
        "the training data of a published network are unknown", remedy="name a set by --on"
    )
