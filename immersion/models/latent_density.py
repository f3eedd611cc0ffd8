"""An autoencoder made generative afterwards: a density fitted to the codes of its examples."""

import warnings

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, MixtureSameFamily, MultivariateNormal

from immersion.models.base import Decoder, Generative

COMPONENTS = 10
"""Gaussians of the mixture, where there are codes enough."""


class MixturePrior(nn.Module):
    """p(z) = sum_k w_k N(z; mu_k, L_k L_k').

    Args:
        weights: w, (K,).
        means: mu, (K, d).
        factors: L, (K, d, d), lower triangular.
    """

    weights: Tensor
    means: Tensor
    factors: Tensor

    def __init__(self, weights: Tensor, means: Tensor, factors: Tensor) -> None:
        super().__init__()
        for name, value in (("weights", weights), ("means", means), ("factors", factors)):
            self.register_buffer(name, value)

    @classmethod
    def fit(cls, codes: Tensor, seed: int = 0) -> "MixturePrior":
        """Return the mixture that fits codes, (N, d), best: full covariances, by EM.

        It has 10 components, fewer where that leaves less than 5 d codes for each.

        Args:
            codes: (N, d), N >= 2.
            seed: Of the first responsibilities.

        Example:
            >>> prior = MixturePrior.fit(5 + torch.randn(1000, 2, dtype=torch.float64))
            >>> prior.means.shape, bool((prior().sample((1000,)).mean(0) - 5).abs().max() < 0.5)
            (torch.Size([10, 2]), True)
        """
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture  # a second to import, so only when needed

        x = codes.double().cpu()
        # In units of each code's deviation, so that the floor under the variances means the same.
        shift, scale = x.mean(0), x.std(0, correction=0).clamp(min=1e-12)
        number = max(1, min(COMPONENTS, len(x) // (5 * x.shape[1])))
        mixture = GaussianMixture(number, random_state=seed % 2**32)
        with warnings.catch_warnings():
            # EM stops after 100 rounds: what it has found by then is a density too.
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
        kinds = Categorical(self.weights, validate_args=False)
        return MixtureSameFamily(kinds, gaussians, validate_args=False)


class WithLatentDensity(Generative):
    """An autoencoder with a prior that its training knew nothing of.

    What it draws is as good as the density fits the codes: the autoencoder itself is not
    generative, and nothing in its training asked its codes to have a density that is easy to fit.

    Args:
        autoencoder: Encodes and decodes.
        prior: A module whose call returns p(z).

    Reference:
        Ghosh et al. 2020, section 4, https://arxiv.org/abs/1903.12436
    """

    def __init__(self, autoencoder: Decoder, prior: nn.Module) -> None:
        super().__init__(autoencoder.latent_dim, prior)
        self.autoencoder = autoencoder

    def encode(self, x: Tensor) -> Distribution:
        """Return q(z|x): x is (B, *shape), the batch shape (B,), the event shape (d,)."""
        return self.autoencoder.encode(x)

    def decode(self, z: Tensor) -> Distribution:
        """Return p(x|z): z is (..., d), the batch shape (...)."""
        return self.autoencoder.decode(z)
