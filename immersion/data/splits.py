"""Seeded random splits into training, validation and test examples."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from immersion.data.dataset import Dataset, MemorySplit
from immersion.random import derive_seed
from immersion.spec import Spec

SEED = 0
"""Seed of all splits, whatever the seed of a run: every model has the same test examples."""


def split_sizes(n: int) -> tuple[int, int, int]:
    """Return 80 %, 10 % and 10 % of n examples, at least one each, n in all.

    Example:
        >>> split_sizes(1000), split_sizes(3)
        ((800, 100, 100), (1, 1, 1))
    """
    tenth = max(1, round(n / 10))
    return n - 2 * tenth, tenth, tenth


def split_randomly(
    stream: str, counts: tuple[int, int, int], rows: np.ndarray | None = None
) -> list[Tensor]:
    """Return the indices of the training, validation and test examples, in random order.

    Args:
        stream: Name of the data, so that data sets of one size are split differently.
        counts: Numbers of examples; their sum is the size of the data set.
        rows: (N, ...) the examples, if exact duplicates must share a split: all go to the split
            of the first, so that the counts are exact up to the number of duplicates.
    """
    n = sum(counts)
    order = np.random.default_rng(derive_seed(SEED, f"split/{stream}")).permutation(n)
    home = np.empty(n, dtype=np.int64)
    home[order] = np.repeat([0, 1, 2], counts)
    if rows is not None:
        flat = np.ascontiguousarray(rows).reshape(n, -1)
        keys = flat.view(f"V{flat.shape[1] * flat.itemsize}").ravel()
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
        home = home[first][group]
    return [torch.from_numpy(order[home[order] == split]) for split in range(3)]


def from_tensors(
    spec: Spec,
    x: Tensor,
    y: Tensor | None,
    indices: Sequence[Tensor],
    checksums: dict[str, str],
    note: str = "",
) -> Dataset:
    """Return a data set of three `MemorySplit` from x, (N, *shape), y, (N,), and the indices."""
    train, validation, test = (
        MemorySplit(x[rows], None if y is None else y[rows], spec.values) for rows in indices
    )
    return Dataset(spec, train, validation, test, checksums, note)
