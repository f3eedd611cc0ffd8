"""The networks of Goodfellow et al. 2014: a rectifier generator and a maxout discriminator."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from immersion.nn.base import Shape

PIECES = 5
"""Linear functions of a maxout unit."""

KEEP_INPUT, KEEP_HIDDEN = 0.8, 0.5
"""Probabilities with which dropout keeps a value (the published code)."""


def rectifier_generator(
    in_shape: Shape, out_shape: Shape, widths: tuple[int, ...]
) -> nn.Sequential:
    """Return (linear, ReLU) for each width -> linear -> unflatten; weights start U(-.05, .05).

    Args:
        in_shape: (d,).
        out_shape: Shape of an example.
        widths: Hidden units of each layer; (1200, 1200) for MNIST.

    Returns:
        A network (B, d) -> (B, *out_shape).

    Reference:
        Goodfellow et al. 2014, the published code, https://github.com/goodfeli/adversarial
    """
    layers: list[nn.Module] = []
    sizes = [math.prod(in_shape), *widths, math.prod(out_shape)]
    for before, after in pairwise(sizes):
        layers += [_initialize(nn.Linear(before, after), 0.05), nn.ReLU()]
    layers[-1] = nn.Unflatten(1, out_shape)
    return nn.Sequential(*layers)


def maxout_discriminator(in_shape: Shape, units: tuple[int, ...]) -> nn.Module:
    """Return flatten -> (dropout, maxout) for each layer -> dropout -> linear to one logit.

    Dropout keeps 0.8 of the inputs and 0.5 of the hidden units; a maxout unit is the largest of 5
    linear functions (Goodfellow et al. 2013, https://arxiv.org/abs/1302.4389); weights start
    U(-.005, .005).

    Args:
        in_shape: Shape of an example.
        units: Maxout units of each layer; (240, 240) for MNIST, (1200, 1200) for the faces of TFD.

    Returns:
        A network (B, *in_shape) -> (B, 1).

    Reference:
        Goodfellow et al. 2014, the published code, https://github.com/goodfeli/adversarial
    """
    layers: list[nn.Module] = [nn.Flatten()]
    keep = KEEP_INPUT
    for before, after in pairwise([math.prod(in_shape), *units]):
        layers += [Dropout(keep), Maxout(before, after)]
        keep = KEEP_HIDDEN
    return nn.Sequential(*layers, Dropout(keep), _initialize(nn.Linear(units[-1], 1), 0.005))


class Dropout(nn.Module):
    """Dropout that scales the remaining values to the same mean, in training only.

    Comparing uniform samples is much faster on a CPU than Bernoulli samples.

    Args:
        keep: Probability with which a value is kept.
    """

    def __init__(self, keep: float) -> None:
        super().__init__()
        self.keep = keep

    def forward(self, x: Tensor) -> Tensor:
        """Return x, any shape, with some values set to 0."""
        if not self.training:
            return x
        return x * (torch.rand(x.shape, device=x.device) < self.keep) / self.keep


class Maxout(nn.Module):
    """max_k (W_k x + b_k), the largest of 5 linear functions a unit.

    Args:
        before: Number of inputs.
        after: Number of units.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.linear = _initialize(nn.Linear(before, after * PIECES), 0.005)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, after) of x, (B, before)."""
        return self.linear(x).unflatten(1, (-1, PIECES)).amax(2)


def _initialize(linear: nn.Linear, bound: float) -> nn.Linear:
    nn.init.uniform_(linear.weight, -bound, bound)
    nn.init.zeros_(linear.bias)
    return linear
