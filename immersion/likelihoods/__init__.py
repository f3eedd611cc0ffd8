"""Likelihoods p(x|h): a network outputs numbers, a likelihood turns them into a distribution."""

from immersion.likelihoods.base import LIKELIHOODS, Likelihood, likelihood_for, suitable

__all__ = ["LIKELIHOODS", "Likelihood", "likelihood_for", "suitable"]
