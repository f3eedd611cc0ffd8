"""`immersion runs [DIR]`: the runs below a folder, one line each."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from immersion.check import UserError, check_choice
from immersion.evaluation_record import Estimates, read_estimates
from immersion.report.labels import KEY_MEASURES, SUMMARY_MEASURES
from immersion.report.text import format_estimate, name_data, name_model
from immersion.run_record import FORMAT, REQUIRED, RunRecord

# JSON alone is read, and PyTorch is not imported: a list of many runs must not take long.

RUN_FILES = ("run.json", "metrics.jsonl")
"""Files of a run: a folder that has one of them is a run, or what is left of one."""

COLUMNS = ("name", "recipe", "data", "step", "reason", "date")
"""Columns that the list can be sorted by, in addition to the estimates."""

TAIL = 65_536
"""Bytes at the end of the metrics in which the last line is looked for."""


def runs(
    folder: Path = Path("runs"), *, sort: str = "date", reverse: bool = False
) -> dict[str, Any]:
    """List the runs below a folder, one line each.

    The estimate is the run's main one: its ELBO, squared error, Frechet distance or PSNR. A run
    that has no outcome is unfinished: it is in training, or was killed. A folder that holds a part
    of a run, or a damaged one, is listed as damaged.

    Args:
        folder: Folder to search; folders inside a run are not searched.
        sort: Column to sort by: name, recipe, data, step, reason, date, or an estimate, such as
            elbo or, of a network under several settings, psnr-sigma_25. Runs without one are last.
        reverse: Sort from the largest value to the smallest.
    """
    if not folder.is_dir():
        remedy = "name a folder with runs, or train one: immersion train"
        raise UserError("there is no such folder", received=f"'{folder}'", remedy=remedy)
    found = [_describe(path, _name(path, folder)) for path in _find(folder)]
    return {"runs": _sort(found, sort, reverse)}


def _find(folder: Path) -> Iterator[Path]:
    """Yield all run folders below a folder, or the folder itself; and those that are closed."""
    closed: list[OSError] = []
    for path, inner, files in os.walk(folder, onerror=closed.append):
        if any(name in files for name in RUN_FILES):
            inner.clear()  # an encoder's run is a part of its generator's
            yield Path(path)
        inner.sort()
    yield from (Path(str(error.filename)) for error in closed)


def _name(path: Path, folder: Path) -> str:
    return path.resolve().name if path == folder else path.relative_to(folder).as_posix()


def _describe(path: Path, name: str) -> dict[str, Any]:
    """Return the line of one run."""
    try:
        return {"name": name, "path": str(path), **_read_run(path)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = error.strerror if isinstance(error, OSError) else str(error)
        line = dict.fromkeys(("recipe", "data", "step", "steps", "date", "estimate"))
        reason = f"damaged: {problem or type(error).__name__}"
        return {"name": name, "path": str(path), **line, "reason": reason, "estimates": {}}


def _read_run(path: Path) -> dict[str, Any]:
    """Return the columns of one run but its name."""
    record = _read_record(path)
    estimates = read_estimates(_read_json(path / "evaluation.json", missing={}))
    outcome = record.outcome
    return {
        "recipe": record.recipe or name_model(record),
        "data": name_data(record),
        "step": outcome.step if outcome else _read_last_step(path),
        "steps": record.options.get("steps"),
        "date": record.created or None,
        "estimate": _format_main(estimates),
        "reason": outcome.reason if outcome else "unfinished",
        "estimates": _flatten(estimates),
    }


def _read_record(path: Path) -> RunRecord:
    """Return a run's record.

    Raises:
        ValueError: It is missing or damaged, or was written by a newer version.
    """
    values = _read_json(path / "run.json")
    if values.get("format", 0) > FORMAT:
        raise ValueError("run.json was written by a newer version of immersion")
    if missing := [name for name in REQUIRED if name not in values]:
        raise ValueError(f"run.json has no {missing[0]!r}")
    return RunRecord.from_json(values)


def _read_json(file: Path, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the JSON object in a file, or `missing` if there is no file and it is given.

    Raises:
        ValueError: There is no file, or no JSON object in it.
    """
    if not file.is_file():
        if missing is None:
            raise ValueError(f"there is no {file.name}")
        return missing
    try:
        values = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{file.name} is not JSON") from error
    if not isinstance(values, dict):
        raise ValueError(f"{file.name} is not a JSON object")
    return values


def _read_last_step(path: Path) -> int:
    """Return the step of the last whole line of the metrics, or 0."""
    file = path / "metrics.jsonl"
    if not file.is_file():
        return 0
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - TAIL))
        lines = stream.read().split(b"\n")[:-1]  # what follows the last newline is not whole
    return int(json.loads(lines[-1])["step"]) if lines else 0


def _format_main(estimates: Estimates) -> str:
    """Return the main estimate with its name and its error."""
    for setting, measures in estimates.items():
        for measure in (*SUMMARY_MEASURES, *KEY_MEASURES):
            if measure in measures:
                return f"{_join(measure, setting)} {format_estimate(measures[measure])}"
    return ""


def _flatten(estimates: Estimates) -> dict[str, dict[str, Any]]:
    return {
        _join(measure, setting): estimate
        for setting, measures in estimates.items()
        for measure, estimate in measures.items()
    }


def _join(measure: str, setting: str) -> str:
    return f"{measure}-{setting}" if setting else measure


def _sort(lines: list[dict[str, Any]], key: str, reverse: bool) -> list[dict[str, Any]]:
    """Return the lines in the order of a column or an estimate, those without it last."""
    known = {name for line in lines for name in line["estimates"]}
    check_choice("column", key, {*COLUMNS, *known})

    def find(line: Mapping[str, Any]) -> Any:
        return line[key] if key in COLUMNS else line["estimates"].get(key, {}).get("value")

    having = [line for line in lines if find(line) is not None]
    without = [line for line in lines if find(line) is None]
    return sorted(having, key=find, reverse=reverse) + without
