"""`immersion doctor`: diagnose a run, or describe this machine."""

import os
import shutil
from pathlib import Path
from typing import Any

import torch

from immersion.data import describe
from immersion.diagnostics.diagnose import Finding, diagnose
from immersion.machine import collect_versions, describe_machine
from immersion.precision import has_native_bfloat16
from immersion.recipes.call import RecipeCall
from immersion.recipes.gan import compute_default_penalty
from immersion.run_folder import RunFolder
from immersion.spec import Spec


def doctor(run: Path | None = None) -> dict[str, Any] | list[dict[str, str]]:
    """Diagnose a run or this machine.

    For the machine: processor, precision, memory, disk, versions, data. For a run: findings, each
    with a name, the observation, a remedy and a severity; they are written to the run's
    health.json too.

    Args:
        run: Run folder; by default the machine is described.
    """
    if run is None:
        return _collect_machine_report()
    return [finding.to_dict() for finding in examine(RunFolder.open(run))]


def examine(folder: RunFolder) -> list[Finding]:
    """Return the findings about a run, and write them to its health.json for the report."""
    record = folder.record()
    spec = Spec.from_json(record.data.spec)
    findings = diagnose(
        folder.metrics(),
        folder.evaluation(),
        flags=list_flags(record.recipe, image=spec.is_image),
        game=_find_game(record.arguments),
        diverged=record.outcome.message if record.outcome is not None else "",
        settings={name.replace("_", "-"): value for name, value in record.settings.items()},
        usual_penalty=compute_default_penalty(spec),
    )
    folder.write_json("health.json", {"findings": [finding.to_dict() for finding in findings]})
    return findings


def _find_game(arguments: dict[str, Any]) -> str | None:
    """Return the adversarial game that a run's arguments name; an image-to-image one is nested."""
    adversary = arguments.get("adversary", {})
    return adversary["game"] if adversary.get("adversarial") else arguments.get("game")


def list_flags(recipe: str, image: bool) -> dict[str, tuple[str, ...]]:
    """Return the flags of `immersion train` that suit the data, with their allowed words.

    Args:
        recipe: The recipe's name.
        image: If True, the data are images; tables cannot be augmented.
    """
    flags = RecipeCall(recipe).flags
    return {name: words for name, words in flags.items() if image or name != "augmentation"}


def _collect_machine_report() -> dict[str, Any]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    places = {str(entry["name"]): entry["place"] for entry in describe()}
    return {
        "machine": describe_machine(),
        "device": device.type,
        "precision": "bfloat16" if has_native_bfloat16(device) else "float32",
        "threads": torch.get_num_threads(),
        "memory_gib": round(_count_memory() / 2**30, 1),
        "disk_free_gib": round(shutil.disk_usage(Path.cwd()).free / 2**30, 1),
        "versions": collect_versions(),
        "data": places,
        "advice": _advise(),
    }


def _count_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _advise() -> list[str]:
    advice = []
    if os.environ.get("OMP_WAIT_POLICY", "").upper() != "PASSIVE":
        advice.append(
            "unset OMP_WAIT_POLICY: on a busy machine waiting threads that spin make steps "
            "several times slower"
        )
    if "IMMERSION_DATA" not in os.environ:
        advice.append("set IMMERSION_DATA to a folder of data sets to avoid downloads")
    return advice
