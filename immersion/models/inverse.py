"""An encoder for a generator that was trained without one."""

import torch
from torch import Tensor, nn
from torch.distributions import transform_to

from immersion.models.gan import GAN
from immersion.nn import Architecture
from immersion.precision import widen
from immersion.priors import Prior


class InverseGenerator(nn.Module):
    """x -> code: a network whose outputs are mapped to the prior's support.

    Noise in (-sqrt 3, sqrt 3)^d is a scaled sigmoid of them, a class's probabilities are their
    softmax, and codes of N(0, I) are the outputs themselves.

    Args:
        network: (B, *shape) -> (B, d).
        prior: p(z).

    Example:
        >>> from immersion.priors import UniformCube
        >>> encoder = InverseGenerator(nn.Identity(), UniformCube(1))
        >>> encoder(torch.tensor([[-100.0], [0.0], [100.0]])).squeeze(1)
        tensor([-1.7321,  0.0000,  1.7321])
    """

    def __init__(self, network: nn.Module, prior: Prior) -> None:
        super().__init__()
        self.network, self.prior = network, prior

    def forward(self, x: Tensor) -> Tensor:
        """Return the code, (B, d), of x, (B, *shape)."""
        h = widen(self.network(x))
        classes = self.prior.classes
        noise, label = h.split([h.shape[1] - classes, classes], dim=1)
        z = transform_to(self.prior.noise().support)(noise)
        return torch.cat([z, label.softmax(1)], dim=1) if classes else z


def build_encoder(model: GAN, shape: tuple[int, ...], architecture: Architecture) -> nn.Module:
    """Return an untrained encoder for a generator of examples of one shape."""
    return InverseGenerator(architecture.build(shape, (model.latent_dim,)), model.prior)
