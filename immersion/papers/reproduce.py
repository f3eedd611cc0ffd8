"""`immersion reproduce`: the published value beside the measured one."""

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from immersion.check import UserError
from immersion.machine import describe_machine
from immersion.papers.study import STUDIES, Study, entry, listed, rows
from immersion.papers.study import record as write_record
from immersion.run_folder import RunFolder

FIGURES = Path(__file__).parents[2] / "docs" / "figures"
"""Of a checkout."""


def reproduce(
    study: str | None = None,
    *,
    list: bool = False,
    pending: bool = False,
    minutes: float = 0.0,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    out: Path = Path("runs/reproduce"),
    record: bool = False,
) -> Any:
    """Reproduce a published result, or list what was claimed and measured.

    Args:
        study: A study, such as aevb/fig4, or a whole paper, such as aevb.
        list: List all claims with what was measured, running nothing.
        pending: Run every study with a claim that is still owed, cheapest first.
        minutes: With --pending: begin no study that is expected to take longer than is left.
        device: auto, cpu or cuda.
        out: Where runs and pictures go; given again after a kill, it goes on.
        record: Keep the measured values beside the papers and the pictures under docs/figures;
            for a checkout.
    """
    if minutes and not pending:
        raise UserError("--minutes is for --pending", remedy="pass --pending too")
    if list:
        return [row for name in STUDIES for row in rows(STUDIES[name])]
    if pending:
        return _owed(minutes, device, out, record)
    if study is None:
        raise UserError(
            "no study was named",
            f"one of {', '.join(STUDIES)}",
            remedy="name one, or pass --list or --pending",
        )
    names = [name for name in STUDIES if name.split("/")[0] == study] or [STUDIES[study].name]
    return [row for name in names for row in run(STUDIES[name], device, out, record)]


def run(study: Study, device: str, out: Path, keep: bool) -> list[dict[str, Any]]:
    """Run one study and return its claims, the published values beside the measured ones."""
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
    entries = {name: entry(each, circumstances) for name, each in measured.items()}
    if keep:
        write_record(study, entries)
        FIGURES.mkdir(parents=True, exist_ok=True)
        for picture in sorted([*folder.glob("*.png"), *folder.glob("*.svg")]):
            shutil.copy(picture, FIGURES / picture.name)
    return listed(study, entries)


def _training_seconds(folder: Path) -> float:
    """Return what the training of a study's runs took, over all the times it was gone on with."""
    records = (RunFolder(file.parent).record() for file in folder.glob("*/run.json"))
    return sum(record.outcome.seconds for record in records if record.outcome is not None)


def _owed(minutes: float, device: str, out: Path, keep: bool) -> list[dict[str, Any]]:
    owed = [s for s in STUDIES.values() if any(row["status"] == "pending" for row in rows(s))]
    started, results = time.monotonic(), []
    for study in sorted(owed, key=lambda study: study.minutes):
        left = minutes - (time.monotonic() - started) / 60
        if minutes and study.minutes > left:
            continue
        results += run(study, device, out, keep)
    return results
