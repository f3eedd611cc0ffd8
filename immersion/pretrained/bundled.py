"""Bundled weights, each with a model card."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import load, save

from immersion.check import UserError
from immersion.models.image_to_image import build_recorded
from immersion.pretrained.trained_model import ImageModel, Origin, TrainedModel
from immersion.spec import Spec

if TYPE_CHECKING:
    from immersion.data import Dataset
    from immersion.evaluation_record import Estimates
    from immersion.runs.load import Run

FOLDER = resources.files("immersion.pretrained") / "weights"


@dataclass(frozen=True)
class ModelCard:
    """A model card.

    Args:
        name: The name that `immersion apply` takes.
        summary: The purpose in one sentence.
        recipe: The recipe that trained it.
        arguments: The recipe's, as `run.json` holds them.
        spec: The description of the training data.
        data: The training data, in words.
        licence: Licence of those data.
        command: The training command.
        made: Machine, date and seconds of the training.
        protocol: The protocol of the numbers.
        estimates: Set of pictures -> setting -> measure -> value, standard error, examples, unit.
        sha256: Hash of the file of weights.
    """

    name: str
    summary: str
    recipe: str
    arguments: dict[str, Any]
    spec: dict[str, Any]
    data: str
    licence: str
    command: str
    made: dict[str, Any]
    protocol: dict[str, Any]
    estimates: "dict[str, Estimates]"
    sha256: str


def list_names() -> list[str]:
    """Return the names of all bundled models."""
    return sorted(_iterate_names())


def _iterate_names() -> Iterator[str]:
    for file in FOLDER.iterdir():
        if file.name.endswith(".json"):
            yield file.name.removesuffix(".json")


def read_card(name: str) -> ModelCard:
    """Return a model's card."""
    return ModelCard(**json.loads((FOLDER / f"{name}.json").read_text()))


def select_name(word: str, channels: int) -> str:
    """Resolve a word to a bundled name: itself, or its grey or colour version.

    Args:
        word: A name, or a name without its ending -grey, -colour, -x2 and the like.
        channels: Channels of the picture.

    Raises:
        UserError: There is no model of that name, or the picture's channels do not select one.
    """
    known = list_names()
    if word in known:
        return word
    versions = {n.removeprefix(f"{word}-"): n for n in known if n.startswith(f"{word}-")}
    if versions.keys() <= {"grey", "colour"} and versions:
        if channels == 3 and "colour" not in versions:
            remedy = "make the picture grey, or train one with immersion train"
            raise UserError(f"the network '{word}' is for grey pictures", "1 channel", 3, remedy)
        usual = "grey" if channels == 1 else "colour"
        return versions.get(usual) or versions["colour"]
    if len(versions) == 1:
        return next(iter(versions.values()))
    if versions:
        raise UserError(
            "the word means several networks", f"one of {', '.join(versions.values())}", word
        )
    near = get_close_matches(word, known, 1)
    raise UserError(
        "there is no network of that name",
        f"the folder of a run, or one of {', '.join(known)}",
        repr(word),
        f"did you mean {near[0]}" if near else "train one with immersion train, or check the path",
    )


def is_bundled_word(word: str) -> bool:
    """Return whether a word is a bundled name, or one without its ending."""
    return any(name == word or name.startswith(f"{word}-") for name in list_names())


def load_bundled(name: str) -> ImageModel:
    """Return a bundled model, its file checked by its hash.

    Raises:
        RuntimeError: The package's file is damaged.
    """
    card = read_card(name)
    content = (FOLDER / f"{name}.safetensors").read_bytes()
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise RuntimeError(f"the package's weights of {name} are damaged; install immersion again")
    spec = Spec.from_json(card.spec)
    model = build_recorded(card.recipe, card.arguments, spec)
    model.load_state_dict({key: weight.float() for key, weight in load(content).items()})
    origin = Origin("bundled", name, card.recipe, card.arguments, spec.name)
    return TrainedModel(model.eval(), spec, origin, lambda: _read_pictures(spec.name))


def _read_pictures(name: str) -> "Dataset":
    from immersion.data.restoration import load_pictures

    return load_pictures(name)


def round_weights(run: "Run") -> "Run":
    """Return a run with its weights rounded to float16, as bundled ones are."""
    run.model.load_state_dict({key: w.half().float() for key, w in run.model.state_dict().items()})
    return run


def write_bundle(run: "Run", card: ModelCard, folder: Path) -> Path:
    """Write a model's weights, in float16, and its card.

    Args:
        run: The trained run; a discriminator is left out.
        card: The model's card; the hash is filled in.
        folder: The folder of bundled weights.

    Returns:
        The card's file.
    """
    weights = run.model.state_dict().items()
    kept = {
        key: w.half().contiguous() for key, w in weights if not key.startswith("discriminator.")
    }
    content = save(kept)
    (folder / f"{card.name}.safetensors").write_bytes(content)
    written = asdict(card) | {"sha256": hashlib.sha256(content).hexdigest()}
    target = folder / f"{card.name}.json"
    target.write_text(json.dumps(written, indent=2) + "\n")
    return target
