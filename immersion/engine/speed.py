"""How fast a training is on this machine."""

import time
from copy import deepcopy
from dataclasses import replace

import torch

from immersion.batch import Split
from immersion.check import NonFinite
from immersion.engine.experiment import Experiment
from immersion.engine.options import Options
from immersion.engine.state import TrainingState
from immersion.random import use_seed

UNTIMED = 2
"""First steps, in which libraries select their kernels and memory is allocated."""

TIMED, SECONDS = 3, 1.5
"""Least number of steps that are timed, and the least time that they take together."""

ENDLESS = 10**9
"""A number of steps that no measurement reaches."""


def measure_step(experiment: Experiment, train: Split, options: Options) -> float:
    """Return the seconds of a step: real ones on the real batches, which a copy makes.

    Neither the experiment nor the caller's random numbers change.

    Args:
        experiment: The model and its players.
        train: The training split.
        options: Training options; their number of steps is of no consequence.
    """
    endless = replace(options, steps=ENDLESS, minutes=None)
    with use_seed(options.seed, "speed"):
        state = TrainingState(deepcopy(experiment), train, endless)
        clock, steps = StepClock(), state.run_steps(0)
        try:
            while not clock.ready:
                clock.add(next(steps))
        except NonFinite:  # the training will say why
            pass
        finally:
            steps.close()
    return clock.seconds


class StepClock:
    """The mean time of the first steps of a training, without those of its start."""

    def __init__(self) -> None:
        self.steps, self.begun = 0, time.monotonic()

    @property
    def ready(self) -> bool:
        """Return whether enough steps have been timed."""
        timed = self.steps - UNTIMED
        return timed >= TIMED and self.seconds * timed >= SECONDS

    @property
    def seconds(self) -> float:
        """Return the seconds of a step, or 0 if none has been timed."""
        return self.timed / (self.steps - UNTIMED) if self.steps > UNTIMED else 0.0

    def add(self, terms: dict[str, torch.Tensor]) -> None:
        """Count a step that has just been made; its terms are read, to wait for the device."""
        float(next(iter(terms.values())))
        self.steps += 1
        if self.steps == UNTIMED:
            self.begun = time.monotonic()
        self.timed = time.monotonic() - self.begun
