"""Models: compositions of networks with likelihoods, priors and posteriors; no training code."""

from immersion.models.autoencoder import Autoencoder
from immersion.models.base import Decoder, LatentVariableModel
from immersion.models.ppca import ProbabilisticPCA
from immersion.models.vae import VAE

__all__ = ["VAE", "Autoencoder", "Decoder", "LatentVariableModel", "ProbabilisticPCA"]
