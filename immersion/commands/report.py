"""`immersion report RUN`: the page of a run, alone or next to others."""

from pathlib import Path
from typing import Any

from immersion.report.page import write_report
from immersion.run_folder import RunFolder


def report(run: Path, *, beside: tuple[Path, ...] = (), redraw: bool = False) -> dict[str, Any]:
    """Write a run's report.html again from its folder.

    Args:
        run: The run folder.
        beside: Other runs to compare it with: their curves are on the same axes, and every table
            has a column for each.
        redraw: Draw the figures of the run again, from its model and its data, as for a run of an
            earlier version.
    """
    folder = RunFolder.open(run)
    others = [RunFolder.open(other) for other in beside]
    if redraw:
        # Imported here, since a page that is written from files needs no model.
        from immersion.runs.figures import draw_all
        from immersion.runs.load import load_run

        draw_all(load_run(run))
    return {"run": str(folder.path), "report": str(write_report(folder, others))}
