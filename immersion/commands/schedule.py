"""The length of a run, and what watches it: budget, cost, drawings, trackers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from immersion import engine
from immersion.data import Dataset
from immersion.engine import Callbacks, Cost, Experiment, Options
from immersion.models import Decoder
from immersion.progress import MetricsCallback, announce, set_total_steps
from immersion.report.page import write_report
from immersion.run_folder import RunFolder
from immersion.run_record import RunRecord
from immersion.runs.run import Run
from immersion.runs.training_pictures import TrainingPictures
from immersion.trackers import open_tracker

PLAN = "plan"
"""Key of the record's model: the steps to which schedules were fitted, and the given minutes."""

REPORTING = 0.02
"""Time spent on the report of a run under way, relative to the time of the run, at most."""

DRAWN, MEASURES = 1000, 4
"""Examples in the figures of a model with codes, and how often each test example is computed."""


@dataclass(frozen=True)
class RunPlan:
    """The options of a run with all numbers, and how they came about.

    Args:
        options: The options, without an open number.
        minutes: The minutes that were given, or None.
        fitted: The steps that were planned, to which schedules are fitted; 0 if they were given.
    """

    options: Options
    minutes: float | None = None
    fitted: int = 0

    @property
    def longest(self) -> int:
        """Return the steps after which warm-ups of a planned run must be over: half of them."""
        return self.fitted // 2

    def complete(self, record: RunRecord) -> RunRecord:
        """Return a record with the plan, as a later call of `plan_run` reads it."""
        if not self.fitted:
            return record
        plan = {"steps": self.fitted, "minutes": self.minutes}
        return replace(record, model=record.model | {PLAN: plan})


def plan_run(
    experiment: Experiment, data: Dataset, options: Options, folder: RunFolder, begun: float
) -> RunPlan:
    """Return the options of a run with the numbers that they leave open.

    A run that is resumed keeps its recorded numbers; other minutes plan the rest of it again.

    Args:
        experiment: The model and its players.
        data: The data as the model sees them.
        options: The options as given.
        folder: The run folder, which need not exist.
        begun: Time, `time.monotonic()`, at which the command began.
    """
    minutes, fitted, made = options.minutes, 0, 0
    spent = time.monotonic() - begun
    if folder.exists():
        before = folder.record()
        plan = before.model.get(PLAN, {})
        fitted, minutes = plan.get("steps", 0), minutes or plan.get("minutes")
        options = options.adopt(before.options, plan.get("minutes"))
        if options.steps is None and (checkpoint := folder.load_checkpoint()):
            made, spent = checkpoint[1]["step"], spent + checkpoint[1]["seconds"]
    evaluated = count_evaluated(experiment, data)
    planned = engine.plan(experiment, data, options, spent, made, evaluated)
    if options.steps is None:
        fitted = fitted or planned.steps or 0
    if fitted:
        planned = planned.limit_average(fitted // 2)
    return RunPlan(planned, minutes, fitted)


def count_evaluated(experiment: Experiment, data: Dataset) -> int:
    """Return about how many examples the evaluation and the report compute."""
    shown = DRAWN if isinstance(experiment.model, Decoder) else 0
    return shown + MEASURES * len(data.test)


@contextmanager
def watch_run(
    run: Run, on_metrics: MetricsCallback, reported: RunFolder | None = None
) -> Iterator[tuple[Options, MetricsCallback, Callbacks]]:
    """Yield the options of a started run, and the engine's callbacks.

    They are the display, the tracker, the drawings and the report; the film of the drawings is
    written at the end, also if the training was interrupted.

    Args:
        run: The run, with its data.
        on_metrics: The caller's function for rows of the metrics.
        reported: The folder whose report is written; by default the run's.
    """
    options = Options(**run.record.options)
    set_total_steps(options.steps or 0)
    report = _LiveReport(reported or run.folder)
    pictures = TrainingPictures(run) if options.draw_every else None
    with open_tracker(options.track, run.folder.path, run.record.settings) as log:

        def log_row(row: dict[str, Any]) -> None:
            on_metrics(row)
            log(row)

        def announce_cost(cost: Cost) -> None:
            announce(f"{cost.describe()}; watch {report.folder.report_file}")
            report.update()

        draw = pictures or (lambda step, model: None)
        evaluated = count_evaluated(run.experiment, run.data)
        yield (
            options,
            log_row,
            Callbacks(announce_cost, draw, report.update, evaluated),
        )
    if pictures is not None:
        for film in pictures.write_film():
            announce(f"film: {film}")


class _LiveReport:
    """The report of a run under way."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.due = 0.0

    def update(self) -> None:
        """Write the report, unless the last one took much of the time since then."""
        begun = time.monotonic()
        if begun < self.due:
            return
        try:
            write_report(self.folder)
        except Exception as error:  # a report that fails must not end the training
            announce(f"the report could not be written: {error}")
        end = time.monotonic()
        self.due = end + (end - begun) / REPORTING
