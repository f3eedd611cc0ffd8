"""Differential geometry of a differentiable map g: R^d -> R^D and its image; knows no model."""

from immersion.geometry.manifold import Manifold

__all__ = ["Manifold"]
