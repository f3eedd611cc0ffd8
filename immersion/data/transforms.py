"""Transforms of a whole data set: binarize levels, resize images, standardise columns."""

import math
from dataclasses import replace
from typing import Protocol, get_args, runtime_checkable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from immersion.check import UserError, check_at_least, check_choice
from immersion.data.dataset import Dataset, MemorySplit, Split, sample_bernoulli, to_float
from immersion.data.splits import SEED
from immersion.random import make_generator
from immersion.spec import Binarize, Spec, Values

PORTION = 1024
"""Number of examples that are converted to float32 at a time."""


def binarize(dataset: Dataset, how: Binarize) -> Dataset:
    """Return the data set with values 0 and 1.

    Args:
        dataset: Values `unit`; a `binary` data set is returned unchanged.
        how: `dynamic`: every batch is a new sample x ~ Bernoulli(level) (Salakhutdinov & Murray
            2008), in validation and test too; `static`: one sample, the same for every seed and
            run; `threshold`: 1 where the level is above 1/2; `none`: the data unchanged.

    Raises:
        UserError: The values are counts or real.

    Example:
        >>> from immersion.data import load
        >>> x, _ = binarize(load("digits"), "threshold").train.batch(torch.arange(100))
        >>> x.unique()
        tensor([0., 1.])
    """
    check_choice("way to binarize", how, get_args(Binarize))
    if how == "none" or dataset.spec.values == "binary":
        return dataset
    name = dataset.spec.name
    if dataset.spec.values != "unit":
        raise UserError(
            f"{name} cannot be binarized",
            "grey levels between 0 and 1",
            f"{dataset.spec.values} values",
            "leave out --binarize",
        )
    return replace(
        dataset,
        spec=replace(dataset.spec, values="binary"),
        train=binarize_split(dataset.train, how, f"binarize/{name}/train"),
        validation=binarize_split(dataset.validation, how, f"binarize/{name}/validation"),
        test=binarize_split(dataset.test, how, f"binarize/{name}/test"),
        note=_append(dataset.note, f"binarized: {how}"),
    )


@runtime_checkable
class LazySplit(Protocol):
    """A split whose levels are read, and binarized, batch by batch."""

    def with_binarize(self, how: Binarize, stream: str) -> Split:
        """Return the split with batches that are binarized; see `to_bits`."""


def binarize_split(split: Split, how: Binarize, stream: str) -> Split:
    """Return a split of levels as one of 0 and 1.

    Args:
        split: A `MemorySplit` or a `LazySplit`.
        how: As in `binarize`, not `none`.
        stream: Name of the random stream of a static sample.
    """
    if isinstance(split, LazySplit):
        return split.with_binarize(how, stream)
    if not isinstance(split, MemorySplit):
        raise TypeError(f"a {type(split).__name__} cannot be binarized")
    if how == "dynamic":
        return replace(split, dynamic=True)
    bits = torch.empty(split.x.shape, dtype=torch.uint8)
    for indices in torch.arange(len(split)).split(PORTION):
        levels = to_float(split.x[indices], "unit")
        bits[indices] = to_bits(levels, how, stream, indices).to(torch.uint8)
    return replace(split, x=bits, values="binary")


def to_bits(levels: Tensor, how: Binarize, stream: str, indices: Tensor) -> Tensor:
    """Return levels, (B, *shape) in [0, 1], as 0 and 1, (B, *shape) float32.

    A static sample is a function of (stream, index), so that a split has the same values in
    whatever order and portions it is read.
    """
    if how == "dynamic":
        return sample_bernoulli(levels)
    if how == "threshold":
        return (levels > 0.5).float()
    shape = levels.shape[1:]
    uniform = [
        torch.rand(shape, generator=make_generator(SEED, stream, i)) for i in indices.tolist()
    ]
    return (torch.stack(uniform).to(levels) < levels).float()


