"""Does a discriminator know its training examples, or what is common to all of the data?"""

import math

from torch import Tensor

from immersion.metrics.estimate import Estimate

SURELY = 3.0
"""Standard errors by which the gap between training examples and draws must lie above 0."""


def discriminator_overfitting(train: Tensor, held_out: Tensor, drawn: Tensor) -> Estimate | None:
    r"""Return r_v = (E C(train) - E C(held out)) / (E C(train) - E C(drawn)).

    The share of the gap between training examples and draws that is lost on new data: 0 where
    held-out examples look as real to the discriminator as those it was trained on, 1 where they
    look as generated as draws do. The logits must be those of one discriminator in one mode. The
    standard error is to first order in the three means, each over its examples.

    Args:
        train: Logits of training examples, (N,).
        held_out: Of examples that trained neither player, (M,).
        drawn: Of the generator's draws, (L,).

    Returns:
        The estimate, with the smallest of N, M, L as its examples; None of one example, and where
        training examples and draws cannot be told apart, so that there is no gap to lose.

    Reference:
        Karras et al. 2020, equation (1), https://arxiv.org/abs/2006.06676

    Example:
        >>> import torch
        >>> around = torch.tensor([-0.1, 0.0, 0.1])
        >>> r = discriminator_overfitting(2 + around, 1 + around, around - 2)
        >>> round(r.value, 3)  # 1 of 4
        0.25
    """
    sets = [logits.double() for logits in (train, held_out, drawn)]
    if min(map(len, sets)) < 2:
        return None
    a, b, c = (logits.mean().item() for logits in sets)
    variances = [logits.var().item() / len(logits) for logits in sets]
    gap = a - c
    if not gap > SURELY * math.sqrt(variances[0] + variances[2]):
        return None
    share = (a - b) / gap
    slopes = (1 - share, 1.0, share)
    squares = sum(s * s * v for s, v in zip(slopes, variances, strict=True))
    return Estimate(share, math.sqrt(squares) / gap, min(map(len, sets)), "share")
