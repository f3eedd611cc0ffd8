"""Priors p(z): what a generative model draws its codes from."""

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal


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
