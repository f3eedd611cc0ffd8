"""PyTorch data sets, whose items are read one by one, as a data set in three splits."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from immersion.check import UserError
from immersion.data.array_conversion import check_finite, convert_values, reorder_axes
from immersion.data.arrays import from_arrays, record_white, stack
from immersion.data.dataset import Dataset, to_float
from immersion.data.image_folder import BUDGET
from immersion.data.splits import split_randomly, split_sizes
from immersion.data.transforms import to_bits
from immersion.spec import Binarize, Spec, Values

WHAT = "the PyTorch data set"

SEEN = 100
"""Items from which the type of values of a data set that is not held in memory is inferred."""


@dataclass(frozen=True)
class ItemSplit:
    """A split of a PyTorch data set that is read item by item, in worker processes.

    Args:
        items: The data set; items are x or (x, y).
        rows: (N,) indices of the split's items.
        values: Type of the values.
        white: Level of white in floats.
        binarize: Binarization of the levels.
        stream: Name of the random stream of a `static` sample.
    """

    items: Any
    rows: Tensor
    values: Values
    white: float | None = None
    binarize: Binarize = "none"
    stream: str = ""
    resident: bool = field(default=False, init=False)

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return x, (B, *shape) float32, and labels, (B,) or None."""
        read = [read_item(self.items, i) for i in self.rows[indices.cpu()].tolist()]
        array = check_finite(WHAT, reorder_axes(WHAT, np.stack([x for x, _ in read])))
        x = to_float(convert_values(WHAT, array, self.values, self.white)[0], self.values)
        if self.binarize != "none":
            x = to_bits(x, self.binarize, self.stream, indices)
        labels = [y for _, y in read]
        if any(y is None for y in labels):
            return x, None
        return x, torch.tensor([_to_class(y) for y in labels])

    def with_binarize(self, how: Binarize, stream: str) -> "ItemSplit":
        """Return the split with batches that are binarized."""
        return replace(self, binarize=how, stream=stream)

    def to(self, device: torch.device) -> "ItemSplit":
        """Return the split itself, which holds no values in memory."""
        return self


def from_items(items: Any, values: Values | None) -> Dataset:
    """Return a PyTorch data set in seeded splits of 80, 10 and 10 %.

    It is read into memory once, unless it takes more than 2 GiB or an item differs when it is read
    again, as with random transforms: then its items are read for every batch.

    Raises:
        UserError: There are too few items, or they differ in shape or are not numbers.
    """
    count = len(items)
    if count < 3:
        expected = "at least 3, to train, to validate and to test"
        raise UserError(f"{WHAT} holds too few examples", expected, count)
    (first, label), (again, _) = read_item(items, 0), read_item(items, 0)
    random = first.shape != again.shape or not np.array_equal(first, again)
    if not random and first.nbytes * count <= BUDGET:
        return _read_all(items, count, label is not None, values)
    x = np.stack([read_item(items, i)[0] for i in range(min(SEEN, count))])
    x = check_finite(WHAT, reorder_axes(WHAT, x))
    _, kind = convert_values(WHAT, x, values)
    spec = Spec(WHAT, tuple(x.shape[1:]), kind)
    spec = record_white(spec, x) if kind == "unit" else spec
    parts = split_randomly("arrays", split_sizes(count))
    train, validation, test = (ItemSplit(items, rows, kind, spec.white) for rows in parts)
    why = "its items differ when they are read again" if random else "it does not fit in memory"
    note = f"{count} examples from {WHAT}, {kind} values, read for every batch: {why}"
    # Of items that differ whenever they are read, number and shape are all that can be compared.
    content = repr((count, spec.shape)).encode() if random else x.tobytes()
    checksum = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return Dataset(spec, train, validation, test, {WHAT: checksum}, note)


def _read_all(items: Any, count: int, labelled: bool, values: Values | None) -> Dataset:
    read = [read_item(items, i) for i in range(count)]
    x = stack(WHAT, [x for x, _ in read])
    y = stack(WHAT, [np.asarray(label) for _, label in read]) if labelled else None
    checksum = f"sha256:{hashlib.sha256(x.tobytes()).hexdigest()}"
    return from_arrays(WHAT, x, y, None, {WHAT: checksum}, values)


def read_item(items: Any, index: int) -> tuple[np.ndarray, Any]:
    """Return x and the label of one item, or None.

    Raises:
        UserError: The item is none of x, (x,) and (x, y).
    """
    item = items[index]
    parts = item if isinstance(item, (tuple, list)) else (item,)
    x, y = (*parts, None)[:2] if len(parts) in (1, 2) else (None, None)
    array = x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)
    if array.dtype.kind not in "biuf" or array.ndim == 0:
        received = f"a {type(item).__name__}"
        raise UserError(f"item {index} of {WHAT} is not an example", "x or (x, y)", received)
    return array, y.detach().cpu().numpy() if isinstance(y, Tensor) else y


def _to_class(label: Any) -> int:
    """Return a label of a streamed data set, which must be the number of a class."""
    value = np.asarray(label)
    if value.size != 1 or value.dtype.kind not in "biuf" or int(value.item()) != value.item():
        expected = "whole numbers, since the data set is not read in advance"
        raise UserError(f"the labels of {WHAT} are not numbers of classes", expected, f"{label}")
    return int(value.item())
