"""What a translator to classes minimises: how unlikely the class of each pixel is."""

from dataclasses import dataclass

from torch import Tensor

from immersion.batch import VOID, Batch
from immersion.models import Translator
from immersion.objectives.translation import log_prob_of_values


@dataclass(frozen=True)
class ClassesLoss:
    """-sum_i w_i log p(y_i | input): the cross-entropy, each pixel weighted by the task.

    Reference:
        Ronneberger, Fischer & Brox 2015, section 3, equation (1), https://arxiv.org/abs/1505.04597
    """

    def __call__(self, model: Translator, batch: Batch) -> dict[str, Tensor]:
        """Return the terms, each (B,).

        - `loss`: what is minimised;
        - `log_likelihood`: log p(y | input), in nats, of all pixels that have a class, unweighted;
        - `accuracy`: the share of these whose likeliest class is right; 1 where there are none.
        """
        pair = model.task.pair(batch.x, batch.y)
        p = model(pair.input)
        each = log_prob_of_values(p, pair.target)
        judged = pair.target != VOID
        wrong = (judged & (p.mode != pair.target)).flatten(1).sum(1)
        weight = 1.0 if pair.weight is None else pair.weight
        return {
            "loss": -(weight * each).flatten(1).sum(1),
            "log_likelihood": each.flatten(1).sum(1),
            "accuracy": 1 - wrong / judged.flatten(1).sum(1).clamp(min=1),
        }
