"""The VAE-GAN: a VAE whose reconstruction error is measured in a discriminator's features.

Larsen, Sonderby, Larochelle & Winther 2016, Autoencoding beyond pixels using a learned similarity
metric, https://arxiv.org/abs/1512.09300
"""

from typing import cast

from torch import Tensor, nn
from torch.distributions import Independent

from immersion.models.base import Generative, check_encoded, point_with
from immersion.models.discriminator import Discriminator
from immersion.posteriors import DiagonalGaussian, PointMass
from immersion.precision import widen
from immersion.priors import StandardNormal


class VAEGAN(Generative):
    """p(z) = N(0, I), x = g(z), q(z|x) = N(mu(x), diag(sigma(x)^2)), and a discriminator C(x).

    Two examples are similar if the discriminator's last hidden layer D_l maps them to similar
    features: p(D_l(x)|z) = N(D_l(g(z)), I). Features have a likelihood; examples have none.

    Args:
        encoder: A network (B, *shape) -> (B, 2 d).
        generator: A network (B, d) -> (B, *shape), in the units of the data.
        network: The discriminator's, (B, *shape) -> (B, 1).
        latent_dim: d, the dimension of z.

    Example:
        >>> import torch
        >>> from immersion.nn import Architecture
        >>> net = Architecture("dense", width=16).build
        >>> model = VAEGAN(net((5,), (4,)), net((2,), (5,)), net((5,), (1,)), latent_dim=2)
        >>> x = model.decode(model.encode(torch.zeros(3, 5)).mean).mean
        >>> features, logits = model.discriminate(x)
        >>> x.shape, features.shape, logits.shape
        (torch.Size([3, 5]), torch.Size([3, 16]), torch.Size([3]))
    """

    def __init__(
        self, encoder: nn.Module, generator: nn.Module, network: nn.Sequential, latent_dim: int
    ) -> None:
        super().__init__(latent_dim, StandardNormal(latent_dim))
        self.encoder, self.generator = encoder, generator
        self.discriminator = Discriminator(network)
        self.posterior = DiagonalGaussian(latent_dim)
        self.hidden = max(i for i, layer in enumerate(network) if isinstance(layer, nn.Linear))

    def encode(self, x: Tensor) -> Independent:
        """Return q(z|x): x is (B, *shape), the batch shape (B,), the event shape (d,)."""
        return self.posterior(check_encoded(self.encoder(x), self.posterior))

    def generate(self, z: Tensor) -> Tensor:
        """Return g(z), (B, *shape), differentiable; z is (B, d)."""
        return widen(self.generator(z))

    def decode(self, z: Tensor) -> PointMass:
        """Return all mass on g(z): z is (..., d), the batch shape (...)."""
        return point_with(self.generate, z)

    def discriminate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return D_l(x), (B, F), the input of the discriminator's last linear layer, and C(x)."""
        layers = cast(nn.Sequential, self.discriminator.network)
        hidden = layers[: self.hidden](x)
        return widen(hidden), widen(layers[self.hidden :](hidden)).squeeze(1)
