"""Likelihoods p(x|h): distributions over data x whose parameters h are a network's output."""

from immersion.likelihoods.base import (
    LIKELIHOODS,
    Likelihood,
    build_likelihood,
    default_likelihood,
)

__all__ = ["LIKELIHOODS", "Likelihood", "build_likelihood", "default_likelihood"]
