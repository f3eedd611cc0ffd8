"""Memorisation: does the model, or its discriminator, repeat its training examples?"""

import math

import torch
from torch import Tensor

from immersion.metrics.estimate import Estimate
from immersion.metrics.samples.neighbours import find_nearest
from immersion.metrics.samples.validation import validate_features


def compute_memorisation(drawn: Tensor, held_out: Tensor, train: Tensor) -> dict[str, Estimate]:
    r"""Compare how near drawn and held-out examples are to the training set.

    d(y) is the Euclidean distance from y to its nearest training example. Returned:

    - nearest_drawn, nearest_held_out: the means of d over the drawn and the held-out examples;
    - nearer_than_held_out = P(d(y) < d(x)) + 1/2 P(d(y) = d(x)) over pairs of a drawn y and a
      held-out x (Mann-Whitney's U over the number of pairs). 1/2: no sign of memorisation; towards
      1: drawn examples are nearer to the training set than new data are, so they are copied;
      towards 0: they are farther, so the model underfits.

    One number for the whole set: a model that copies some examples and generates others badly can
    average to 1/2, which is why the reference takes the statistic cell by cell. Look at
    the pictures of `find_nearest` too.

    Args:
        drawn: (M, *shape), pixels or features.
        held_out: (H, *shape), real data that the model was not trained on.
        train: (N, *shape), what it was trained on.

    Reference:
        Meehan, Chaudhuri & Dasgupta 2020, A non-parametric test to detect data-copying in
        generative models, sections 2 and 3 (its Z_U is this share, centred and scaled),
        https://arxiv.org/abs/2004.05675

    Example:
        >>> x = torch.randn(300, 2, generator=torch.manual_seed(0))
        >>> compute_memorisation(x[:100], x[200:], x[:200])["nearer_than_held_out"].value  # copies
        1.0
    """
    drawn, held_out, train = (
        validate_features(name, side)
        for name, side in (("drawn", drawn), ("held-out", held_out), ("training", train))
    )
    of_drawn, of_held_out = find_nearest(drawn, train)[0], find_nearest(held_out, train)[0]
    return {
        "nearest_drawn": Estimate.of(of_drawn, "feature units"),
        "nearest_held_out": Estimate.of(of_held_out, "feature units"),
        "nearer_than_held_out": estimate_share_below(of_drawn, of_held_out),
    }


def estimate_share_below(a: Tensor, b: Tensor) -> Estimate:
    r"""Return P(a < b) + 1/2 P(a = b) over all pairs, with its standard error.

    With F_b(a_i) the share of b above a_i (ties half) and F_a(b_j) the share of a below b_j, the
    squared standard error is Var(F_b(a)) / n + Var(F_a(b)) / m.

    Args:
        a: (n,).
        b: (m,).

    Reference:
        DeLong et al. 1988, https://doi.org/10.2307/2531595

    Example:
        >>> a, b = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 3.0])
        >>> estimate_share_below(a, b).value  # (1 + 1 + 1/2 + 1) / 4
        0.875
    """
    above = 1 - _rank(b, a)
    below = _rank(a, b)
    error = None
    if len(a) > 1 and len(b) > 1:
        error = math.sqrt(above.var().item() / len(a) + below.var().item() / len(b))
    return Estimate(above.mean().item(), error, len(a), "share")


def _rank(values: Tensor, points: Tensor) -> Tensor:
    """Return the share of values below each point, values equal to it counting half."""
    ordered = values.sort().values
    lower = torch.searchsorted(ordered, points, right=False)
    upper = torch.searchsorted(ordered, points, right=True)
    return (lower + upper).double() / (2 * len(values))


SURELY = 3.0
"""Standard errors by which the gap between training examples and samples must exceed 0."""


def compute_discriminator_overfitting(
    train: Tensor, held_out: Tensor, drawn: Tensor
) -> Estimate | None:
    r"""Return r_v = (E C(train) - E C(held out)) / (E C(train) - E C(drawn)).

    The share of the gap between training examples and samples that is lost on new data: 0 where
    held-out examples look as real to the discriminator as those it was trained on, 1 where they
    look as generated as samples do. The logits must be those of one discriminator in one mode. The
    standard error is to first order in the three means, each over its examples.

    Args:
        train: Logits of training examples, (N,).
        held_out: Logits of examples that trained neither player, (M,).
        drawn: Logits of the generator's samples, (L,).

    Returns:
        The estimate, with the smallest of N, M, L as its examples; None of one example, and where
        training examples and samples cannot be distinguished, so that there is no gap to lose.

    Reference:
        Karras et al. 2020, equation (1), https://arxiv.org/abs/2006.06676

    Example:
        >>> import torch
        >>> around = torch.tensor([-0.1, 0.0, 0.1])
        >>> r = compute_discriminator_overfitting(2 + around, 1 + around, around - 2)
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
