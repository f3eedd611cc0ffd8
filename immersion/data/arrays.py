"""Load .npy and .npz files as a data set: images or tables, with or without labels."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from immersion.check import UserError
from immersion.data.array_conversion import check_finite, encode_labels, infer_values, reorder_axes
from immersion.data.dataset import Dataset
from immersion.data.splits import from_tensors, split_randomly, split_sizes
from immersion.data.store import sha256
from immersion.spec import Spec

EXAMPLES = ("x", "X", "data", "images")
LABELS = ("y", "Y", "labels", "targets")
SPLITS = {
    ("x_train", "x_val", "x_test"): ("y_train", "y_val", "y_test"),
    ("train_images", "val_images", "test_images"): ("train_labels", "val_labels", "test_labels"),
}


def load_arrays(path: Path) -> Dataset:
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
            return from_splits(path, arrays, examples, labels, checksums)
    names = (*EXAMPLES, *(examples[0] for examples in SPLITS))
    label_names = (*LABELS, *(labels[0] for labels in SPLITS.values()))
    x = next((arrays[name] for name in names if name in arrays), None)
    if x is None and len(arrays) == 1:
        (x,) = arrays.values()
    if x is None:
        raise UserError(
            f"{path} does not say which array holds the examples",
            f"one of {', '.join(names)}",
            ", ".join(sorted(arrays)) or "no array",
            "rename it",
        )
    y = next((arrays[name] for name in label_names if name in arrays), None)
    return from_arrays(path, x, y, None, checksums)


def from_splits(
    path: Path,
    arrays: Mapping[str, np.ndarray],
    examples: tuple[str, str, str],
    labels: tuple[str, str, str],
    checksums: dict[str, str],
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
    return from_arrays(path, x, y, indices, checksums)


def concatenate(path: Path, parts: list[np.ndarray]) -> np.ndarray:
    """Return the splits concatenated; their examples must have the same shape."""
    try:
        return np.concatenate(parts)
    except ValueError as error:
        shapes = ", ".join(str(part.shape) for part in parts)
        raise UserError(f"the splits of {path} have different shapes", received=shapes) from error


def from_arrays(
    path: Path,
    x: np.ndarray,
    labels: np.ndarray | None,
    indices: list[Tensor] | None,
    checksums: dict[str, str],
) -> Dataset:
    """Return a data set from examples, (N, ...), and labels, (N,).

    Without `indices` the examples are split into 80, 10 and 10 %.

    Raises:
        UserError: There are fewer than three examples, or the number of labels differs.
    """
    x = check_finite(path, reorder_axes(path, x))
    if len(x) < 3:
        raise UserError(
            f"{path} holds too few examples",
            "at least 3, to train, to validate and to test",
            len(x),
            "add examples",
        )
    y, classes = (None, ()) if labels is None else encode_labels(path, labels, len(x))
    tensor, values = infer_values(x)
    if indices is None:
        indices = split_randomly("arrays", split_sizes(len(x)))
    spec = Spec(str(path), tuple(tensor.shape[1:]), values, classes)
    note = f"{len(x)} examples from {path}, read as {values} values"
    return from_tensors(spec, tensor, y, indices, checksums, note)


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
