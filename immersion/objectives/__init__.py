"""Objectives: (model, batch) -> named terms, one number per example; `loss` is minimised.

Every term but `loss` is logged and is what its name says, with the sign of its name.
"""

from immersion.objectives.adversarial import DiscriminatorLoss, GeneratorLoss
from immersion.objectives.adversarial_translation import (
    AdversarialTranslation,
    PatchDiscriminatorLoss,
)
from immersion.objectives.autoencoder import (
    CodeDiscriminatorLoss,
    CodeEncoderLoss,
    Reconstruction,
)
from immersion.objectives.elbo import ELBO
from immersion.objectives.inversion import Inversion
from immersion.objectives.neighbours import NeighbourLoss
from immersion.objectives.translation import ClassesLoss, ConditionalELBO, TranslationLoss
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
