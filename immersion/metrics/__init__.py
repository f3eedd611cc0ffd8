"""How good a model is: one value an example until the very end, each estimate with its error."""

from immersion.metrics.estimate import Estimate
from immersion.metrics.likelihood.bound import evaluate
from immersion.metrics.samples.frechet import frechet_distance

__all__ = ["Estimate", "evaluate", "frechet_distance"]
