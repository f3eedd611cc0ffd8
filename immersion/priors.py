"""Priors p(z): what a generative model draws its codes from."""

import math

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal, Uniform


class StandardNormal(nn.Module):
    """p(z) = N(0, I) in R^d, the lecture's prior; it has no parameters.

    Args:
        latent: d, the dimension of z.

    Example:
        >>> prior = StandardNormal(2)
        >>> prior().log_prob(torch.zeros(2)).item()  # -log 2 pi
        -1.8378770351409912
    """

    zero: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__()
        # A buffer, so that the prior follows the model's device and precision.
        self.register_buffer("zero", torch.zeros(latent), persistent=False)

    def forward(self) -> Independent:
        """Return p(z): batch shape (), event shape (d,)."""
        normal = Normal(self.zero, torch.ones_like(self.zero), validate_args=False)
        return Independent(normal, 1, validate_args=False)


class UniformCube(nn.Module):
    """p(z) uniform on (-sqrt 3, sqrt 3)^d: mean 0 and variance 1, as N(0, I), but bounded.

    Args:
        latent: d, the dimension of z.

    Reference:
        Goodfellow et al. 2014, the published code, https://github.com/goodfeli/adversarial
    """

    edge: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.register_buffer("edge", torch.full((latent,), math.sqrt(3)), persistent=False)

    def forward(self) -> Independent:
        """Return p(z): batch shape (), event shape (d,)."""
        uniform = Uniform(-self.edge, self.edge, validate_args=False)
        return Independent(uniform, 1, validate_args=False)
