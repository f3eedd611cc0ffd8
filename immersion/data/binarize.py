"""From grey levels to 0 and 1: a coin flipped anew, a coin flipped once, or a threshold."""

from dataclasses import replace
from typing import get_args

import torch
from torch import Tensor

from immersion.check import UserError, check_choice
from immersion.data.dataset import Binarize, Dataset, MemorySplit, Split, flipped, to_float
from immersion.data.splits import SEED
from immersion.random import make_generator

PORTION = 1024  # examples that are widened to float32 at a time


def binarized(dataset: Dataset, how: Binarize) -> Dataset:
    """Return the data set with values 0 and 1.

    Args:
        dataset: Values `unit`; a `binary` one is returned as it is.
        how: `dynamic`: each batch draws x ~ Bernoulli(level) anew (Salakhutdinov & Murray 2008),
            validation and test too; `static`: one draw, the same for every seed and run;
            `threshold`: 1 where the level is above 1/2; `none`: the data as they are.

    Raises:
        UserError: The values are counts or real, so that there is nothing to flip.

    Example:
        >>> from immersion.data import load
        >>> x, _ = binarized(load("digits"), "threshold").train.batch(torch.arange(100))
        >>> x.unique()
        tensor([0., 1.])
    """
    check_choice("way to binarize", how, get_args(Binarize))
    if how == "none" or dataset.spec.values == "binary":
        return dataset
    if dataset.spec.values != "unit":
        raise UserError(
            f"{dataset.spec.name} cannot be binarized",
            "grey levels between 0 and 1",
            f"{dataset.spec.values} values",
            "leave out --binarize",
        )
    splits = {
        part: binarized_split(getattr(dataset, part), how, stream(dataset.spec.name, part))
        for part in ("train", "validation", "test")
    }
    note = "; ".join(filter(None, [dataset.note, f"binarized: {how}"]))
    return replace(dataset, spec=replace(dataset.spec, values="binary"), note=note, **splits)


def stream(name: str, part: str) -> str:
    """Return the name of the random stream of a split's static draw."""
    return f"binarize/{name}/{part}"


def binarized_split(split: Split, how: Binarize, stream: str) -> Split:
    """Return a split of levels as one of 0 and 1."""
    if not isinstance(split, MemorySplit):
        return replace(split, binarize=how, stream=stream)
    if how == "dynamic":
        return replace(split, dynamic=True)
    bits = torch.empty(split.x.shape, dtype=torch.uint8)
    for indices in torch.arange(len(split)).split(PORTION):
        levels = to_float(split.x[indices], "unit")
        bits[indices] = to_bits(levels, how, stream, indices).to(torch.uint8)
    return replace(split, x=bits, values="binary")


def to_bits(levels: Tensor, how: Binarize, stream: str, indices: Tensor) -> Tensor:
    """Return levels, (B, *shape) in [0, 1], as 0 and 1, (B, *shape) float32.

    A static draw is a function of (stream, index), so that a split gives the same values in
    whatever order and portions it is read.
    """
    if how == "dynamic":
        return flipped(levels)
    if how == "threshold":
        return (levels > 0.5).float()
    shape = levels.shape[1:]
    draws = [
        torch.rand(shape, generator=make_generator(SEED, stream, i)) for i in indices.tolist()
    ]
    return (torch.stack(draws).to(levels) < levels).float()
