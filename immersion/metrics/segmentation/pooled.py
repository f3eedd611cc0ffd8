"""Scores of counts that are added over pictures first, with the jackknife's standard error."""

import math
from collections.abc import Callable

from torch import Tensor

from immersion.check import UserError
from immersion.metrics.estimate import Estimate


def pooled(counts: Tensor, score: Callable[[Tensor], Tensor], unit: str) -> Estimate:
    r"""Return score(sum of counts over pictures) and its standard error over pictures.

    With theta_i the score of the sum without picture i and their mean m, the jackknife's
    standard error is sqrt((n - 1) / n sum_i (theta_i - m)^2): s / sqrt(n) where the score is a
    mean over pictures. It is None for one picture, and where leaving one out leaves no score.

    Args:
        counts: One tensor of counts a picture, (N, ...).
        score: From (B, ...) to (B,): takes such sums, B at once.
        unit: Of the score.

    Raises:
        UserError: The pooled counts have no score, as where every pixel is void.

    Reference:
        Efron 1982, The Jackknife, the Bootstrap and Other Resampling Plans, chapter 3

    Example:
        >>> import torch
        >>> right_of_ten = torch.tensor([[9.0, 10.0], [7.0, 10.0], [8.0, 10.0]])
        >>> print(pooled(right_of_ten, lambda c: c[:, 0] / c[:, 1], "share"))  # sd 0.1 / sqrt(3)
        0.8 +- 0.058 share (n = 3)
    """
    pictures, wide = len(counts), counts.double()
    total = wide.sum(0)
    value = score(total[None]).item()
    if not math.isfinite(value):
        raise UserError("there is nothing to score", "a pixel that counts", "none")
    without = score(total - wide)
    if pictures < 2 or not without.isfinite().all():
        return Estimate(value, None, pictures, unit)
    variance = (pictures - 1) * without.var(correction=0)
    return Estimate(value, variance.sqrt().item(), pictures, unit)


def f_score(counts: Tensor) -> Tensor:
    r"""Return F = 2 both / (predicted + true), the harmonic mean of precision and recall.

    Args:
        counts: (..., 3): what is positive in both, in the prediction, in the truth.

    Returns:
        (...), in [0, 1]; not a number where nothing is positive.

    Example:
        >>> import torch
        >>> f_score(torch.tensor([[6.0, 8.0, 12.0]]))  # precision 3/4, recall 1/2
        tensor([0.6000])
    """
    return 2 * counts[..., 0] / (counts[..., 1] + counts[..., 2])
