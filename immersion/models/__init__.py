"""Models: compositions of networks with likelihoods, priors and posteriors; no training code.

A module is imported when one of its classes is first used: an image-to-image network needs no VAE.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from immersion.models.adversarial_autoencoder import AdversarialAutoencoder
    from immersion.models.autoencoder import Autoencoder
    from immersion.models.base import Decoder, Generative, LatentVariableModel
    from immersion.models.conditional_vae import ConditionalVAE
    from immersion.models.discriminator import Discriminator
    from immersion.models.gan import GAN
    from immersion.models.latent_code import PictureCode
    from immersion.models.ppca import ProbabilisticPCA
    from immersion.models.translator import Translator
    from immersion.models.vae import VAE
    from immersion.models.vae_gan import VAEGAN

_MODULES = {
    "GAN": "gan",
    "VAE": "vae",
    "VAEGAN": "vae_gan",
    "AdversarialAutoencoder": "adversarial_autoencoder",
    "Autoencoder": "autoencoder",
    "ConditionalVAE": "conditional_vae",
    "Decoder": "base",
    "Discriminator": "discriminator",
    "Generative": "base",
    "LatentVariableModel": "base",
    "PictureCode": "latent_code",
    "ProbabilisticPCA": "ppca",
    "Translator": "translator",
}

__all__ = [
    "GAN",
    "VAE",
    "VAEGAN",
    "AdversarialAutoencoder",
    "Autoencoder",
    "ConditionalVAE",
    "Decoder",
    "Discriminator",
    "Generative",
    "LatentVariableModel",
    "PictureCode",
    "ProbabilisticPCA",
    "Translator",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
