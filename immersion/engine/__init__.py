"""Training as a game between players; the engine knows players and files, not models."""

from immersion.engine.experiment import Experiment, Optimiser, Player
from immersion.engine.options import Options
from immersion.engine.train import Outcome, train

__all__ = ["Experiment", "Optimiser", "Options", "Outcome", "Player", "train"]
