"""How good a model is: one value an example until the very end, each estimate with its error."""

from immersion.metrics.estimate import Estimate
from immersion.metrics.likelihood.bound import evaluate
from immersion.metrics.samples.frechet import compute_frechet_distance

__all__ = ["Estimate", "compute_frechet_distance", "evaluate"]
