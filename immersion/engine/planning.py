"""The length of a training: from the amount of data, the speed of the machine and the time."""

import math
from dataclasses import replace
from typing import Protocol

from immersion.batch import Split
from immersion.check import UserError
from immersion.engine.cost import LEARNING, estimate_finish
from immersion.engine.experiment import Experiment
from immersion.engine.options import Options
from immersion.engine.speed import measure_step

MINUTES = 4.5
"""Minutes of a command whose length is not given: half a minute less than five, to be sure."""

SMALL = 20_000
"""Training examples below which a training of unknown length stops early by default."""

EPOCHS, MOST = 150, 20_000
"""Epochs of a training of one player whose length is not given, and steps of any, at most."""

BATCHES, SMALLEST = 8, 16
"""Batches that an epoch has at least, and the smallest batch that is taken for it."""

FEWEST = 10
"""Steps for which there is always time."""

PASSES = 100
"""Validation passes of a training, at most."""

SNAPSHOTS = 100
"""Snapshots of the weights of a training, at most."""

PATIENCE = 10
"""Validation passes without a better loss, after which a training of small data stops."""


class Data(Protocol):
    """The part of a data set that the engine uses; see `immersion.data.Dataset`."""

    @property
    def train(self) -> Split:
        """Return the training examples."""

    @property
    def validation(self) -> Split:
        """Return the validation examples."""


def plan(
    experiment: Experiment,
    data: Data,
    options: Options,
    spent: float = 0.0,
    made: int = 0,
    evaluated: int = 0,
) -> Options:
    """Return the options with the numbers that they leave open, from the data and the machine.

    Args:
        experiment: The model and its players.
        data: The training and validation splits.
        options: The options.
        spent: Seconds of `options.minutes` that are over.
        made: Steps that have been made.
        evaluated: Examples that an evaluation computes after the training.

    Returns:
        Options with steps, validate_every and patience, and without minutes. Given steps are kept,
        and stop early only if they are given a patience too. Without them, small data get smaller
        batches, so that an epoch has at least eight.

    Raises:
        UserError: The options do not suit the data or the players.
    """
    options.check_players(len(experiment.players))
    if options.steps is None and options.batch_size is None:
        options = replace(options, batch_size=_choose_batch_size(experiment, len(data.train)))
    if options.patience is None:
        patience = _resolve_patience(experiment, data) if options.steps is None else 0
        options = replace(options, patience=patience)
    if options.steps is None:
        fitting = _fit_steps(experiment, data, options, spent, evaluated)
        steps = made + fitting if options.minutes else fitting
        options = replace(options, steps=steps, minutes=None)
    if options.validate_every is None:
        options = replace(options, validate_every=_resolve_interval(experiment, data, options))
    _check_snapshots(options)
    return options


def _choose_batch_size(experiment: Experiment, length: int) -> int | None:
    """Return a smaller batch size than usual for small data, or None."""
    size = max(SMALLEST, length // BATCHES) // experiment.multiple * experiment.multiple
    return size if 0 < size < min(experiment.batch_size, length) else None


def _resolve_patience(experiment: Experiment, data: Data) -> int:
    """Return the default patience of a training of unknown length."""
    several = len(experiment.players) > 1
    return 0 if several or len(data.train) >= SMALL or not len(data.validation) else PATIENCE


def _fit_steps(
    experiment: Experiment, data: Data, options: Options, spent: float, evaluated: int
) -> int:
    """Return the number of steps that fit into the minutes; without minutes, or that suffice."""
    train = data.train
    size = options.resolve_batch_size(len(train), experiment.batch_size, experiment.multiple)
    step = measure_step(experiment, train, options)
    if not step:
        return MOST
    left = 60 * (options.minutes or MINUTES) - spent
    left -= estimate_finish(train, evaluated, step, size)
    look = len(data.validation) * step / (LEARNING * size)
    every = len(train) / size if options.validate_every is None else options.validate_every
    fitting = left / (step + (look / every if every else 0.0))
    if options.validate_every is None:  # then there are no more passes than these
        fitting = max(fitting, (left - PASSES * look) / step)
    fitting = max(FEWEST, math.floor(fitting))
    if options.minutes:
        return fitting
    epochs = math.ceil(EPOCHS * len(train) / size) if len(experiment.players) == 1 else MOST
    return min(fitting, epochs, MOST)


def _resolve_interval(experiment: Experiment, data: Data, options: Options) -> int:
    """Return the steps of an epoch, or of a hundredth of the training if that is more."""
    if not len(data.validation):
        return 0
    length, steps = len(data.train), options.steps or 0
    size = options.resolve_batch_size(length, experiment.batch_size, experiment.multiple)
    return max(math.ceil(length / size), math.ceil(steps / PASSES))


def _check_snapshots(options: Options) -> None:
    """Raise UserError if too many snapshots would be kept."""
    every, steps = options.keep_weights, options.steps or 0
    if isinstance(every, int) and steps // every > SNAPSHOTS:
        raise UserError(
            "snapshots would fill the disk",
            f"at most {SNAPSHOTS}",
            f"{steps // every:,} of {steps:,} steps",
            f"pass --keep-weights {math.ceil(steps / SNAPSHOTS)} or more",
        )
