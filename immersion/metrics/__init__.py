"""Metrics: one value per example until the very end, each estimate with its standard error."""

from immersion.metrics.estimate import Estimate
from immersion.metrics.likelihood.bound import evaluate
from immersion.metrics.samples.frechet import compute_frechet_distance

__all__ = ["Estimate", "compute_frechet_distance", "evaluate"]
