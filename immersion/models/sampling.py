"""Samples of a model in chunks: any number of them in bounded memory."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from immersion.check import UserError, check_at_least
from immersion.models.base import Generative
from immersion.priors import Prior
from immersion.random import use_seed

CODES = 250
"""Largest number of codes in a chunk."""

VALUES = 2**20
"""Largest number of values in a chunk: bounds the memory."""


class Samples(NamedTuple):
    """A chunk of samples, on the CPU.

    Args:
        mean: E[x|z], (B, *shape) float32.
        x: Samples of p(x|z), (B, *shape) float32.
        y: Classes of the samples, (B,) int64; None if the model is not class-conditional.
    """

    mean: Tensor
    x: Tensor
    y: Tensor | None


def iterate_samples(
    model: Generative,
    count: int,
    seed: int,
    *,
    truncation: float = 0.0,
    label: int | None = None,
) -> Iterator[Samples]:
    """Return chunks of (E[x|z], x, y): z ~ p(z), x ~ p(x|z), y the class in z.

    Each chunk has its own seed, so that a smaller count gives the first samples of a larger count,
    except for the noise of its last chunk.

    Args:
        model: Call `model.eval()` first if it differs in training.
        count: Number of samples.
        seed: Seed of the samples.
        truncation: t > 0 samples the codes of a standard normal prior from N(0, 1) cut to
            |z| <= t; 0 does not cut.
        label: Class of all samples of a class-conditional model; by default each has its frequency
            in the training data.

    Returns:
        Chunks of B examples; B is 250, less for large images.

    Raises:
        UserError: The prior cannot be truncated, or the model has no such class.

    Example:
        >>> from immersion.models import VAE
        >>> from immersion.likelihoods import LIKELIHOODS
        >>> from immersion.nn import Architecture
        >>> p = LIKELIHOODS["bernoulli"]((6,))
        >>> model = VAE.build((6,), 2, p, Architecture("dense", 8, 1))
        >>> [drawn.x.shape for drawn in iterate_samples(model, 300, seed=0)]
        [torch.Size([250, 6]), torch.Size([50, 6])]
    """
    check_at_least(1, count=count)
    if label is not None:
        check_label(model, label)
    prior = model.prior.truncate(truncation) if truncation else model.prior
    return _chunks(model, prior, count, seed, label)


def draw_samples(
    model: Generative,
    count: int,
    seed: int,
    *,
    truncation: float = 0.0,
    label: int | None = None,
) -> Tensor:
    """Return the x of `iterate_samples` in one tensor, (count, *shape), on the CPU."""
    chunks = iterate_samples(model, count, seed, truncation=truncation, label=label)
    return torch.cat([chunk.x for chunk in chunks])


def check_label(model: Generative, label: int) -> None:
    """Raise UserError unless the model is class-conditional and has that class."""
    classes = model.classes
    if not classes:
        raise UserError(
            "the model is not class-conditional",
            "one that was trained with --conditional",
            type(model).__name__,
            "leave the class out",
        )
    if not 0 <= label < classes:
        raise UserError("there is no such class", f"a number from 0 to {classes - 1}", label)


@torch.no_grad()
def _chunks(
    model: Generative, prior: Prior, count: int, seed: int, label: int | None
) -> Iterator[Samples]:
    classes = model.classes
    with use_seed(seed, "draws"):
        values = model.decode(prior().sample((1,))).mean.numel()
    size = max(1, min(CODES, VALUES // values))
    for number in itertools.count():
        start = number * size
        if start >= count:
            return
        with use_seed(seed, "draws", number):
            z = prior().sample((size,))[: count - start]
            if label is not None:
                z[:, -classes:] = one_hot(torch.tensor(label), classes).to(z)
            p = model.decode(z)
            y = z[:, -classes:].argmax(1).cpu() if classes else None
            chunk = Samples(p.mean.float().cpu(), p.sample().float().cpu(), y)
        yield chunk
