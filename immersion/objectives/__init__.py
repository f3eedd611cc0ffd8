"""Objectives: (model, batch) -> named terms, one number an example; `loss` is minimised.

Every term but `loss` is for the log and holds what its name says, with the sign of its name.
"""

from immersion.objectives.adversarial import DiscriminatorLoss, GeneratorLoss
from immersion.objectives.elbo import ELBO
from immersion.objectives.reconstruction import Reconstruction

__all__ = ["ELBO", "DiscriminatorLoss", "GeneratorLoss", "Reconstruction"]
