"""An autoencoder made generative afterwards: a density fitted to the codes of its examples."""

import warnings

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, MixtureSameFamily, MultivariateNormal

from immersion.models.base import Decoder, Generative
from immersion.priors import Prior

COMPONENTS = 10
"""Components of the mixture if there are enough codes."""


class MixturePrior(Prior):
    """p(z) = sum_k w_k N(z; mu_k, L_k L_k').

    Args:
        weights: w, (K,).
        means: mu, (K, d).
        factors: L, (K, d, d), lower triangular.
    """

    formula = "p(z) = sum_k w_k N(z; mu_k, L_k L_k')"
    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, weights: Tensor, means: Tensor, factors: Tensor) -> None:
        super().__init__()
        for name, value in (("weights", weights), ("means", means), ("factors", factors)):
            self.register_buffer(name, value)

    @classmethod
    def fit(cls, codes: Tensor, seed: int = 0) -> "MixturePrior":
        """Fit a mixture with full covariances to codes, (N, d), by EM.

        It has 10 components, fewer if there are less than 5 d codes for each.

        Args:
            codes: (N, d), N >= 2.
            seed: Seed of the initial responsibilities.

        Example:
            >>> prior = MixturePrior.fit(5 + torch.randn(1000, 2, dtype=torch.float64))
            >>> prior.means.shape, bool((prior().sample((1000,)).mean(0) - 5).abs().max() < 0.5)
            (torch.Size([10, 2]), True)
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture  # a second to import, so only when needed

        x = codes.double().cpu()
        # In units of each code's standard deviation, as the floor under the variances is absolute.
        shift, scale = x.mean(0), x.std(0, correction=0).clamp(min=1e-12)
        number = max(1, min(COMPONENTS, len(x) // (5 * x.shape[1])))
        mixture = GaussianMixture(number, random_state=seed % 2**32)
        with warnings.catch_warnings():
            # EM stops after 100 iterations, with a valid density.
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(((x - shift) / scale).numpy())
        factors = torch.linalg.cholesky(torch.from_numpy(mixture.covariances_))
        return cls(
            torch.from_numpy(mixture.weights_).to(codes),
            (shift + scale * torch.from_numpy(mixture.means_)).to(codes),
            (scale.unsqueeze(1) * factors).to(codes),
        )

    def forward(self) -> MixtureSameFamily:
        """Return p(z): batch shape (), event shape (d,)."""
        gaussians = MultivariateNormal(self.means, scale_tril=self.factors, validate_args=False)
        components = Categorical(self.weights, validate_args=False)
        return MixtureSameFamily(components, gaussians, validate_args=False)


class WithLatentDensity(Generative):
    """An autoencoder with a prior fitted after its training.

    The quality of samples depends on how well the density fits the codes: the autoencoder itself
    is not generative, and its training does not make the density of its codes easy to fit.

    Args:
        autoencoder: Encodes and decodes.
        prior: p(z).

    Reference:
        Ghosh et al. 2020, section 4, https://arxiv.org/abs/1903.12436
    """

    def __init__(self, autoencoder: Decoder, prior: Prior) -> None:
        super().__init__(autoencoder.latent_dim, prior)
        self.autoencoder = autoencoder

    def encode(self, x: Tensor) -> Distribution:
        """Return q(z|x): x is (B, *shape), the batch shape (B,), the event shape (d,)."""
        return self.autoencoder.encode(x)

    def decode(self, z: Tensor) -> Distribution:
        """Return p(x|z): z is (..., d), the batch shape (...)."""
        return self.autoencoder.decode(z)
