"""The autoencoder: a code for every example, but no distribution over codes to sample from."""

from torch import Tensor, nn
from torch.distributions import Distribution

from immersion.likelihoods import Likelihood
from immersion.models.base import Decoder, check_encoded, decode_with
from immersion.nn import Architecture
from immersion.posteriors import Deterministic, PointMass


class Autoencoder(Decoder):
    """x -> z = e(x) -> p(x|z). It has no prior and no posterior density: it is not generative.

    With linear networks and squared error it is PCA: at the optimum the loss is the sum of the
    discarded eigenvalues of the covariance and the decoder spans the leading eigenvectors, whose
    axes are not identified (Baldi & Hornik 1989, https://doi.org/10.1016/0893-6080(89)90014-2).

    Args:
        encoder: A network (B, *shape) -> (B, d).
        decoder: A network (B, d) -> (B, *likelihood.parameter_shape).
        likelihood: p(x|h); its mean is the reconstruction.
        latent_dim: d, the dimension of z.
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, likelihood: Likelihood, latent_dim: int
    ) -> None:
        super().__init__(latent_dim)
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood
        self.posterior = Deterministic(latent_dim)

    @classmethod
    def build(
        cls,
        shape: tuple[int, ...],
        latent_dim: int,
        likelihood: Likelihood,
        architecture: Architecture,
    ) -> "Autoencoder":
        """Return a model whose two networks have the same architecture, in reverse order."""
        encoder = architecture.build(shape, (latent_dim,))
        decoder = architecture.build((latent_dim,), likelihood.parameter_shape)
        return cls(encoder, decoder, likelihood, latent_dim)

    def encode(self, x: Tensor) -> PointMass:
        """Return all mass on the code: x is (B, *shape), the mean is (B, d)."""
        return self.posterior(check_encoded(self.encoder(x), self.posterior))

    def decode(self, z: Tensor) -> Distribution:
        """Return p(x|z): z is (..., d), the batch shape (...)."""
        return decode_with(self.decoder, self.likelihood, z)
