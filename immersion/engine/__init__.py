"""Training as a game between players; the engine knows players and files, not models."""

from immersion.engine.experiment import Experiment, OptimizerSettings, Player
from immersion.engine.options import Options
from immersion.engine.train import Outcome, train

__all__ = ["Experiment", "OptimizerSettings", "Options", "Outcome", "Player", "train"]
