"""Columns of a table on one scale: each minus its mean, divided by its standard deviation."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from immersion.data.dataset import Dataset, MemorySplit, Spec


def standardised(dataset: Dataset) -> Dataset:
    """Return a table of real values with columns of mean 0 and standard deviation 1.

    Mean and deviation are the training split's and are kept in the `Spec`, so that draws can be
    given back in the table's own units (`own_units`). A constant column is only shifted. Anything
    but a table of real values is returned as it is.

    Example:
        >>> from immersion.data import load
        >>> table = standardised(load("swiss-roll"))
        >>> x, _ = table.train.batch(torch.arange(len(table.train)))
        >>> bool((x.mean(0).abs() < 1e-4).all() and (x.std(0) - 1).abs().max() < 1e-3)
        True
    """
    spec = dataset.spec
    if spec.values != "real" or spec.image or not isinstance(dataset.train, MemorySplit):
        return dataset
    x = dataset.train.x.double()
    shift, scale = x.mean(0), x.std(0, correction=0)
    scale = torch.where(scale > 0, scale, 1.0)

    def apply(split: MemorySplit) -> MemorySplit:
        return replace(split, x=((split.x.double() - shift) / scale).float())

    spec = replace(spec, shift=tuple(shift.tolist()), scale=tuple(scale.tolist()))
    splits = {part: apply(getattr(dataset, part)) for part in ("train", "validation", "test")}
    note = "; ".join(filter(None, [dataset.note, "columns standardised"]))
    return replace(dataset, spec=spec, note=note, **splits)


def own_units(x: Tensor, spec: Spec) -> Tensor:
    """Return standardised rows, (..., D), in the table's own units."""
    if not spec.scale:
        return x
    return x * x.new_tensor(spec.scale) + x.new_tensor(spec.shift)


def log_volume(spec: Spec) -> float:
    """Return sum_j log s_j: log p(x) = log p(standardised x) - this, in nats."""
    return sum(math.log(scale) for scale in spec.scale)
