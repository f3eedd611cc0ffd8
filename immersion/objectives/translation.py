"""What a translator minimises: how unlikely the target is, given the input."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from immersion.batch import Batch
from immersion.check import UserError
from immersion.models import Translator
from immersion.tasks import Pair

USUAL = 0.5
"""The power where none is asked for."""


@dataclass(frozen=True)
class TranslationLoss:
    r"""-log p(target | input), each value weighted by its own variance to the power `beta`.

    loss = sum_i w_i sg(sigma_i^(2 beta)) (-log p_i), where sg stops the gradient and w is the
    task's weight. With beta = 0 it is the negative log-likelihood, under which a value with a
    small sigma pulls a thousand times harder than its neighbour. With beta = 1 the gradient in the
    mean is that of half the squared error, which published restorers minimise, and sigma learns
    beside it to say how large the error is. In between, at 1/2, pictures with little noise are not
    forgotten beside those with much, whose errors are ten times as large.

    Args:
        beta: From 0 to 1; by default 1/2 of one answer, and nothing where there are several, which
            are learnt by their likelihood alone.

    Reference:
        Seitzer et al. 2022, On the pitfalls of heteroscedastic uncertainty estimation, equation
        (5), https://arxiv.org/abs/2203.09168
    """

    beta: float | None = None

    def __post_init__(self) -> None:
        """Refuse a power that means nothing."""
        if self.beta is not None and not 0 <= self.beta <= 1:
            raise UserError("--beta is out of range", "0 to 1", self.beta)

    def __call__(self, model: Translator, batch: Batch) -> dict[str, Tensor]:
        """Return the terms, each (B,).

        - `loss`: what is minimised;
        - `log_likelihood`: log p(target | input), in nats, of the values that count;
        - `squared_error`: the mean over the values, of the distribution's mean.
        """
        return self.played(model, model.task.pair(batch.x, batch.y), batch.step)[0]

    def played(
        self, model: Translator, pair: Pair, step: Tensor
    ) -> tuple[dict[str, Tensor], Independent]:
        """Return the terms, and p(target | input): what a discriminator judges."""
        p = model(pair.input)
        each = log_prob_of_values(p, pair.target)
        weight = torch.ones_like(each) if pair.weight is None else pair.weight.expand_as(each)
        scaled = weight * self.price(p)
        error = (pair.target - p.mean).square().flatten(1).mean(1)
        terms = {
            "loss": -(scaled * each).flatten(1).sum(1),
            "log_likelihood": (weight * each).flatten(1).sum(1),
            "squared_error": error,
        }
        return terms, p

    def price(self, p: Distribution) -> Tensor:
        """Return what a nat of each value counts, sg(sigma^(2 beta)), of the target's shape."""
        beta = USUAL if self.beta is None else self.beta
        return p.stddev.detach() ** (2 * beta)


def log_prob_of_values(p: Independent, target: Tensor) -> Tensor:
    """Return log p of every value by itself, of the target's shape."""
    return p.base_dist.log_prob(target)
