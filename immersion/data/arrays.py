"""Load .npy and .npz files as a data set: images or tables, with or without labels."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from immersion.check import UserError
from immersion.data.array_conversion import (
    Source,
    check_finite,
    convert_values,
    encode_labels,
    infer_white,
    reorder_axes,
)
from immersion.data.dataset import Dataset
from immersion.data.splits import from_tensors, split_randomly, split_sizes
from immersion.data.store import sha256
from immersion.spec import Spec, Values

EXAMPLES = ("x", "X", "data", "images")
LABELS = ("y", "Y", "labels", "targets")
SPLITS = {
    ("x_train", "x_val", "x_test"): ("y_train", "y_val", "y_test"),
    ("train_images", "val_images", "test_images"): ("train_labels", "val_labels", "test_labels"),
}


def load_arrays(path: Path, values: Values | None = None) -> Dataset:
    """Return the arrays of a .npy or .npz file as a data set.

    The examples are the array x, X, data or images, or the only array; the labels are y, Y,
    labels or targets. They are split into 80, 10 and 10 %. The splits of a file that has a test
    split (x_train, x_val, x_test, y_train, ... or train_images, ..., train_labels, ...) are kept.

    Raises:
        UserError: The file is damaged or holds Python objects, no name is known, a shape is
            neither a table's nor images', or values are not finite.
    """
    content = path.read_bytes()
    arrays = read_arrays(path, content)
    checksums = {path.name: sha256(content)}
    for examples, labels in SPLITS.items():
        if examples[0] in arrays and examples[2] in arrays:
            return from_splits(path, arrays, examples, labels, checksums, values)
    label_names = (*LABELS, *(labels[0] for labels in SPLITS.values()))
    x = select_examples(path, arrays)
    y = next((arrays[name] for name in label_names if name in arrays), None)
    return from_arrays(path, x, y, None, checksums, values)


def select_examples(path: Path, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the array that holds the examples: x, X, data, images, ..., or the only one.

    Raises:
        UserError: No name is known.
    """
    names = (*EXAMPLES, *(examples[0] for examples in SPLITS))
    for name in (*names, *(arrays if len(arrays) == 1 else ())):
        if name in arrays:
            return arrays[name]
    raise UserError(
        f"{path} does not say which array holds the examples",
        f"one of {', '.join(names)}",
        ", ".join(sorted(arrays)) or "no array",
        "rename it",
    )


def from_splits(
    path: Path,
    arrays: Mapping[str, np.ndarray],
    examples: tuple[str, str, str],
    labels: tuple[str, str, str],
    checksums: dict[str, str],
    values: Values | None,
) -> Dataset:
    """Return the file's own splits; without a validation split, a tenth of training becomes it."""
    present = [i for i in range(3) if examples[i] in arrays]
    lengths = [len(np.atleast_1d(arrays[examples[i]])) for i in present]
    indices = list(torch.arange(sum(lengths)).split(lengths))
    if len(present) == 2:
        tenth = max(1, round(lengths[0] / 10))
        train, validation, _ = split_randomly("train", (lengths[0] - tenth, tenth, 0))
        indices = [train, validation, indices[1]]
    if all(labels[i] in arrays for i in present):
        y = concatenate(path, [arrays[labels[i]] for i in present])
    else:
        y = None
    x = concatenate(path, [arrays[examples[i]] for i in present])
    return from_arrays(path, x, y, indices, checksums, values)


def concatenate(path: Path, parts: list[np.ndarray]) -> np.ndarray:
    """Return the splits concatenated; their examples must have the same shape."""
    try:
        return np.concatenate(parts)
    except ValueError as error:
        shapes = ", ".join(str(part.shape) for part in parts)
        raise UserError(f"the splits of {path} have different shapes", received=shapes) from error


def stack(source: Source, arrays: list[np.ndarray]) -> np.ndarray:
    """Return arrays of one shape as one, (N, *shape).

    Raises:
        UserError: They differ in shape.
    """
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) > 1:
        raise UserError(
            f"the examples of {source} differ in shape",
            "one shape",
            " and ".join(map(str, shapes[:2])),
            "resize them, or give their files",
        )
    return np.stack(arrays)


def from_arrays(
    source: Source,
    x: np.ndarray,
    labels: np.ndarray | None,
    indices: list[Tensor] | None,
    checksums: dict[str, str],
    values: Values | None = None,
) -> Dataset:
    """Return a data set from examples, (N, ...), and labels, (N,).

    Args:
        source: The file, or what errors call the arrays.
        x: A table, (N, D), or images, (N, H, W), (N, H, W, C) or (N, C, H, W).
        labels: (N,) numbers or words, or None.
        indices: The examples of the three splits; by default 80, 10 and 10 % at random.
        checksums: File name -> `sha256:...`.
        values: Type of values; by default it is inferred.

    Raises:
        UserError: There are fewer than three examples, or the number of labels differs.
    """
    x = check_finite(source, reorder_axes(source, x))
    if len(x) < 3:
        raise UserError(
            f"{source} holds too few examples",
            "at least 3, to train, to validate and to test",
            len(x),
            "add examples",
        )
    y, classes = (None, ()) if labels is None else encode_labels(source, labels, len(x))
    tensor, kind = convert_values(source, x, values)
    if indices is None:
        indices = split_randomly("arrays", split_sizes(len(x)))
    name = source.name if isinstance(source, Path) else source
    spec = Spec(name, tuple(tensor.shape[1:]), kind, classes)
    if kind == "unit":
        spec = record_white(spec, x)
    how = f"read as {kind} values" if values is None else f"{kind} values, as requested"
    return from_tensors(
        spec, tensor, y, indices, checksums, f"{len(x)} examples from {name}, {how}"
    )


def record_white(spec: Spec, x: np.ndarray) -> Spec:
    """Return the description of grey levels with their scale, as the array x has them.

    Later examples are read on that scale: a dark one alone could be taken for another.
    """
    white = infer_white(x)
    if spec.is_image:
        return replace(spec, white=white if x.dtype.kind == "f" else None)
    if white == 1:
        return spec
    return replace(spec, shift=(0.0,) * spec.dimensions, scale=(white,) * spec.dimensions)


def read_arrays(path: Path, content: bytes) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name.

    Raises:
        UserError: The file is damaged or holds Python objects.
    """
    try:
        read = np.load(io.BytesIO(content), allow_pickle=False)
        return {"x": read} if isinstance(read, np.ndarray) else {name: read[name] for name in read}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
        if "allow_pickle" in str(error):
            raise UserError(
                f"{path} holds Python objects, which could run code, or no arrays at all",
                "arrays of numbers",
                remedy="save it again with numbers only, all examples of one shape",
            ) from error
        raise UserError(
            f"{path} cannot be read as NumPy arrays", received=error, remedy="save it again"
        ) from error
