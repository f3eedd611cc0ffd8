"""Image to image: encode a picture, decode something that is derived from it."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from immersion.likelihoods import Likelihood
from immersion.nn.translation import PictureNetwork
from immersion.precision import widened
from immersion.tasks import Task


class Translator(nn.Module):
    """p(target | input): a network's output, turned into a distribution by a likelihood.

    The first C_out channels of the network's output, the mean, are added to what the task starts
    from: a denoiser's network says what to take away, not what to keep.

    Args:
        task: Makes the pairs that it learns from, and pictures of what it says.
        network: (B, C_in, H, W) -> (B, numbers * C_out, s H, s W).
        likelihood: p(target | h), for a target of C_out channels and any size.
    """

    def __init__(self, task: Task, network: PictureNetwork, likelihood: Likelihood) -> None:
        super().__init__()
        self.task, self.network, self.likelihood = task, network, likelihood

    def forward(self, given: Tensor) -> Distribution:
        """Return p(target | input): batch shape (B,), event shape (C_out, s H, s W)."""
        return self.likelihood(self.raw(given))

    def raw(self, given: Tensor) -> Tensor:
        """Return the numbers that the likelihood makes a distribution of, in float32 or wider."""
        h = widened(self.network(given))
        base = self.task.base(given)
        if base is None:
            return h
        mean, rest = h.split([base.shape[1], h.shape[1] - base.shape[1]], dim=1)
        return torch.cat([mean + base, rest], dim=1)
