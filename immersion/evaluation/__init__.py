"""How good a model is: one value an example until the very end, each estimate with its error."""

from immersion.evaluation.estimate import Estimate
from immersion.evaluation.likelihood.bound import evaluate
from immersion.evaluation.samples.frechet import frechet_distance

__all__ = ["Estimate", "evaluate", "frechet_distance"]
