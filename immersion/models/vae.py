"""The variational autoencoder: an encoder and a decoder with a prior and a posterior.

Kingma & Welling 2014, Auto-Encoding Variational Bayes, https://arxiv.org/abs/1312.6114
"""

from torch import Tensor, nn
from torch.distributions import Distribution

from immersion.likelihoods import Likelihood
from immersion.models.base import LatentVariableModel, check_encoded, decode_with
from immersion.nn import Architecture
from immersion.posteriors import DiagonalGaussian, Posterior
from immersion.priors import Prior, StandardNormal


class VAE(LatentVariableModel):
    """p(z) by a prior, p(x|z) by decoder and likelihood, q(z|x) by encoder and posterior.

    Args:
        encoder: A network (B, *shape) -> (B, *posterior.parameter_shape).
        decoder: A network (B, d) -> (B, *likelihood.parameter_shape).
        likelihood: p(x|h).
        latent_dim: d, the dimension of z.
        prior: p(z); by default N(0, I).
        posterior: q(z|h), with a density; by default N(mu, diag(sigma^2)).

    Example:
        >>> import torch
        >>> from immersion.likelihoods import LIKELIHOODS
        >>> model = VAE.build((1, 8, 8), 2, LIKELIHOODS["bernoulli"]((1, 8, 8)), Architecture())
        >>> x = torch.ones(5, 1, 8, 8)
        >>> model.encode(x).mean.shape, model.decode(torch.zeros(3, 5, 2)).mean.shape
        (torch.Size([5, 2]), torch.Size([3, 5, 1, 8, 8]))
        >>> model.log_weights(x, k=7).shape
        torch.Size([7, 5])
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        likelihood: Likelihood,
        latent_dim: int,
        prior: Prior | None = None,
        posterior: Posterior | None = None,
    ) -> None:
        super().__init__(latent_dim, StandardNormal(latent_dim) if prior is None else prior)
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood
        self.posterior = DiagonalGaussian(latent_dim) if posterior is None else posterior

    @classmethod
    def build(
        cls,
        shape: tuple[int, ...],
        latent_dim: int,
        likelihood: Likelihood,
        architecture: Architecture,
        prior: Prior | None = None,
        posterior: Posterior | None = None,
    ) -> "VAE":
        """Return a model whose two networks have the same architecture, in reverse order."""
        posterior = DiagonalGaussian(latent_dim) if posterior is None else posterior
        encoder = architecture.build(shape, posterior.parameter_shape)
        decoder = architecture.build((latent_dim,), likelihood.parameter_shape)
        return cls(encoder, decoder, likelihood, latent_dim, prior, posterior)

    def encode(self, x: Tensor) -> Distribution:
        """Return q(z|x): x is (B, *shape), the batch shape (B,), the event shape (d,)."""
        return self.posterior(check_encoded(self.encoder(x), self.posterior))

    def decode(self, z: Tensor) -> Distribution:
        """Return p(x|z): z is (..., d), the batch shape (...)."""
        return decode_with(self.decoder, self.likelihood, z)
