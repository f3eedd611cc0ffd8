"""Training as a game between players; the engine knows players and files, not models."""

from immersion.engine.callbacks import Callbacks
from immersion.engine.cost import Cost
from immersion.engine.experiment import Experiment, OptimizerSettings, Player
from immersion.engine.interrupts import repeat_signal
from immersion.engine.options import Options
from immersion.engine.planning import plan
from immersion.engine.train import Outcome, train

__all__ = [
    "Callbacks",
    "Cost",
    "Experiment",
    "OptimizerSettings",
    "Options",
    "Outcome",
    "Player",
    "plan",
    "repeat_signal",
    "train",
]
