"""`immersion reproduce`: published values next to measured ones."""

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from immersion.check import UserError
from immersion.machine import describe_machine
from immersion.papers.study import STUDIES, Device, Study, list_claims, make_entry
from immersion.papers.study import record as write_record
from immersion.run_folder import RunFolder

FIGURES = Path(__file__).parents[2] / "docs" / "figures"
"""Folder for the figures of a checkout."""


def reproduce(
    study: str | None = None,
    *,
    list: bool = False,
    pending: bool = False,
    minutes: float = 0.0,
    device: Device = "auto",
    out: Path = Path("runs/reproduce"),
    record: bool = False,
) -> Any:
    """Reproduce a published result, or list what was claimed and measured.

    Args:
        study: A study, such as aevb/fig4, or a whole paper, such as aevb.
        list: List all claims with their measured values, and run nothing.
        pending: Run every study with a claim that has not been measured, shortest first.
        minutes: Time limit of --pending: studies that would exceed it are left out.
        device: auto, cpu or cuda.
        out: Folder for runs and figures; the same folder resumes after an interruption.
        record: Keep the measured values in the package and the figures in docs/figures; needs a
            checkout.
    """
    if minutes and not pending:
        raise UserError("--minutes is for --pending", remedy="pass --pending too")
    if list:
        return [row for name in STUDIES for row in list_claims(STUDIES[name])]
    if pending:
        return _run_pending(minutes, device, out, record)
    if study is None:
        raise UserError(
            "no study was named",
            f"one of {', '.join(STUDIES)}",
            remedy="name one, or pass --list or --pending",
        )
    names = [name for name in STUDIES if name.split("/")[0] == study] or [STUDIES[study].name]
    return [row for name in names for row in run_study(STUDIES[name], device, out, record)]


def run_study(study: Study, device: Device, out: Path, keep: bool) -> list[dict[str, Any]]:
    """Run one study and return its claims with their measured values."""
    folder = out / study.name
    folder.mkdir(parents=True, exist_ok=True)
    measured = study.run(folder, device)
    circumstances = {
        "seconds": round(_training_seconds(folder)),
        "machine": describe_machine(),
        "date": datetime.now(UTC).date().isoformat(),
        "command": f"immersion reproduce {study.name}",
        "protocol": study.protocol,
    }
    entries = {name: make_entry(each, circumstances) for name, each in measured.items()}
    if keep:
        write_record(study, entries)
        FIGURES.mkdir(parents=True, exist_ok=True)
        for picture in sorted([*folder.glob("*.png"), *folder.glob("*.svg")]):
            shutil.copy(picture, FIGURES / picture.name)
    return list_claims(study, entries)


def _training_seconds(folder: Path) -> float:
    """Return the training time of a study's runs, over all their sessions."""
    records = (RunFolder(file.parent).record() for file in folder.glob("*/run.json"))
    return sum(record.outcome.seconds for record in records if record.outcome is not None)


def _run_pending(minutes: float, device: Device, out: Path, keep: bool) -> list[dict[str, Any]]:
    pending = [
        study
        for study in STUDIES.values()
        if any(row["status"] == "pending" for row in list_claims(study))
    ]
    started, results = time.monotonic(), []
    for study in sorted(pending, key=lambda study: study.minutes):
        left = minutes - (time.monotonic() - started) / 60
        if minutes and study.minutes > left:
            continue
        results += run_study(study, device, out, keep)
    return results
