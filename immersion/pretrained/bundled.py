"""The networks that come with the package: each with weights, and a card that says whence."""

import hashlib
import json
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any

from safetensors.torch import load, save

from immersion.check import UserError
from immersion.evaluation_record import Estimates
from immersion.models import Translator
from immersion.recipes.call import RecipeCall
from immersion.runs.load import Run, parse_spec

FOLDER = resources.files("immersion.pretrained") / "weights"


@dataclass(frozen=True)
class Card:
    """What is to be known of a network before it is used.

    Args:
        name: As `immersion apply` takes it.
        summary: What it does, in one sentence.
        recipe: The recipe that trained it.
        arguments: The recipe's, as run.json holds them.
        spec: What the recipe knew of its data.
        data: What it was trained on.
        licence: Of those data.
        command: The training.
        made: Machine, date and seconds of the training.
        protocol: How the numbers were measured.
        estimates: Set of pictures -> setting -> measure -> value, standard error, examples, unit.
        sha256: Of the weights' file.
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
    estimates: dict[str, Estimates]
    sha256: str


def names() -> list[str]:
    """Return the names of all networks that come with the package."""
    return sorted(file.name.removesuffix(".json") for file in FOLDER.iterdir() if _is_card(file))


def _is_card(file: Any) -> bool:
    return file.name.endswith(".json")


def card(name: str) -> Card:
    """Return a network's card."""
    return Card(**json.loads((FOLDER / f"{name}.json").read_text()))


def chosen(word: str, channels: int) -> str:
    """Return the network that a word means for a picture: itself, or its grey or colour kind.

    Args:
        word: A name, or the part of some before -grey, -colour and the like.
        channels: Of the picture.

    Raises:
        UserError: There is none of that name, or the picture's channels do not say which.
    """
    known = names()
    if word in known:
        return word
    kinds = {name.removeprefix(f"{word}-"): name for name in known if name.startswith(f"{word}-")}
    if kinds.keys() <= {"grey", "colour"} and kinds:
        if channels == 3 and "colour" not in kinds:
            remedy = "make the picture grey, or train one with immersion train"
            raise UserError(f"the network '{word}' is for grey pictures", "1 channel", 3, remedy)
        usual = "grey" if channels == 1 else "colour"
        return kinds.get(usual) or kinds["colour"]
    if len(kinds) == 1:
        return next(iter(kinds.values()))
    if kinds:
        raise UserError(
            "the word means several networks", f"one of {', '.join(kinds.values())}", word
        )
    near = get_close_matches(word, known, 1)
    raise UserError(
        "there is no network of that name",
        f"the folder of a run, or one of {', '.join(known) or 'none: none was shipped'}",
        repr(word),
        f"did you mean {near[0]}" if near else "train one with immersion train, or check the path",
    )


def means_shipped(word: str) -> bool:
    """Return whether a word is a name that comes with the package, or begins one."""
    return any(name == word or name.startswith(f"{word}-") for name in names())


def open_shipped(name: str) -> tuple[Card, Translator]:
    """Return a network that comes with the package, its file checked by its hash.

    Raises:
        RuntimeError: The package's file is damaged.
    """
    about = card(name)
    content = (FOLDER / f"{name}.safetensors").read_bytes()
    if hashlib.sha256(content).hexdigest() != about.sha256:
        raise RuntimeError(f"the package's weights of {name} are damaged; install immersion again")
    model = RecipeCall(about.recipe, about.arguments).build(parse_spec(about.spec)).model
    weights = {key: weight.float() for key, weight in load(content).items()}
    model.discriminator = None  # only training needs it
    model.load_state_dict(weights)
    return about, model.eval()


def halved(run: Run) -> Run:
    """Return a run with its weights rounded to float16, as they are shipped."""
    run.model.load_state_dict({key: w.half().float() for key, w in run.model.state_dict().items()})
    return run


def ship(run: Run, about: Card, folder: Path) -> Path:
    """Write a network's weights, in float16, and its card.

    Args:
        run: The trained run; a discriminator is left behind.
        about: Its card; the hash is filled in here.
        folder: Where the package keeps them.
    """
    weights = run.model.state_dict().items()
    kept = {
        key: w.half().contiguous() for key, w in weights if not key.startswith("discriminator.")
    }
    content = save(kept)
    (folder / f"{about.name}.safetensors").write_bytes(content)
    written = asdict(about) | {"sha256": hashlib.sha256(content).hexdigest()}
    target = folder / f"{about.name}.json"
    target.write_text(json.dumps(written, indent=2) + "\n")
    return target
