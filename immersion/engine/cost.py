"""What a training will cost: time, memory, steps and epochs."""

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

import torch

from immersion.batch import Split
from immersion.random import use_seed

resource = import_module("resource") if find_spec("resource") else None  # Windows has none

LEARNING = 3
"""A step's computations relative to those of the losses: forward, and twice as much back."""

FIXED = 10.0
"""Seconds of an evaluation and a report of the smallest model: imports and figures."""

COMPARED, LARGEST = 5e-7, 2**26
"""Seconds of the evaluation for each value of the training data, with which samples are compared,
and the number of values up to which they are."""


@dataclass(frozen=True)
class Cost:
    """What a training will cost, by its first steps.

    Args:
        steps: Steps that are left.
        step: Seconds a step.
        epochs: Number of times that the training data are seen in all.
        finish: Seconds of the evaluation and the report.
        memory: Bytes in use at most so far: of the process, or on its CUDA device.
        early: True if training may stop before the last step.
    """

    steps: int
    step: float
    epochs: float
    finish: float
    memory: int
    early: bool = False

    @property
    def seconds(self) -> float:
        """Return the seconds until the end, evaluation and report included."""
        return self.steps * self.step + self.finish

    def describe(self) -> str:
        """Return the cost in one sentence.

        Example:
            >>> print(Cost(3000, 0.05, 40.0, 20.0, 2**30, early=True).describe())
            about 2.8 minutes: 3,000 steps, 40 epochs, 1.1 GB of memory; less if it stops early
        """
        epochs = f"{self.epochs:,.0f}" if self.epochs >= 10 else f"{self.epochs:.2g}"
        words = (
            f"about {describe_time(self.seconds)}: {self.steps:,} steps, {epochs} epochs, "
            f"{self.memory / 1e9:.1f} GB of memory"
        )
        return words + ("; less if it stops early" if self.early else "")


def describe_time(seconds: float) -> str:
    """Return a duration in one unit.

    Example:
        >>> describe_time(40), describe_time(150), describe_time(17_000)
        ('40 seconds', '2.5 minutes', '4.7 hours')
    """
    if seconds < 60:
        return f"{max(1, round(seconds))} seconds"
    unit, name = (60, "minutes") if seconds < 5400 else (3600, "hours")
    return f"{seconds / unit:.1f}".removesuffix(".0") + f" {name}"


def estimate_finish(train: Split, evaluated: int, step: float, batch_size: int) -> float:
    """Return the expected seconds of the evaluation and the report.

    Args:
        train: The training split, with which samples are compared.
        evaluated: Number of examples that are computed.
        step: Seconds a step.
        batch_size: Examples a step.
    """
    with use_seed(0, "cost"):
        values = train.batch(torch.arange(1))[0].numel() * len(train)
    example = step / (LEARNING * batch_size)
    return FIXED + COMPARED * min(values, LARGEST) + evaluated * example


def measure_memory(device: torch.device) -> int:
    """Return the most bytes in use so far: on a CUDA device, or of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if resource is None:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
