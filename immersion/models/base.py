"""The contracts of models: decoders, generative models and latent variable models."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn
from torch.distributions import Distribution

from immersion.check import UserError, check_at_least
from immersion.likelihoods import Likelihood
from immersion.posteriors import PointMass, Posterior
from immersion.priors import Prior


class Decoder(nn.Module, ABC):
    """A model with codes: x -> z -> p(x|z). The image of z -> E[x|z] is the learned manifold.

    Args:
        latent_dim: d, the dimension of z.
        prior: p(z), or None for a model without a distribution over codes.
    """

    prior: Prior | None

    def __init__(self, latent_dim: int, prior: Prior | None = None) -> None:
        super().__init__()
        check_at_least(1, latent_dim=latent_dim)
        self.latent_dim, self.prior = latent_dim, prior

    @property
    def classes(self) -> int:
        """Return K, the number of values at the end of a code that give its class, or 0."""
        return 0 if self.prior is None else self.prior.classes

    @property
    def noise_dim(self) -> int:
        """Return the dimension of the part of a code that is not the class."""
        return self.latent_dim - self.classes

    @property
    def encodes(self) -> bool:
        """Return whether the model has an encoder."""
        return True

    @abstractmethod
    def encode(self, x: Tensor) -> Distribution:
        """Return q(z|x): x is (B, *shape), the batch shape (B,), the event shape (d,)."""

    @abstractmethod
    def decode(self, z: Tensor) -> Distribution:
        """Return p(x|z): z is (..., d), the batch shape (...), the event shape that of x."""


class Generative(Decoder, ABC):
    """A model that is sampled from: z ~ p(z), then x ~ p(x|z).

    Args:
        latent_dim: d, the dimension of z.
        prior: p(z).
    """

    prior: Prior

    def __init__(self, latent_dim: int, prior: Prior) -> None:
        super().__init__(latent_dim, prior)


class LatentVariableModel(Generative, ABC):
    """A generative model p(z) p(x|z) with an approximate posterior q(z|x).

    Args:
        latent_dim: d, the dimension of z.
        prior: p(z).
    """

    def log_weights(self, x: Tensor, k: int) -> Tensor:
        """Return k log-weights per example: log p(x|z) + log p(z) - log q(z|x), z ~ q(z|x).

        Their mean is an estimate of the ELBO and their log-mean-exp the importance-weighted bound
        L_k on log p(x) (Burda et al. 2016, equation (8), https://arxiv.org/abs/1509.00519). All
        bounds and estimates are computed from them.

        Args:
            x: (B, *shape).
            k: Number of codes per example.

        Returns:
            (k, B), in nats; differentiable by reparameterisation.
        """
        posterior = self.encode(x)
        return self.weigh_codes(x, posterior, posterior.rsample((k,)))

    def weigh_codes(self, x: Tensor, posterior: Distribution, z: Tensor) -> Tensor:
        """Return log p(x|z) + log p(z) - log q(z|x) of given codes, (k, B), in nats.

        Args:
            x: (B, *shape).
            posterior: q(z|x), batch shape (B,).
            z: (k, B, d).
        """
        return self.decode(z).log_prob(x) + self.prior().log_prob(z) - posterior.log_prob(z)


def point_with(generate: Callable[[Tensor], Tensor], z: Tensor) -> PointMass:
    """Return all mass on g(z) for z of any batch shape, (..., d), from a g that takes (B, d)."""
    x = generate(z.reshape(-1, z.shape[-1]))
    return PointMass(x.reshape(*z.shape[:-1], *x.shape[1:]), event=x.ndim - 1)


def check_encoded(h: Tensor, posterior: Posterior) -> Tensor:
    """Return an encoder's output, (B, *parameter_shape).

    Raises:
        UserError: It has another shape than the posterior takes.
    """
    if tuple(h.shape[1:]) != posterior.parameter_shape:
        kind = type(posterior).__name__
        expected = f"{posterior.parameter_shape} for each example"
        raise UserError(f"the encoder does not fit {kind}", expected, tuple(h.shape[1:]))
    return h


def decode_with(network: nn.Module, likelihood: Likelihood, z: Tensor) -> Distribution:
    """Return p(x|z) for z of any batch shape, (..., d), from a network that takes (B, d).

    Raises:
        UserError: The network returns another number of values than the likelihood takes.
    """
    h = network(z.reshape(-1, z.shape[-1]))
    if math.prod(h.shape[1:]) != math.prod(likelihood.parameter_shape):
        kind = type(likelihood).__name__
        expected = f"{likelihood.parameter_shape} for each example"
        raise UserError(f"the decoder does not fit {kind}", expected, tuple(h.shape[1:]))
    return likelihood(h.reshape(*z.shape[:-1], *likelihood.parameter_shape))
