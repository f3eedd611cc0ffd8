"""The training loop of all experiments, whatever their players."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from immersion.batch import Batch, Split, iterate_batches
from immersion.check import NonFinite, UserError
from immersion.engine.callbacks import Callbacks
from immersion.engine.cost import Cost, estimate_finish, measure_memory
from immersion.engine.experiment import Experiment
from immersion.engine.interrupts import defer_interrupts
from immersion.engine.options import Options
from immersion.engine.planning import Data, plan
from immersion.engine.speed import StepClock
from immersion.engine.state import TrainingState
from immersion.random import use_seed
from immersion.run_folder import RunFolder
from immersion.run_record import Outcome

Row = dict[str, Any]
Checkpoint = tuple[dict[str, Tensor], dict[str, Any]]

RENAMED = {"looks_since_best": "passes_since_best"}
"""Earlier keys of a checkpoint's progress."""


@dataclass
class _Progress:
    """The JSON part of a checkpoint, with the field names recorded there."""

    step: int = 0
    seconds: float = 0.0
    best: float | None = None
    passes_since_best: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0


def train(
    experiment: Experiment,
    data: Data,
    folder: RunFolder,
    options: Options,
    on_metrics: Callable[[Row], None] = lambda row: None,
    callbacks: Callbacks = Callbacks(),
) -> Outcome:
    """Train until the last step, with metrics and checkpoints in the run folder.

    If the folder has a checkpoint, the run resumes from it; every step is seeded by its number, so
    the parameters are those of an uninterrupted run, bit for bit.

    Args:
        experiment: The model and its players.
        data: The training and validation splits.
        folder: Run folder for metrics and checkpoints.
        options: Options of the training loop; numbers that they leave open are those of `plan`.
        on_metrics: Function called with every line of the metrics.
        callbacks: Further functions that are called during the training.

    Returns:
        The outcome. After Ctrl-C or SIGTERM the current step is finished and a checkpoint written.

    Raises:
        NonFinite: A loss or parameter is not finite; the last good checkpoint is kept.
        UserError: The batch is larger than the data, there is no such device, or several players
            have early stopping.
    """
    options = plan(experiment, data, options)
    checkpoint = folder.load_checkpoint()
    if checkpoint is None:
        experiment.begin(data.train)
    state = TrainingState(experiment, data.train, options)
    progress = _resume(state, folder, checkpoint)
    logger = MetricLogger(folder, options, state.order.batch_size, progress, on_metrics)
    watch = _Watch(state, data, callbacks)
    validation = data.validation.to(state.device)
    stopped_early = 0 < (options.patience or 0) <= progress.passes_since_best
    started, saved = time.monotonic() - progress.seconds, time.monotonic()
    with defer_interrupts() as interrupted:
        watch.draw(progress.step)
        for terms in () if stopped_early else state.run_steps(progress.step):
            progress.step += 1
            progress.seconds = time.monotonic() - started
            logger.add(terms, progress)
            watch.add(terms, progress.step)
            if options.validate_every and progress.step % options.validate_every == 0:
                logger.write("validation", validate(state, validation), progress)
                stopped_early = _update_best(state, logger.last, progress)
            if isinstance(options.keep_weights, int) and progress.step % options.keep_weights == 0:
                folder.save_snapshot(progress.step, state.evaluation_model.state_dict())
            if stopped_early or interrupted() is not None:
                break
            if time.monotonic() - saved > options.checkpoint_seconds:
                _save(folder, state, logger, progress)
                callbacks.saved()
                saved = time.monotonic()
    _save(folder, state, logger, progress)
    unfinished = "early" if stopped_early else "interrupted"
    reason = "finished" if progress.step >= state.steps else unfinished
    number = interrupted() if reason == "interrupted" else None
    return Outcome(progress.step, reason, round(progress.seconds, 1), number)


class _Watch:
    """Calls the functions that watch a training.

    Args:
        state: The state of the training.
        data: The training and validation splits.
        callbacks: The functions.
    """

    def __init__(self, state: TrainingState, data: Data, callbacks: Callbacks) -> None:
        self.state, self.data, self.callbacks = state, data, callbacks
        self.clock: StepClock | None = StepClock()

    def add(self, terms: dict[str, Tensor], step: int) -> None:
        """Draw after step `step`, if it is time to; tell the cost once the steps are timed."""
        if self.clock is not None:
            self.clock.add(terms)
            if self.clock.ready:
                self.callbacks.cost(self._estimate_cost(self.clock.seconds, step))
                self.clock = None
        self.draw(step)

    def draw(self, step: int) -> None:
        """Draw if it is time to; neither the weights nor the random numbers change."""
        every = self.state.options.draw_every
        if every and step % every == 0:
            with torch.no_grad(), use_seed(self.state.options.seed, "progress"):
                self.callbacks.draw(step, self.state.evaluation_model.eval())
            self.state.model.train()

    def _estimate_cost(self, seconds: float, step: int) -> Cost:
        state, train = self.state, self.data.train
        size = state.order.batch_size
        return Cost(
            state.steps - step,
            seconds,
            state.steps * state.batches_a_step * size / len(train),
            estimate_finish(train, self.callbacks.evaluated, seconds, size),
            measure_memory(state.device),
            bool(state.options.patience),
        )


