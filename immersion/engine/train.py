"""The training loop: every experiment, whatever its players, goes through here."""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from immersion.batch import Batch, Split, iterate_batches
from immersion.check import NonFinite
from immersion.engine.experiment import Experiment
from immersion.engine.options import Options
from immersion.engine.state import TrainingState
from immersion.random import use_seed
from immersion.run_folder import RunFolder
from immersion.run_record import Outcome

Row = dict[str, Any]
Checkpoint = tuple[dict[str, Tensor], dict[str, Any]]


class Data(Protocol):
    """What the engine needs of a data set; see `immersion.data.Dataset`."""

    @property
    def train(self) -> Split:
        """Return the training examples."""

    @property
    def validation(self) -> Split:
        """Return the validation examples."""


@dataclass
class _Progress:
    """Where a run stands apart from its tensors: the JSON half of a checkpoint."""

    step: int = 0
    seconds: float = 0.0
    best: float | None = None
    looks_since_best: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0


def train(
    experiment: Experiment,
    data: Data,
    folder: RunFolder,
    options: Options,
    on_metrics: Callable[[Row], None] = lambda row: None,
) -> Outcome:
    """Play the game until its last step, and leave the model in the run folder.

    Given a folder with a checkpoint, the run goes on from there; every step is seeded by its
    number, so the parameters are those of a run that was never stopped, bit for bit.

    Args:
        experiment: The model and its players.
        data: The training and validation splits.
        folder: Where metrics and checkpoints go.
        options: How long, how fast, how carefully.
        on_metrics: Called with every line of the metrics.

    Returns:
        How it ended. Ctrl-C and SIGTERM are heard, not obeyed at once: the step in hand is
        finished and a checkpoint written.

    Raises:
        NonFinite: A loss or parameter is not finite; the last good checkpoint is kept.
        UserError: A batch larger than the data, a device that is not there, or early stopping of
            several players.
    """
    options.check_players(len(experiment.players))
    checkpoint = folder.load_checkpoint()
    if checkpoint is None:
        experiment.begin(data.train)
    game = TrainingState(experiment, data.train, options)
    mark = _resume(game, folder, checkpoint)
    logger = MetricLogger(folder, options, game.order.batch_size, mark, on_metrics)
    validation = data.validation.to(game.device)
    stopped_early = options.patience > 0 and mark.looks_since_best >= options.patience
    started, saved = time.monotonic() - mark.seconds, time.monotonic()
    with _interruptible() as interrupted:
        for terms in () if stopped_early else game.steps(mark.step):
            mark.step += 1
            mark.seconds = time.monotonic() - started
            logger.add(terms, mark)
            if options.validate_every and mark.step % options.validate_every == 0:
                logger.write("validation", validate(game, validation), mark)
                stopped_early = _look(game, logger.last, mark)
            if stopped_early or interrupted() is not None:
                break
            if time.monotonic() - saved > options.checkpoint_seconds:
                _save(folder, game, logger, mark)
                saved = time.monotonic()
    _save(folder, game, logger, mark)
    unfinished = "early" if stopped_early else "interrupted"
    reason = "finished" if mark.step >= options.steps else unfinished
    number = interrupted() if reason == "interrupted" else None
    return Outcome(mark.step, reason, round(mark.seconds, 1), number)


def validate(game: TrainingState, split: Split) -> dict[str, float]:
    """Return the mean of each term of the first player's objective over a whole split.

    The draws are seeded alike at every look and warm-ups are over, as they are at the last step,
    so that looks differ by the model alone.
    """
    sums: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    model, last = (
        game.evaluation_model.eval(),
        torch.tensor(game.options.steps, device=game.device),
    )
    with torch.no_grad(), use_seed(game.options.seed, "validation"):
        for x, y in iterate_batches(split, game.options.seed):
            x, y = x.to(game.device), None if y is None else y.to(game.device)
            terms = game.turns[0].terms_of(game.players[0], model, Batch(x, y, last))
            for name, term in terms.items():
                sums[name] = sums.get(name, 0.0) + term.sum()
                counts[name] = counts.get(name, 0) + len(term)  # a pack counts once
    game.model.train()
    return {name: float(total) / counts[name] for name, total in sums.items()}


def _resume(game: TrainingState, folder: RunFolder, checkpoint: Checkpoint | None) -> _Progress:
    if checkpoint is None:
        folder.truncate_metrics(0)
        return _Progress()
    tensors, state = checkpoint
    game.restore(tensors)
    folder.truncate_metrics(state["step"])
    return _Progress(**state)


def _save(folder: RunFolder, game: TrainingState, logger: "MetricLogger", mark: _Progress) -> None:
    logger.note(mark)
    folder.save_checkpoint(mark.step, game.tensors(), asdict(mark))


def _look(game: TrainingState, row: Row, mark: _Progress) -> bool:
    """Note whether this look at the validation split is the best yet; return whether to stop."""
    patience = game.options.patience
    if mark.best is None or row["loss"] < mark.best:
        mark.best, mark.looks_since_best = row["loss"], 0
        if patience:
            game.store_best()
    else:
        mark.looks_since_best += 1
    return 0 < patience <= mark.looks_since_best


class MetricLogger:
    """Averages the terms of some steps into one line of the metrics."""

    def __init__(
        self,
        folder: RunFolder,
        options: Options,
        batch_size: int,
        mark: "_Progress",
        on_metrics: Callable[[Row], None],
    ) -> None:
        self.folder, self.options, self.on_metrics = folder, options, on_metrics
        self.batch_size = batch_size
        self.sums = {name: torch.tensor(value) for name, value in mark.sums.items()}
        self.count = self.unlogged = mark.count
        self.since = time.monotonic()
        self.last: Row = {}

    def add(self, terms: dict[str, Tensor], mark: _Progress) -> None:
        """Take in one step's terms; write a line when its steps are complete."""
        for name, value in terms.items():
            # A captured step overwrites its outputs, so the first sum must be a copy.
            before = self.sums.get(name)
            self.sums[name] = value.clone() if before is None else before.to(value) + value
        self.count += 1
        if mark.step % self.options.log_every and mark.step != self.options.steps:
            return
        means = {name: float(total) / self.count for name, total in self.sums.items()}
        now = time.monotonic()
        made = self.count - self.unlogged
        examples = made * self.batch_size / max(now - self.since, 1e-9)
        self.write("train", {**means, "examples_per_second": round(examples, 1)}, mark)
        self.sums, self.count, self.unlogged, self.since = {}, 0, 0, time.monotonic()

    def note(self, mark: "_Progress") -> None:
        """Put what has not been written yet into the mark, so that a kill leaves no gap."""
        mark.sums = {name: float(total) for name, total in self.sums.items()}
        mark.count = self.count

    def write(self, split: str, values: dict[str, float], mark: _Progress) -> None:
        """Append one line to the metrics and tell the listener."""
        broken = [name for name, value in values.items() if not math.isfinite(value)]
        if broken:
            raise NonFinite(f"{split} term '{broken[0]}' is not finite at step {mark.step}")
        seconds = round(mark.seconds, 3)
        self.last = {"step": mark.step, "split": split, "seconds": seconds, **values}
        self.folder.append_metrics(self.last)
        self.on_metrics(self.last)


@contextmanager
def _interruptible() -> Iterator[Callable[[], int | None]]:
    """Note a signal to end, so that no step is cut in half; a second one is obeyed at once."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    heard: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def as_before() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def hear(number: int, frame: object) -> None:
        heard.append(int(number))
        as_before()

    for number in before:
        signal.signal(number, hear)
    try:
        yield lambda: heard[0] if heard else None
    finally:
        as_before()
