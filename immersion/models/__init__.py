"""Models: compositions of networks with likelihoods, priors and posteriors; no training code."""

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
