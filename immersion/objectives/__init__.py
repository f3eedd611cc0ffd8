"""Objectives: (model, batch) -> named terms, one number an example, in nats; `loss` is minimised.

Every term but `loss` is for the log and holds what its name says, with the sign of its name.
"""

from immersion.objectives.elbo import ELBO
from immersion.objectives.reconstruction import Reconstruction

__all__ = ["ELBO", "Reconstruction"]
