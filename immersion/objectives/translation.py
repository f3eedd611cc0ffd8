"""Objectives of image-to-image networks: how improbable the target is, given the input."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from immersion.batch import VOID, Batch
from immersion.check import UserError
from immersion.models import ConditionalVAE, Translator
from immersion.objectives.elbo import ELBO
from immersion.tasks import Pair

DEFAULT_BETA = 0.5
"""The power where none is given."""


@dataclass(frozen=True)
class TranslationLoss:
    r"""-log p(target | input), each value weighted by its own variance to the power `beta`.

    loss = sum_i w_i sg(sigma_i^(2 beta)) (-log p_i), where sg stops the gradient and w is the
    task's weight. With beta = 0 it is the negative log-likelihood, under which a value with a
    small sigma pulls a thousand times harder than its neighbour. With beta = 1 the gradient in the
    mean is that of half the squared error, which published restorers minimise, and sigma learns
    the size of the error. In between, at 1/2, pictures with little noise are not neglected in
    favour of those with much, whose errors are ten times as large.

    Args:
        beta: From 0 to 1; by default 1/2 of one answer, and nothing where there are several, which
            are learnt by their likelihood alone.

    Reference:
        Seitzer et al. 2022, On the pitfalls of heteroscedastic uncertainty estimation, equation
        (5), https://arxiv.org/abs/2203.09168
    """

    beta: float | None = None

    def __post_init__(self) -> None:
        """Validate."""
        if self.beta is not None and not 0 <= self.beta <= 1:
            raise UserError("--beta is out of range", "0 to 1", self.beta)

    def __call__(self, model: Translator, batch: Batch) -> dict[str, Tensor]:
        """Return the terms, each (B,).

        - `loss`;
        - `log_likelihood`: log p(target | input), in nats, of the values that count;
        - `squared_error`: the mean over the values, of the distribution's mean.
        """
        return self.compute_terms(model, model.task.pair(batch.x, batch.y), batch.step)[0]

    def compute_terms(
        self, model: Translator, pair: Pair, step: Tensor
    ) -> tuple[dict[str, Tensor], Independent]:
        """Return the terms, and p(target | input): a discriminator's input."""
        p = model(pair.input)
        each = log_prob_of_values(p, pair.target)
        weight = torch.ones_like(each) if pair.weight is None else pair.weight.expand_as(each)
        scaled = weight * self.compute_weight(p)
        error = (pair.target - p.mean).square().flatten(1).mean(1)
        terms = {
            "loss": -(scaled * each).flatten(1).sum(1),
            "log_likelihood": (weight * each).flatten(1).sum(1),
            "squared_error": error,
        }
        return terms, p

    def compute_weight(self, p: Distribution) -> Tensor:
        """Return the weight of each value's nats, sg(sigma^(2 beta)), of the target's shape."""
        beta = DEFAULT_BETA if self.beta is None else self.beta
        return p.stddev.detach() ** (2 * beta)


@dataclass(frozen=True)
class ClassesLoss:
    """-sum_i w_i log p(y_i | input): the cross-entropy, each pixel weighted by the task.

    Reference:
        Ronneberger, Fischer & Brox 2015, section 3, equation (1), https://arxiv.org/abs/1505.04597
    """

    def __call__(self, model: Translator, batch: Batch) -> dict[str, Tensor]:
        """Return the terms, each (B,).

        - `loss`;
        - `log_likelihood`: log p(y | input), in nats, of all pixels that have a class, unweighted;
        - `accuracy`: the share of these whose likeliest class is right; 1 where there are none.
        """
        pair = model.task.pair(batch.x, batch.y)
        p = model(pair.input)
        each = log_prob_of_values(p, pair.target)
        weight = 1.0 if pair.weight is None else pair.weight
        labelled = pair.target != VOID
        wrong = (labelled & (p.mode != pair.target)).flatten(1).sum(1)
        return {
            "loss": -(weight * each).flatten(1).sum(1),
            "log_likelihood": each.flatten(1).sum(1),
            "accuracy": 1 - wrong / labelled.flatten(1).sum(1).clamp(min=1),
        }


@dataclass(frozen=True)
class ConditionalELBO:
    """The ELBO of a translator with a code: that of a VAE conditioned on the inputs.

    log p(target | input) >= E_q[log p(target | input, z)] - KL(q(z | input, target) || p(z))

    Args:
        elbo: Form, weights and samples of the bound.

    Reference:
        Sohn, Lee & Yan 2015, section 4, https://papers.nips.cc/paper/5775
    """

    elbo: ELBO = field(default_factory=ELBO)

    def __call__(self, model: Translator, batch: Batch) -> dict[str, Tensor]:
        """Return the terms of `ELBO`, each (B,), in nats."""
        return self._terms(model, model.task.pair(batch.x, batch.y), batch.step)

    def compute_terms(
        self, model: Translator, pair: Pair, step: Tensor
    ) -> tuple[dict[str, Tensor], Distribution]:
        """Return the terms, and p(target | input, z), z ~ p(z): a discriminator's input."""
        drawn = model(pair.input, model.sample_code(pair.input))
        return self._terms(model, pair, step), drawn

    def compute_weight(self, p: Distribution) -> Tensor:
        """Return the weight of each value's nats: 1, of the target's shape."""
        return torch.ones_like(p.stddev)

    def _terms(self, model: Translator, pair: Pair, step: Tensor) -> dict[str, Tensor]:
        vae = ConditionalVAE(model, pair.input, pair.weight)
        return self.elbo(vae, Batch(pair.target, None, step))


def log_prob_of_values(p: Independent, target: Tensor) -> Tensor:
    """Return log p of every value by itself, of the target's shape."""
    return p.base_dist.log_prob(target)
