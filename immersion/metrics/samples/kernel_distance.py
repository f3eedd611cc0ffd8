"""The kernel distance: squared maximum mean discrepancy with the cubic polynomial kernel."""

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.metrics.estimate import Estimate
from immersion.metrics.samples.validation import validate_pair
from immersion.random import make_generator

SUBSET, FEWEST = 1000, 10
"""Examples a subset, as in the paper; fewest subsets, for the error bar."""


def compute_kernel_distance(real: Tensor, drawn: Tensor, seed: int = 0) -> Estimate:
    r"""Return the mean of `compute_squared_mmd` over disjoint subsets that use every example once.

    Both sets are shuffled and cut into max(10, min(N, M) // 1000) subsets of nearly equal size.
    Subsets share no example, so their standard error s / sqrt(subsets) is honest (that of
    subsets resampled from the same examples, as is usual, shrinks with their number alone).
    Unbiased: for equal distributions it is as often below 0 as a mean of 0 requires.

    Args:
        real: Features, (N, F), N >= 20.
        drawn: (M, F), M >= 20.
        seed: Seed of the subsets.

    Returns:
        The estimate; `examples` counts the subsets.

    Reference:
        Binkowski et al. 2018, Demystifying MMD GANs, section 4, https://arxiv.org/abs/1801.01401

    Example:
        >>> x = torch.randn(400, 4, generator=torch.manual_seed(0))
        >>> near = compute_kernel_distance(x[:200], x[200:])
        >>> far = compute_kernel_distance(x[:200], x[200:] + 3)
        >>> abs(near.value) < 3 * near.standard_error, far.value > 3 * far.standard_error
        (True, True)
    """
    real, drawn = validate_pair(real, drawn, more_than=2 * FEWEST - 1)
    subsets = count_subsets(len(real), len(drawn))
    random = make_generator(seed, "kernel-distance")
    parts = [
        side[torch.randperm(len(side), generator=random)].tensor_split(subsets)
        for side in (real, drawn)
    ]
    return Estimate.of(
        torch.stack([compute_squared_mmd(a, b) for a, b in zip(*parts, strict=True)]),
        "kernel units",
    )


def count_subsets(real: int, drawn: int) -> int:
    """Return the number of subsets for that many real and drawn examples.

    Example:
        >>> count_subsets(50_000, 60_000), count_subsets(500, 500)
        (50, 10)
    """
    return max(FEWEST, min(real, drawn) // SUBSET)


def compute_squared_mmd(a: Tensor, b: Tensor) -> Tensor:
    r"""Return the unbiased squared MMD with k(x, y) = (x'y / F + 1)^3, a scalar in float64.

    1/(n (n-1)) sum_{i != j} k(a_i, a_j) + 1/(m (m-1)) sum_{i != j} k(b_i, b_j)
    - 2/(n m) sum_ij k(a_i, b_j).

    Args:
        a: (n, F), n >= 2.
        b: (m, F), m >= 2.

    Reference:
        Gretton et al. 2012, equation (3), https://jmlr.org/papers/v13/gretton12a.html

    Example:
        >>> compute_squared_mmd(torch.zeros(2, 1), torch.ones(2, 1)).item()  # 1 + 8 - 2
        7.0
    """
    if len(a) < 2 or len(b) < 2:
        raise UserError("a subset is too small", "2 examples or more", min(len(a), len(b)))
    a, b = a.double(), b.double()
    return _within(a) + _within(b) - 2 * _kernel(a, b).mean()


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _within(a: Tensor) -> Tensor:
    gram = _kernel(a, a)
    return (gram.sum() - gram.diagonal().sum()) / (len(a) * (len(a) - 1))
