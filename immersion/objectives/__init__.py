"""Objectives: (model, batch) -> named terms, one number an example; `loss` is minimised.

Every term but `loss` is for the log and holds what its name says, with the sign of its name.
"""

from immersion.objectives.adversarial import DiscriminatorLoss, GeneratorLoss
from immersion.objectives.adversarial_translation import (
    AdversarialTranslation,
    PatchDiscriminatorLoss,
)
from immersion.objectives.classes import ClassesLoss
from immersion.objectives.code_game import CodeDiscriminatorLoss, CodeEncoderLoss
from immersion.objectives.conditional_elbo import ConditionalELBO
from immersion.objectives.elbo import ELBO
from immersion.objectives.inversion import Inversion
from immersion.objectives.neighbours import NeighbourLoss
from immersion.objectives.reconstruction import Reconstruction
from immersion.objectives.translation import TranslationLoss
from immersion.objectives.vae_gan import DecoderLoss, FeatureELBO, VAEGANDiscriminatorLoss

__all__ = [
    "ELBO",
    "AdversarialTranslation",
    "ClassesLoss",
    "CodeDiscriminatorLoss",
    "CodeEncoderLoss",
    "ConditionalELBO",
    "DecoderLoss",
    "DiscriminatorLoss",
    "FeatureELBO",
    "GeneratorLoss",
    "Inversion",
    "NeighbourLoss",
    "PatchDiscriminatorLoss",
    "Reconstruction",
    "TranslationLoss",
    "VAEGANDiscriminatorLoss",
]
