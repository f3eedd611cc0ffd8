"""Seeded splits: which examples train, which validate and which test."""

import numpy as np
import torch
from torch import Tensor

from immersion.data.dataset import Dataset, MemorySplit, Spec
from immersion.random import derive_seed

SEED = 0
"""The splits never change with the seed of a run: a test example is one for every model."""


def split_sizes(n: int) -> tuple[int, int, int]:
    """Return 80 %, 10 % and 10 % of n examples, at least one each, n in all.

    Example:
        >>> split_sizes(1000), split_sizes(3)
        ((800, 100, 100), (1, 1, 1))
    """
    tenth = max(1, round(n / 10))
    return n - 2 * tenth, tenth, tenth


def seeded_split(
    stream: str, counts: tuple[int, int, int], rows: np.ndarray | None = None
) -> list[Tensor]:
    """Return the indices of the examples for training, validation and test, in random order.

    Args:
        stream: The name of the data, so that data sets of one size are split differently.
        counts: Numbers of examples; their sum is the number there are.
        rows: (N, ...) the examples, where exact duplicates must stay together: all go where the
            first one goes, so that the counts are kept up to the number of duplicates.
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
    indices: list[Tensor],
    checksums: dict[str, str],
    note: str = "",
) -> Dataset:
    """Return a data set of three `MemorySplit` from x, (N, *shape), y, (N,), and the indices."""
    splits = [
        MemorySplit(x[chosen], None if y is None else y[chosen], spec.values) for chosen in indices
    ]
    return Dataset(spec, *splits, checksums=checksums, note=note)
