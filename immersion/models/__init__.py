"""Models: compositions of networks with likelihoods, priors and posteriors; no training code."""

from immersion.models.autoencoder import Autoencoder
from immersion.models.base import Decoder, Generative, LatentVariableModel
from immersion.models.discriminator import Discriminator
from immersion.models.gan import GAN
from immersion.models.ppca import ProbabilisticPCA
from immersion.models.vae import VAE

__all__ = [
    "GAN",
    "VAE",
    "Autoencoder",
    "Decoder",
    "Discriminator",
    "Generative",
    "LatentVariableModel",
    "ProbabilisticPCA",
]
