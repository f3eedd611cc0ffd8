"""`immersion doctor`: what this machine can do; of a run, how its training went."""

import os
import shutil
import typing
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from immersion.data import describe
from immersion.diagnostics.diagnose import Finding, diagnose
from immersion.engine import Options
from immersion.machine import collect_versions, describe_machine
from immersion.precision import has_native_bfloat16
from immersion.recipes import RECIPES
from immersion.recipes.gan import compute_default_penalty
from immersion.run_folder import RunFolder
from immersion.runs.load import arguments_of, parse_spec


def doctor(run: Path | None = None) -> dict[str, Any] | list[dict[str, str]]:
    """Tell what this machine can do; or, given a run, what is wrong with it and what to try.

    Of the machine: processor, precision, memory, disk, versions, data. Of a run: findings, each
    with its name, what was seen, the remedy, and how grave it is; they are written to the run's
    health.json too.

    Args:
        run: A run folder; by default the machine is looked at.
    """
    if run is None:
        return _machine()
    return [finding.to_dict() for finding in examine(RunFolder.open(run))]


def examine(folder: RunFolder) -> list[Finding]:
    """Return the findings about a run, and write them to its health.json, for the report."""
    record = folder.record()
    spec = parse_spec(record["data"]["spec"])
    findings = diagnose(
        folder.metrics(),
        folder.evaluation(),
        flags=flags_of(record["recipe"], image=spec.image),
        game=_game(record["arguments"]),
        diverged=record.get("outcome", {}).get("message", ""),
        settings=settings_of(record),
        usual_penalty=compute_default_penalty(spec),
    )
    folder.write_json("health.json", {"findings": [finding.to_dict() for finding in findings]})
    return findings


def _game(arguments: dict[str, Any]) -> str | None:
    """Return the adversarial game that a run's arguments name; an image-to-image one is nested."""
    adversary = arguments.get("adversary", {})
    return adversary["game"] if adversary.get("adversarial") else arguments.get("game")


def settings_of(record: dict[str, Any]) -> dict[str, Any]:
    """Return a run's settings by their flags, without dashes; what a recipe chose is told too."""
    chosen = record.get("model", {})
    nested = [value for value in record["arguments"].values() if isinstance(value, dict)]
    given = record["arguments"] | record["options"]
    for each in (*nested, chosen.get("penalties", {})):
        given = given | each
    given["ema"] = chosen.get("ema", given.get("ema"))
    return {name.replace("_", "-"): value for name, value in given.items()}


def flags_of(recipe: str, image: bool) -> dict[str, tuple[str, ...]]:
    """Return what `immersion train` of a recipe takes that changes what a run is.

    Args:
        recipe: A registered name; of others, such as an encoder's, the options alone are told.
        image: Whether the data are images; tables cannot be augmented.

    Returns:
        Flag, without its dashes -> the words that it may be given; none where it takes any.

    Example:
        >>> flags_of("gan2014", image=True)["game"]
        ('non-saturating', 'minimax')
    """
    arguments = arguments_of(recipe) if recipe in RECIPES else {}
    kinds = {name: p.annotation for name, p in arguments.items()} | {"options": Options}
    flags = {name.replace("_", "-"): words for name, words in _flat(kinds).items()}
    return {name: words for name, words in flags.items() if image or name != "augmentation"}


def _flat(kinds: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the names and words of arguments; a dataclass stands for its fields."""
    flat: dict[str, tuple[str, ...]] = {}
    for name, kind in kinds.items():
        if is_dataclass(kind):
            flat |= _flat(typing.get_type_hints(kind))
        else:
            flat[name] = typing.get_args(kind) if typing.get_origin(kind) is Literal else ()
    return flat


def _machine() -> dict[str, Any]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    places = {str(entry["name"]): entry["place"] for entry in describe()}
    return {
        "machine": describe_machine(),
        "device": device.type,
        "precision": "bfloat16" if has_native_bfloat16(device) else "float32",
        "threads": torch.get_num_threads(),
        "memory_gib": round(_memory() / 2**30, 1),
        "disk_free_gib": round(shutil.disk_usage(Path.cwd()).free / 2**30, 1),
        "versions": collect_versions(),
        "data": places,
        "advice": _advice(),
    }


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _advice() -> list[str]:
    advice = []
    if os.environ.get("OMP_WAIT_POLICY", "").upper() != "PASSIVE":
        advice.append(
            "unset OMP_WAIT_POLICY: on a busy machine waiting threads that spin make steps "
            "several times slower"
        )
    if "IMMERSION_DATA" not in os.environ:
        advice.append("set IMMERSION_DATA to a folder of data sets to do without downloads")
    return advice
