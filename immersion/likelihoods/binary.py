"""Likelihoods for values that are 0 or 1."""

import torch
from torch import Tensor
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Independent

from immersion.check import UserError
from immersion.likelihoods.base import LIKELIHOODS, Likelihood


@LIKELIHOODS.register("bernoulli")
class Bernoulli(Likelihood):
    r"""Independent coins: log p(x|h) = sum_i x_i log s(h_i) + (1 - x_i) log(1 - s(h_i)).

    s is the logistic sigmoid; h holds one logit a value. For x in {0, 1} only: on grey values the
    formula is not a normalised density (Loaiza-Ganem & Cunningham 2019, section 2).

    Reference:
        Kingma & Welling 2014, Auto-Encoding Variational Bayes, appendix C.1, equation (11),
        https://arxiv.org/abs/1312.6114

    Example:
        >>> p = Bernoulli((1, 2, 2))(torch.zeros(5, 1, 2, 2))
        >>> p.log_prob(torch.ones(5, 1, 2, 2))[0].item() / 4  # nats a pixel: -log 2
        -0.6931471824645996
    """

    numbers = 1
    values = frozenset({"binary"})
    discrete = True

    def forward(self, h: Tensor) -> Independent:
        """Return p(x|h) from logits h, (..., *event_shape)."""
        (logits,) = self.split(h)
        coins = TorchBernoulli(logits=logits, validate_args=False)
        return Independent(coins, len(self.event_shape), validate_args=False)

    def check(self, x: Tensor) -> None:
        """Raise a `UserError` unless every value is 0 or 1."""
        if not torch.logical_or(x == 0, x == 1).all():
            raise UserError(
                "the data are outside the Bernoulli likelihood's support",
                "values 0 and 1 only",
                f"values between {x.min():.4g} and {x.max():.4g}",
                "pass --binarize dynamic, or --likelihood continuous-bernoulli for grey values",
            )
