"""How many modes a model draws, and how evenly, where the data's modes are known."""

import math

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.metrics.estimate import Estimate
from immersion.metrics.samples.neighbours import compute_squared_distances
from immersion.metrics.samples.validation import validate_pair

WITHIN = 3.0
"""A point is of high quality within this many sigma of its nearest mode, as in the paper."""


def count_mixture_modes(drawn: Tensor, means: Tensor, sigma: float) -> dict[str, Estimate]:
    r"""Return modes, high_quality and reverse_kl of points from a mixture of round Gaussians.

    Every drawn point belongs to its nearest mean.

    - high_quality: the share of points within 3 sigma of their nearest mean (Euclidean distance).
      In 2 dimensions the mixture itself scores 1 - exp(-9/2) = 0.989;
    - modes: the means that at least one high-quality point belongs to;
    - reverse_kl = KL(p_g || p) in nats: p_g the histogram of the high-quality points over the K
      means, p = 1/K. The paper does not say which points count; its authors' code leaves the
      others out, and so do the numbers of its tables. It ignores the points left out:
      read it together with high_quality. Where no point is of high quality there is no
      histogram, and the value is log K, the largest, without an error.

    Args:
        drawn: (M, D).
        means: (K, D).
        sigma: The standard deviation of each Gaussian in every direction.

    Reference:
        Lin et al. 2018, PacGAN, section 4.1, https://arxiv.org/abs/1712.04086; the measures are
        from Srivastava et al. 2017, VEEGAN, https://arxiv.org/abs/1705.07761

    Example:
        >>> means = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
        >>> points = torch.tensor([[0.0, 0.29], [0.01, 0.0], [0.9, 0.4]])
        >>> found = count_mixture_modes(points, means, sigma=0.1)
        >>> found["modes"].value, round(found["high_quality"].value, 3)
        (1.0, 0.667)
    """
    means, drawn = validate_pair(means, drawn, more_than=0)
    nearest = torch.empty(len(drawn), dtype=torch.long)
    good = torch.empty(len(drawn), dtype=torch.bool)
    for rows, block in compute_squared_distances(drawn, means):
        squares, nearest[rows] = block.min(1)
        good[rows] = squares <= (WITHIN * sigma) ** 2
    counts = nearest[good].bincount(minlength=len(means))
    return {
        "modes": _distinct(counts, len(drawn)),
        "high_quality": Estimate.of(good, "share"),
        "reverse_kl": _kl_to_uniform(counts),
    }


def count_class_modes(classes: Tensor, count: int) -> dict[str, Estimate]:
    r"""Return modes and reverse_kl of drawn examples from their predicted classes.

    - modes: the distinct classes among them;
    - reverse_kl = KL(histogram || uniform over the `count` classes) = log K - H(histogram), nats.
      M draws from the uniform itself measure about (K - 1) / (2 M): 0.019 for 26,000 and 1,000.

    Args:
        classes: (M,) from 0 to count - 1; for stacked MNIST 100 r + 10 g + b of the three digits.
        count: K, the number of classes; 1,000 for stacked MNIST.

    Reference:
        Lin et al. 2018, PacGAN, section 4.2, https://arxiv.org/abs/1712.04086

    Example:
        >>> count_class_modes(torch.tensor([0, 1, 1, 0]), count=4)["reverse_kl"].value  # log 2
        0.6931471805599453
    """
    if len(classes) == 0 or classes.min() < 0 or classes.max() >= count:
        received = "none" if len(classes) == 0 else f"{classes.min()} to {classes.max()}"
        raise UserError("the classes cannot be counted", f"0 to {count - 1}", received)
    counts = classes.bincount(minlength=count)
    return {"modes": _distinct(counts, len(classes)), "reverse_kl": _kl_to_uniform(counts)}


def _distinct(counts: Tensor, examples: int) -> Estimate:
    """Return the number of modes hit; one hit n times is missed with probability exp(-n)."""
    missed = torch.exp(-counts[counts > 0].double())
    error = (missed * (1 - missed)).sum().sqrt().item()
    return Estimate(float((counts > 0).sum()), error, examples, "modes")


def _kl_to_uniform(counts: Tensor) -> Estimate:
    """Return sum_k p_k log(K p_k), p the histogram, with its standard error to second order.

    M Var = Var_p(log p_k) + (k - 1) / (2 M), k the modes that are hit; the plug-in value of the
    first term, which vanishes for the uniform, is itself too large by (k - 1) / M.
    """
    examples = int(counts.sum())
    if not examples:
        return Estimate(math.log(len(counts)), None, 0, "nats")
    p = counts[counts > 0].double() / examples
    logs = (len(counts) * p).log()
    value = (p * logs).sum()
    freedom = (len(p) - 1) / examples
    first = ((p * (logs - value).square()).sum().item() - freedom, 0.0)
    variance = (max(first) + freedom / 2) / examples
    return Estimate(value.item(), math.sqrt(variance), examples, "nats")
