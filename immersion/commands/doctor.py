"""`immersion doctor`: what this machine can do; of a run, how its training went."""

import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from immersion.data import describe
from immersion.evaluation.health.diagnose import Finding, diagnose
from immersion.machine import machine, versions
from immersion.precision import native_bfloat16
from immersion.run_folder import RunFolder


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
    return [asdict(finding) for finding in examine(RunFolder.existing(run))]


def examine(folder: RunFolder) -> list[Finding]:
    """Return the findings about a run, and write them to its health.json, for the report."""
    diverged = folder.record().get("outcome", {}).get("reason") == "diverged"
    findings = diagnose(folder.metrics(), folder.evaluation(), diverged)
    folder.write_json("health.json", {"findings": [asdict(finding) for finding in findings]})
    return findings


def _machine() -> dict[str, Any]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    places = {str(entry["name"]): entry["place"] for entry in describe()}
    return {
        "machine": machine(),
        "device": device.type,
        "precision": "bfloat16" if native_bfloat16(device) else "float32",
        "threads": torch.get_num_threads(),
        "memory_gib": round(_memory() / 2**30, 1),
        "disk_free_gib": round(shutil.disk_usage(Path.cwd()).free / 2**30, 1),
        "versions": versions(),
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
