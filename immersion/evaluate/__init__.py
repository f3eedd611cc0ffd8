"""How good a model is: one value an example until the very end, each estimate with its error."""

from immersion.evaluate.bound import evaluate
from immersion.evaluate.estimate import Estimate
from immersion.evaluate.frechet import frechet_distance

__all__ = ["Estimate", "evaluate", "frechet_distance"]
