"""Scores: one number per example that does not depend on the other examples."""

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from immersion.models import Decoder, LatentVariableModel
from immersion.posteriors import compute_mean
from immersion.random import make_generator, use_seed

CHUNK = 2**22
"""Largest number of values that the decoder outputs at a time, to bound the memory."""


@torch.no_grad()
def score_examples(model: Decoder, x: Tensor, importance_samples: int, seed: int = 0) -> Tensor:
    """Return a score of each example, (N,) float64, on the CPU: the larger, the more probable.

    With a likelihood and a prior it is the importance-weighted bound L_k <= log p(x), in nats
    (Burda et al. 2016, equation (8), https://arxiv.org/abs/1509.00519); for k = 1 an estimate of
    the ELBO. Otherwise it is -||x - E[x|z]||^2 at the mean code. All examples have the same
    random numbers, so that a score does not depend on the other examples.

    Args:
        model: A model that encodes, in evaluation mode.
        x: (N, *shape), on the model's device.
        importance_samples: k, codes for each example.
        seed: Seed of the codes.
    """
    size = max(1, CHUNK // (x[0].numel() * importance_samples))
    return torch.cat(
        [_score(model, chunk, importance_samples, seed).cpu() for chunk in x.split(size)]
    )


def name_score(model: Decoder, importance_samples: int) -> str:
    """Return the name of `score_examples`, with its unit."""
    if not isinstance(model, LatentVariableModel):
        return "negative squared error"
    k = importance_samples
    return "elbo" if k == 1 else f"importance-weighted bound (k = {k})"


def _score(model: Decoder, x: Tensor, k: int, seed: int) -> Tensor:
    if isinstance(model, LatentVariableModel):
        return _compute_bound(model, x, k, seed)
    return _negative_error(model, x, seed)


def _compute_bound(model: LatentVariableModel, x: Tensor, k: int, seed: int) -> Tensor:
    posterior = model.encode(x)
    noise = _draw_common(posterior, k, seed)
    if noise is None:  # one example at a time, each with the same seed
        weights = []
        for i in range(len(x)):
            with use_seed(seed, "score"):
                weights.append(model.log_weights(x[i : i + 1], k))
        log_weights = torch.cat(weights, dim=1)
    else:
        log_weights = model.weigh_codes(x, posterior, noise)
    return log_weights.double().logsumexp(0) - math.log(k)


def _draw_common(posterior: Distribution, k: int, seed: int) -> Tensor | None:
    """Return codes mu + sigma eps, (k, B, d), with the same eps for all examples.

    None if the posterior is not a diagonal Gaussian.
    """
    if not isinstance(posterior, Independent) or not isinstance(posterior.base_dist, Normal):
        return None
    mean, scale = posterior.base_dist.loc, posterior.base_dist.scale
    noise = torch.randn(k, 1, mean.shape[-1], generator=make_generator(seed, "score"))
    return mean + scale * noise.to(mean)


def _negative_error(model: Decoder, x: Tensor, seed: int) -> Tensor:
    with use_seed(seed, "means"):
        z = compute_mean(model.encode(x))
    return -(model.decode(z).mean - x).double().square().flatten(1).sum(1)
