"""Likelihoods p(x|h): a network outputs numbers, a likelihood turns them into a distribution."""

from immersion.likelihoods.base import (
    LIKELIHOODS,
    Likelihood,
    build_likelihood,
    default_likelihood,
)

__all__ = ["LIKELIHOODS", "Likelihood", "build_likelihood", "default_likelihood"]
