"""Codes improved by gradient descent, from an encoder's code or a sample of the prior."""

import math

import torch
from torch import Tensor
from torch.distributions import constraints, transform_to

from immersion.models.base import Decoder, Generative
from immersion.random import use_seed

LEARNING_RATE = 0.1
"""Adam's first step size, in units of the prior's standard deviation of one."""

CHUNK = 250
"""Codes that are refined, or decoded, at a time."""


def refine_codes(
    model: Decoder, x: Tensor, z: Tensor, steps: int, prior_weight: float = 1e-3
) -> Tensor:
    """Return codes near z whose decoded means are nearer to x; no example's error rises.

    Adam minimises ||E[x|z] - x||^2 - w log p(z) in each code, with a learning rate that decays as
    a cosine from 0.1 to 0; the first code with the smallest squared error is returned. Codes stay
    in the prior's support, and their class is constant. For an autoencoder w is 0.

    Args:
        model: A decoder; its parameters are constant.
        x: (B, *shape).
        z: Initial codes, (B, d).
        steps: Number of steps.
        prior_weight: w, in squared units of x per nat; 0 for least squares alone.

    Returns:
        (B, d).

    Reference:
        Zhu et al. 2016, equation (4), https://arxiv.org/abs/1609.03552; Lipton & Tripathi 2017,
        https://arxiv.org/abs/1702.04782
    """
    parts = zip(x.split(CHUNK), z.split(CHUNK), strict=True)
    return torch.cat([_descend(model, *part, steps, prior_weight) for part in parts])


def find_nearest_sample(model: Generative, x: Tensor, count: int = 1000, seed: int = 0) -> Tensor:
    """Return for each example the sample of the prior whose decoded mean is nearest, (B, d).

    Initial codes for a generator without an encoder.

    Args:
        model: The model whose decoded means are compared with x.
        x: (B, *shape).
        count: Number of samples.
        seed: Seed of the samples.
    """
    with torch.no_grad(), use_seed(seed, "nearest"):
        z = model.prior().sample((count,))
        means = [model.decode(codes).mean.flatten(1) for codes in z.split(CHUNK)]
    return z[torch.cdist(x.flatten(1), torch.cat(means)).argmin(1)]


def squared_errors(model: Decoder, x: Tensor, z: Tensor) -> Tensor:
    """Return ||E[x|z] - x||^2 of each example, (B,)."""
    return (model.decode(z).mean - x).square().flatten(1).sum(1)


@torch.enable_grad()
def _descend(model: Decoder, x: Tensor, z: Tensor, steps: int, prior_weight: float) -> Tensor:
    prior = None if model.prior is None else model.prior.noise()
    best, least = z.detach().clone(), squared_errors(model, x, z).detach()
    noise, label = best.split([model.noise_dim, model.classes], dim=1)
    # From all of R^d to the prior's support.
    free = transform_to(constraints.real_vector if prior is None else prior.support)
    u = free.inv(noise).clone().requires_grad_()
    optimizer = torch.optim.Adam([u])
    for step in range(steps + 1):
        moved = free(u)
        code = torch.cat([moved, label], dim=1)
        error = squared_errors(model, x, code)
        better = error.detach() < least
        best[better], least[better] = code.detach()[better], error.detach()[better]
        loss = error if prior is None else error - prior_weight * prior.log_prob(moved)
        (u.grad,) = torch.autograd.grad(loss.sum(), u)
        way = step / max(steps, 1)
        optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 + math.cos(math.pi * way)) / 2
        optimizer.step()
    return best
