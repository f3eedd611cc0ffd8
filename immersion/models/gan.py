"""The generative adversarial net: a generator that is trained by a discriminator alone.

Goodfellow et al. 2014, Generative Adversarial Nets, https://arxiv.org/abs/1406.2661
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from immersion.check import UserError
from immersion.models.base import Generative, point_with
from immersion.models.discriminator import Discriminator
from immersion.posteriors import PointMass
from immersion.precision import widen
from immersion.priors import Prior


class GAN(Generative):
    """x = g(z), z ~ p(z): an immersed manifold without noise around it, hence without a density.

    The code of a class-conditional generator contains the class: z is (noise, one-hot y), and the
    prior samples y with the frequency that it has in the data.

    Args:
        generator: A network (B, d) -> (B, *shape), in the units of the data.
        discriminator: (B, *shape) -> logits.
        prior: p(z).
        latent_dim: d, the dimension of z, the class included.

    Example:
        >>> from immersion.nn import Architecture
        >>> from immersion.priors import StandardNormal
        >>> g, d = Architecture().build((2,), (1, 8, 8)), Architecture().build((1, 8, 8), (1,))
        >>> model = GAN(g, Discriminator(d), StandardNormal(2), latent_dim=2)
        >>> x = model.decode(model.sample_codes(5, None)).mean
        >>> x.shape, model.discriminator(x, None).shape
        (torch.Size([5, 1, 8, 8]), torch.Size([5]))
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: Discriminator,
        prior: Prior,
        latent_dim: int,
    ) -> None:
        super().__init__(latent_dim, prior)
        self.generator, self.discriminator = generator, discriminator
        self.encoder: nn.Module | None = None

    @property
    def encodes(self) -> bool:
        """Return whether an encoder has been trained for the generator."""
        return self.encoder is not None

    def sample_codes(self, count: int, y: Tensor | None) -> Tensor:
        """Return codes sampled from the prior, (count, d), of the classes y, (count,), if any."""
        z = self.prior().sample((count,))
        if not self.classes or y is None:
            return z
        return torch.cat([z[:, : -self.classes], one_hot(y, self.classes).to(z)], dim=1)

    def generate(self, z: Tensor) -> Tensor:
        """Return g(z), (B, *shape), differentiable; z is (B, d)."""
        return widen(self.generator(z))

    def decode(self, z: Tensor) -> PointMass:
        """Return all mass on g(z): z is (..., d), the batch shape (...)."""
        return point_with(self.generate, z)

    def encode(self, x: Tensor) -> PointMass:
        """Return all mass on a code of x, (B, *shape), by the encoder trained for the generator.

        Raises:
            UserError: The generator has no encoder.
        """
        if self.encoder is None:
            raise UserError(
                "this generator has no encoder: a GAN is trained without one",
                remedy="train one with immersion invert RUN",
            )
        return PointMass(widen(self.encoder(x)))