def validate(state: TrainingState, split: Split) -> dict[str, float]:
    """Return the mean of each term of the first player's objective over a whole split.

    Every validation pass uses the same random numbers, and warm-ups are complete as in the last
    step, so that passes differ by the model alone.
    """
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    model, last = (
        state.evaluation_model.eval(),
        torch.tensor(state.steps, device=state.device),
    )
    with torch.no_grad(), use_seed(state.options.seed, "validation"):
        for x, y in iterate_batches(split, state.options.seed):
            x, y = x.to(state.device), None if y is None else y.to(state.device)
            terms = state.turns[0].terms_of(state.players[0], model, Batch(x, y, last))
            for name, term in terms.items():
                sums[name] = sums.get(name, 0.0) + term.sum()
                counts[name] = counts.get(name, 0) + len(term)  # a pack counts once
    state.model.train()
    return {name: float(total) / counts[name] for name, total in sums.items()}


def _resume(state: TrainingState, folder: RunFolder, checkpoint: Checkpoint | None) -> _Progress:
    if checkpoint is None:
        folder.truncate_metrics(0)
        return _Progress()
    tensors, recorded = checkpoint
    try:
        state.load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(
            f"the checkpoint in '{folder.path}' does not fit the model",
            "the names and shapes of its weights",
            "others",
            "build the model as before, or choose another folder: --out, or out= in Python",
        ) from error
    folder.truncate_metrics(recorded["step"])
    return _Progress(**{RENAMED.get(name, name): value for name, value in recorded.items()})


def _save(
    folder: RunFolder, state: TrainingState, logger: "MetricLogger", progress: _Progress
) -> None:
    logger.store(progress)
    folder.save_checkpoint(progress.step, state.state_dict(), asdict(progress))


def _update_best(state: TrainingState, row: Row, progress: _Progress) -> bool:
    """Update the best validation loss; return whether to stop early."""
    patience = state.options.patience or 0
    if progress.best is None or row["loss"] < progress.best:
        progress.best, progress.passes_since_best = row["loss"], 0
        if state.options.keeps_best:
            state.store_best()
    else:
        progress.passes_since_best += 1
    return 0 < patience <= progress.passes_since_best


class MetricLogger:
    """Averages the terms of `log_every` steps into one line of the metrics.

    Args:
        folder: Run folder of the metrics.
        options: Options of the training loop.
        batch_size: Examples a step.
        progress: Progress of the run, with the sums of steps that are not written yet.
        on_metrics: Function called with every line.
    """

    def __init__(
        self,
        folder: RunFolder,
        options: Options,
        batch_size: int,
        progress: "_Progress",
        on_metrics: Callable[[Row], None],
    ) -> None:
        self.folder, self.options, self.on_metrics = folder, options, on_metrics
        self.batch_size = batch_size
        self.sums = {name: torch.tensor(value) for name, value in progress.sums.items()}
        self.count = self.unlogged = progress.count
        self.since = time.monotonic()
        self.last: Row = {}

    def add(self, terms: dict[str, Tensor], progress: _Progress) -> None:
        """Add one step's terms; write a line when its steps are complete."""
        for name, value in terms.items():
            # A captured step overwrites its outputs, so the first sum must be a copy.
            before = self.sums.get(name)
            self.sums[name] = value.clone() if before is None else before.to(value) + value
        self.count += 1
        if progress.step % self.options.log_every and progress.step != self.options.steps:
            return
        means = {name: float(total) / self.count for name, total in self.sums.items()}
        now = time.monotonic()
        steps = self.count - self.unlogged
        examples = steps * self.batch_size / max(now - self.since, 1e-9)
        self.write("train", {**means, "examples_per_second": round(examples, 1)}, progress)
        self.sums, self.count, self.unlogged, self.since = {}, 0, 0, time.monotonic()

    def store(self, progress: "_Progress") -> None:
        """Store the sums that are not written yet, so that a killed run loses no line."""
        progress.sums = {name: float(total) for name, total in self.sums.items()}
        progress.count = self.count

    def write(self, split: str, values: dict[str, float], progress: _Progress) -> None:
        """Append one line to the metrics and call `on_metrics`."""
        broken = [name for name, value in values.items() if not math.isfinite(value)]
        if broken:
            raise NonFinite(f"{split} term '{broken[0]}' is not finite at step {progress.step}")
        seconds = round(progress.seconds, 3)
        self.last = {"step": progress.step, "split": split, "seconds": seconds, **values}
        self.folder.append_metrics(self.last)
        self.on_metrics(self.last)
