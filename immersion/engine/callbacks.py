"""Functions that the engine calls during a training."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from immersion.engine.cost import Cost


@dataclass(frozen=True)
class Callbacks:
    """Functions that are called during a training, and change neither weights nor random numbers.

    Args:
        cost: Called once, when the first steps have been timed, with what the training will cost.
        draw: Called with the step and the evaluated model, in evaluation mode, before the first
            step and after every `Options.draw_every` steps, with the same random numbers.
        saved: Called after every checkpoint but the one that ends the training.
        evaluated: Number of examples that an evaluation computes afterwards, part of the cost.
    """

    cost: Callable[[Cost], None] = lambda cost: None
    draw: Callable[[int, nn.Module], None] = lambda step, model: None
    saved: Callable[[], None] = lambda: None
    evaluated: int = 0