def resize(dataset: Dataset, size: int) -> Dataset:
    """Return the images cropped to their middle square and resized to size x size, antialiased.

    Args:
        dataset: Grey or colour images in memory.
        size: Side of the new images.

    Raises:
        UserError: The data set is not one of grey or colour images in memory.
    """
    check_at_least(1, size=size)
    splits = dataset.memory_splits
    if not dataset.spec.is_image or dataset.spec.values != "unit" or splits is None:
        raise UserError(
            "--size is for images",
            "a folder of images, or a named set of grey or colour images",
            f"'{dataset.spec.name}'",
            "leave it out",
        )
    train, validation, test = (
        replace(split, x=crop_and_resize(split.x, size)) for split in splits
    )
    spec = replace(dataset.spec, shape=(dataset.spec.shape[0], size, size))
    return replace(dataset, spec=spec, train=train, validation=validation, test=test)


def crop_and_resize(x: Tensor, size: int, rows: int = 1000) -> Tensor:
    """Return images, (N, C, H, W), as (N, C, size, size), `rows` images at a time."""
    side = min(x.shape[-2:])
    top, left = ((length - side) // 2 for length in x.shape[-2:])
    square = x[..., top : top + side, left : left + side]
    parts = [
        interpolate(part.float(), (size, size), mode="bicubic", antialias=True)
        for part in square.split(rows)
    ]
    if x.dtype != torch.uint8:  # levels as numbers from 0 to 1
        return torch.cat([part.clamp(0, 1) for part in parts])
    return torch.cat([part.round().clamp(0, 255).byte() for part in parts])


def standardise(dataset: Dataset) -> Dataset:
    """Return a table of real values with columns of mean 0 and standard deviation 1.

    Mean and deviation are those of the training split and are stored in the `Spec`, so that
    samples can be returned in the table's own units (`to_original_units`). A constant column is
    only shifted. Anything but a table of real values is returned unchanged.

    Example:
        >>> from immersion.data import load
        >>> table = standardise(load("swiss-roll"))
        >>> x, _ = table.train.batch(torch.arange(len(table.train)))
        >>> bool((x.mean(0).abs() < 1e-4).all() and (x.std(0) - 1).abs().max() < 1e-3)
        True
    """
    spec, splits = dataset.spec, dataset.memory_splits
    if spec.values != "real" or spec.is_image or splits is None:
        return dataset
    x = splits[0].x.double()
    shift, scale = x.mean(0), x.std(0, correction=0)
    scale = torch.where(scale > 0, scale, 1.0)
    train, validation, test = (
        replace(split, x=((split.x.double() - shift) / scale).float()) for split in splits
    )
    return replace(
        dataset,
        spec=replace(spec, shift=tuple(shift.tolist()), scale=tuple(scale.tolist())),
        train=train,
        validation=validation,
        test=test,
        note=_append(dataset.note, "columns standardised"),
    )


def to_original_units(x: Tensor, spec: Spec) -> Tensor:
    """Return rows in training's units, (..., D), in the table's own; images are unchanged."""
    if not spec.scale:
        return x
    return x * x.new_tensor(spec.scale) + x.new_tensor(spec.shift)


def to_scaled_units(x: Tensor, spec: Spec) -> Tensor:
    """Return rows in the table's own units, (..., D), in those of training, in float64."""
    wide = x.double()
    if not spec.scale:
        return wide
    return (wide - wide.new_tensor(spec.shift)) / wide.new_tensor(spec.scale)


def check_untyped(dataset: Dataset, values: Values | None) -> Dataset:
    """Return the data set; raise `UserError` if it has another type of values than requested."""
    if values is not None and values != dataset.spec.values:
        what = "the type of values is that of the data set"
        raise UserError(what, dataset.spec.values, values, "leave it out")
    return dataset


def log_volume(spec: Spec) -> float:
    """Return sum_j log s_j: log p(x) = log p(standardised x) - this, in nats.

    It is 0 for grey levels: their densities are those of fractions, by convention.
    """
    return sum(math.log(scale) for scale in spec.scale) if spec.values == "real" else 0.0


def _append(note: str, addition: str) -> str:
    return f"{note}; {addition}" if note else addition
