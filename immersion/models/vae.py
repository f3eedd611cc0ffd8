"""The variational autoencoder: a decoder made generative by a prior and an encoder made a q(z|x).

Kingma & Welling 2014, Auto-Encoding Variational Bayes, https://arxiv.org/abs/1312.6114
"""

from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from immersion.likelihoods import Likelihood
from immersion.models.base import LatentVariableModel, decode_with
from immersion.nn import Architecture
from immersion.posteriors import diagonal_gaussian
from immersion.priors import StandardNormal


class VAE(LatentVariableModel):
    """p(z) = N(0, I), p(x|z) by decoder and likelihood, q(z|x) = N(mu(x), diag(sigma(x)^2)).

    Args:
        encoder: A network (B, *shape) -> (B, 2 d).
        decoder: A network (B, d) -> (B, *likelihood.parameter_shape).
        likelihood: p(x|h).
        latent_dim: d, the dimension of z.

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
        self, encoder: nn.Module, decoder: nn.Module, likelihood: Likelihood, latent_dim: int
    ) -> None:
        super().__init__(latent_dim, StandardNormal(latent_dim))
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood

    @classmethod
    def build(
        cls,
        shape: tuple[int, ...],
        latent_dim: int,
        likelihood: Likelihood,
        architecture: Architecture,
    ) -> "VAE":
        """Return a model whose two networks have the same architecture, mirrored."""
        encoder = architecture.build(shape, (2 * latent_dim,))
        decoder = architecture.build((latent_dim,), likelihood.parameter_shape)
        return cls(encoder, decoder, likelihood, latent_dim)

    def encode(self, x: Tensor) -> Independent:
        """Return q(z|x): x is (B, *shape), the batch shape (B,), the event shape (d,)."""
        return diagonal_gaussian(self.encoder(x))

    def decode(self, z: Tensor) -> Distribution:
        """Return p(x|z): z is (..., d), the batch shape (...)."""
        return decode_with(self.decoder, self.likelihood, z)
