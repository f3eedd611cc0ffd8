"""The adversarial autoencoder: an autoencoder whose codes are trained to match a prior.

Makhzani, Shlens, Jaitly, Goodfellow & Frey 2016, Adversarial autoencoders,
https://arxiv.org/abs/1511.05644
"""

from torch import Tensor, nn
from torch.distributions import Distribution

from immersion.likelihoods import Likelihood
from immersion.models.base import Generative, check_encoded, decode_with
from immersion.models.discriminator import Discriminator
from immersion.posteriors import Deterministic, PointMass
from immersion.priors import Prior


class AdversarialAutoencoder(Generative):
    """x -> z = e(x) -> p(x|z), with a prior p(z) and a discriminator C(z) of codes.

    At the game's end the codes of all examples together are distributed as the prior, so that
    decoding samples of it gives new examples. The code is a point: there is no ELBO.

    Args:
        encoder: A network (B, *shape) -> (B, d).
        decoder: A network (B, d) -> (B, *likelihood.parameter_shape).
        likelihood: p(x|h); its mean is the reconstruction.
        discriminator: Codes (B, d) -> logits (B,).
        prior: p(z).
        latent_dim: d, the dimension of z.
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        likelihood: Likelihood,
        discriminator: Discriminator,
        prior: Prior,
        latent_dim: int,
    ) -> None:
        super().__init__(latent_dim, prior)
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood
        self.discriminator = discriminator
        self.posterior = Deterministic(latent_dim)

    def encode(self, x: Tensor) -> PointMass:
        """Return all mass on the code: x is (B, *shape), the mean is (B, d)."""
        return self.posterior(check_encoded(self.encoder(x), self.posterior))

    def decode(self, z: Tensor) -> Distribution:
        """Return p(x|z): z is (..., d), the batch shape (...)."""
        return decode_with(self.decoder, self.likelihood, z)
