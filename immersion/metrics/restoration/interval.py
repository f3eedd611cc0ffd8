"""Calibration of uncertainty maps: intervals, and the share of true values inside them."""

from statistics import NormalDist

from torch import Tensor

from immersion.check import UserError
from immersion.metrics.restoration.validation import validate_shapes


def compute_interval_coverage(lower: Tensor, upper: Tensor, y: Tensor) -> Tensor:
    r"""Return the share of each picture's true values inside their intervals, (B,).

    coverage = 1/(C H W) sum_chw [lower <= y <= upper], ends included.

    Protocol: every value of every channel counts once, none is left out; one share a picture.
    Errors of neighbouring pixels are correlated, so the honest standard error is over pictures:
    `Estimate.of(coverage, "share")`. Central intervals of level p should cover p; where the truth
    is 0 or 1 an interval that was clipped to [0, 1] still holds it.

    Args:
        lower: The intervals' lower ends, (B, C, H, W).
        upper: The intervals' upper ends, (B, C, H, W), nowhere below `lower`.
        y: The truth, (B, C, H, W).

    Raises:
        UserError: The shapes do not agree, or an upper end is below the lower one.
        NonFinite: A value is infinite or not a number.

    Example:
        >>> import torch
        >>> from immersion.metrics.estimate import Estimate
        >>> y = torch.randn(50, 1, 32, 32, generator=torch.manual_seed(0))
        >>> lower, upper = compute_interval(torch.zeros_like(y), torch.ones_like(y), 0.9)
        >>> print(Estimate.of(compute_interval_coverage(lower, upper, y), "share"))
        0.9014 +- 0.0012 share (n = 50)
    """
    validate_shapes("intervals and the truth", lower, y)
    validate_shapes("intervals and the truth", upper, y)
    crossed = int((upper < lower).sum())
    if crossed:
        raise UserError(
            "an interval's upper end is below its lower end", "none", f"{crossed} such"
        )
    return ((lower <= y) & (y <= upper)).double().flatten(1).mean(1)


def compute_interval(mean: Tensor, sigma: Tensor, level: float) -> tuple[Tensor, Tensor]:
    r"""Return the ends of a Gaussian's central interval, mean -+ sigma Phi^{-1}((1 + level) / 2).

    Args:
        mean: Means, any shape.
        sigma: Standard deviations, at least 0, of a shape that broadcasts to `mean`.
        level: Probability that the interval should cover, in (0, 1).

    Raises:
        UserError: The level is not between 0 and 1, or a sigma is negative.

    Example:
        >>> import torch
        >>> lower, upper = compute_interval(torch.zeros(1), torch.ones(1), 0.9)
        >>> round(lower.item(), 4), round(upper.item(), 4)
        (-1.6449, 1.6449)
    """
    if not 0 < level < 1:
        raise UserError("the interval's level is out of range", "a number in (0, 1)", level)
    if (sigma < 0).any():
        raise UserError("a standard deviation is negative", "0 or more", sigma.min().item())
    half = sigma * NormalDist().inv_cdf((1 + level) / 2)
    return mean - half, mean + half
