"""The length of a training: from the amount of data, the speed of the machine and the time."""

import math
import time
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

SMALL_DATA = 20_000
"""Training examples below which a training of unknown length stops early by default."""

MAX_EPOCHS, MAX_STEPS = 150, 20_000
"""Epochs of a training of one player whose length is not given, and steps of any, at most."""

MIN_BATCHES, MIN_BATCH_SIZE = 8, 16
"""Batches that an epoch has at least, and the smallest batch that is taken for it."""

MIN_STEPS = 10
"""Steps for which there is always time."""

MAX_PASSES, MIN_PASSES = 100, 10
"""Validation passes of a training at most, and at least if its length is not given."""

VALIDATION_SHARE = 0.1
"""Time of the validation passes, relative to that of the steps, at most."""

ENOUGH_STEPS, LARGEST_DIVISOR = 1000, 8
"""Steps below which a smaller batch is tried, and by what its size is divided at most."""

MAX_SNAPSHOTS = 100
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
        and stop early only if they are given a patience too. Without them, batches are smaller
        than usual where an epoch had less than eight, or the time less than a thousand steps.

    Raises:
        UserError: The options do not suit the data or the players.
    """
    options.check_players(len(experiment.players))
    if options.steps is None:
        end = time.monotonic() + 60 * (options.minutes or MINUTES) - spent
        options = _plan_steps(experiment, data, options, end, made, evaluated)
    if options.validate_every is None:
        epoch = _count_batches(experiment, data, options)
        every = max(math.ceil(epoch), math.ceil((options.steps or 0) / MAX_PASSES))
        options = replace(options, validate_every=every if len(data.validation) else 0)
    _check_snapshots(options)
    return replace(options, patience=options.patience or 0)


def _plan_steps(
    experiment: Experiment,
    data: Data,
    options: Options,
    end: float,
    made: int,
    evaluated: int,
) -> Options:
    """Return the options with batch size, steps and patience for a training until a time."""
    several = len(experiment.players) > 1
    if options.patience is None:
        early = not several and len(data.validation) and len(data.train) < SMALL_DATA
        options = replace(options, patience=PATIENCE if early else 0)
    sized, fitting = _fit_batch(experiment, data, options, end, evaluated)
    steps = max(MIN_STEPS, math.floor(fitting))
    if not options.minutes:
        epochs = math.inf if several else MAX_EPOCHS * _count_batches(experiment, data, sized)
        steps = min(steps, math.ceil(min(epochs, MAX_STEPS)))
    if options.validate_every is None:
        sized = replace(sized, validate_every=_choose_interval(experiment, data, sized, steps))
    return replace(sized, steps=steps + (made if options.minutes else 0), minutes=None)


def _fit_batch(
    experiment: Experiment, data: Data, options: Options, end: float, evaluated: int
) -> tuple[Options, float]:
    """Return the options with a batch size of which enough steps fit, and their number."""
    fitting = float(MAX_STEPS)
    sizes = _list_batch_sizes(experiment, data, options)
    while sizes:
        size = sizes.pop(0)
        options = replace(options, batch_size=size)
        step = measure_step(experiment, data.train, options)
        if not step:
            break
        finish = estimate_finish(data.train, evaluated, step, size)
        fitting = (end - time.monotonic() - finish) / (step * (1 + VALIDATION_SHARE))
        # A step takes no less than the examples' share of it.
        while len(sizes) > 1 and fitting * size < ENOUGH_STEPS * sizes[0]:
            sizes.pop(0)
        if fitting >= ENOUGH_STEPS:
            break
    return options, fitting


def _choose_interval(experiment: Experiment, data: Data, options: Options, steps: int) -> int:
    """Return the steps between validation passes: an epoch, for 10 to 100 not too long passes."""
    if not len(data.validation):
        return 0
    epoch = _count_batches(experiment, data, options)
    every = min(max(epoch, steps / MAX_PASSES), steps / MIN_PASSES)
    # Examples of a pass, without a gradient, relative to those of a step.
    costs = epoch * len(data.validation) / len(data.train) / LEARNING
    return min(steps, math.ceil(max(every, costs / VALIDATION_SHARE)))


def _list_batch_sizes(experiment: Experiment, data: Data, options: Options) -> list[int]:
    """Return the batch sizes to try: that of the options, or the usual one and smaller ones."""
    length, multiple = len(data.train), experiment.multiple
    usual = options.resolve_batch_size(length, experiment.batch_size, multiple)
    if options.batch_size is not None:
        return [usual]
    sizes = [min(usual, max(MIN_BATCH_SIZE, length // MIN_BATCHES))]
    while len(experiment.players) == 1 and sizes[-1] // 2 >= max(
        experiment.batch_size // LARGEST_DIVISOR, 2
    ):
        sizes.append(sizes[-1] // 2)
    return list(dict.fromkeys(max(size // multiple, 1) * multiple for size in sizes))


def _count_batches(experiment: Experiment, data: Data, options: Options) -> float:
    """Return the number of steps in an epoch."""
    length = len(data.train)
    return length / options.resolve_batch_size(length, experiment.batch_size, experiment.multiple)


def _check_snapshots(options: Options) -> None:
    """Raise UserError if too many snapshots would be kept."""
    every, steps = options.keep_weights, options.steps or 0
    if isinstance(every, int) and steps // every > MAX_SNAPSHOTS:
        raise UserError(
            "snapshots would fill the disk",
            f"at most {MAX_SNAPSHOTS}",
            f"{steps // every:,} of {steps:,} steps",
            f"pass --keep-weights {math.ceil(steps / MAX_SNAPSHOTS)} or more",
        )
