"""An encoder for a generator that was trained without one."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, transform_to

from immersion.models.gan import GAN
from immersion.nn import Architecture
from immersion.precision import widen
from immersion.priors import Labelled


class InverseGenerator(nn.Module):
    """x -> code: a network whose outputs are brought to where the prior's draws can lie.

    Noise from (-sqrt 3, sqrt 3)^d comes out of a scaled sigmoid, a class as probabilities out of
    a softmax; codes of N(0, I) are left as they are.

    Args:
        network: (B, *shape) -> (B, d).
        prior: A module whose call returns p(z).

    Example:
        >>> from immersion.priors import UniformCube
        >>> encoder = InverseGenerator(nn.Identity(), UniformCube(1))
        >>> encoder(torch.tensor([[-100.0], [0.0], [100.0]])).squeeze(1)
        tensor([-1.7321,  0.0000,  1.7321])
    """

    def __init__(self, network: nn.Module, prior: nn.Module) -> None:
        super().__init__()
        self.network, self.prior = network, prior

    def forward(self, x: Tensor) -> Tensor:
        """Return the code, (B, d), of x, (B, *shape)."""
        h = widen(self.network(x))
        classes = classes_of(self.prior)
        noise, label = h.split([h.shape[1] - classes, classes], dim=1)
        z = transform_to(noise_of(self.prior).support)(noise)
        return torch.cat([z, label.softmax(1)], dim=1) if classes else z


def encoder_for(model: GAN, shape: tuple[int, ...], architecture: Architecture) -> nn.Module:
    """Return an untrained encoder for a generator of examples of one shape."""
    return InverseGenerator(architecture.build(shape, (model.latent_dim,)), model.prior)


def noise_of(prior: nn.Module) -> Distribution:
    """Return p(z) of the part of the code that is not the class."""
    return (prior.prior if isinstance(prior, Labelled) else prior)()


def classes_of(prior: nn.Module) -> int:
    """Return the number of the code's last values that tell a class, or 0."""
    return prior.classes if isinstance(prior, Labelled) else 0
