"""Data sets from objects in memory: arrays, tensors, data frames, PyTorch data sets, pictures."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import IterableDataset

from immersion.check import UserError
from immersion.data import transforms
from immersion.data.arrays import from_arrays, stack
from immersion.data.dataset import Dataset
from immersion.data.image_folder import load_image_files
from immersion.data.item_split import from_items
from immersion.data.table import check_features, check_labels, find_label_column, with_columns
from immersion.spec import Values

KINDS = (
    "a NumPy array, a tensor, a pair (x, y), a pandas or polars DataFrame, a map-style PyTorch "
    "data set, an immersion Dataset, a list of picture files or PIL images, a path or a name"
)


def read_memory(data: Any, *, size: int | None = None, values: Values | None = None) -> Dataset:
    """Return a data set from an object in memory, in seeded splits of 80, 10 and 10 %.

    Args:
        data: An array or tensor, (N, D) of a table, (N, H, W), (N, H, W, C) or (N, C, H, W) of
            images; a pair (x, y) with labels, (N,); a DataFrame, in which a column called label,
            class, target or y holds labels; a PyTorch data set of x or (x, y); a list of picture
            files or of PIL images; or a `Dataset`, which keeps its splits.
        size: Side to which images are cropped and resized.
        values: Type of the values; by default it is inferred, see `infer_values`.

    Raises:
        UserError: The object is of another kind, or its values are not of that type.

    Example:
        >>> read_memory(np.zeros((10, 3)) + 0.5).note
        '10 examples from the array, read as real values'
    """
    if isinstance(data, Dataset):
        dataset = transforms.check_untyped(data, values)
    elif is_picture_files(data):
        return transforms.check_untyped(load_files(data, size), values)
    elif isinstance(data, TorchDataset):
        dataset = from_items(_check_mapped(data), values)
    elif isinstance(data, tuple) and any(hasattr(part, "shape") for part in data):
        if len(data) != 2:
            raise UserError("the data are not understood", KINDS, f"a tuple of {len(data)}")
        dataset = _read_arrays(data[0], data[1], values)
    elif (frame := as_frame(data)) is not None:
        dataset = _read_frame(frame, values)
    else:
        dataset = _read_arrays(data, None, values)
    return dataset if size is None else transforms.resize(dataset, size)


def is_picture_files(data: Any) -> bool:
    """Return whether data are a list of paths."""
    listed = isinstance(data, (list, tuple)) and len(data) > 0
    return listed and all(isinstance(item, (str, os.PathLike)) for item in data)


def load_files(files: Sequence[str | os.PathLike[str]], size: int | None) -> Dataset:
    """Return the pictures in files as a data set without labels."""
    paths = check_files(files)
    return load_image_files("pictures", paths, find_root(paths), size)


def check_files(files: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Return files as absolute paths; raise `UserError` if one is missing or there are few."""
    paths = [Path(file).expanduser().resolve() for file in files]
    for path in paths:
        if not path.is_file():
            raise UserError("there is no such picture", received=f"'{path}'")
    if len(paths) < 3:
        what = "there are too few pictures"
        raise UserError(what, "at least 3, to train, to validate and to test", len(paths))
    return paths


def find_root(paths: Sequence[Path]) -> Path:
    """Return the innermost folder that holds all files."""
    return Path(os.path.commonpath([path.parent for path in paths]))


def as_frame(data: Any) -> nw.DataFrame[Any] | None:
    """Return a pandas, polars or PyArrow table as a narwhals frame, or None.

    Names of columns that are not words, as pandas numbers those of an array, become words.

    Raises:
        UserError: Two columns have the same name.
    """
    if nw.dependencies.is_pandas_dataframe(data):
        names = [str(name) for name in data.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            what = "columns of the DataFrame have the same name"
            raise UserError(what, "different names", ", ".join(twice), "rename them")
        data = data.set_axis(names, axis=1)
    frame = nw.from_native(data, eager_only=True, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None


def as_array(what: str, data: Any) -> np.ndarray:
    """Return an array, a tensor, a PIL image or nested numbers as a NumPy array.

    Raises:
        UserError: It is none of them.
    """
    if isinstance(data, torch.Tensor):
        dense = (data.to_dense() if data.layout != torch.strided else data).detach().cpu()
        return (dense.float() if dense.dtype == torch.bfloat16 else dense).numpy()
    if np.ma.is_masked(data):
        count = int(np.ma.count_masked(data))
        remedy = "fill them in, or remove those examples"
        raise UserError(f"{what} has missing values", "none", f"{count} masked", remedy)
    if isinstance(data, Image.Image):
        return np.asarray(data if data.mode in ("L", "RGB", "I;16") else data.convert("RGB"))
    if isinstance(data, (list, tuple)) and data and isinstance(data[0], Image.Image):
        return stack(what, [as_array(what, picture) for picture in data])
    try:
        array = np.asarray(data)
    except ValueError as error:  # nested lists of different lengths
        raise UserError(f"{what} cannot be read as data", KINDS, error) from error
    if array.dtype == object or array.ndim == 0:
        raise UserError(f"{what} cannot be read as data", KINDS, type(data).__name__)
    return array


def _read_arrays(x: Any, y: Any, values: Values | None) -> Dataset:
    """Return a data set of examples and labels, with the checksum of both."""
    what = "the tensor" if isinstance(x, torch.Tensor) else "the array"
    if (frame := as_frame(x)) is not None:
        return _read_frame(frame, values, y)
    array = as_array(what, x)
    labels = None if y is None else _read_labels(y)
    return from_arrays(what, array, labels, None, {what: _hash(array, labels)}, values)


def _read_frame(frame: nw.DataFrame[Any], values: Values | None, y: Any = None) -> Dataset:
    """Return a data set of a frame's columns, whose names and types are kept."""
    names, what = frame.columns, "the DataFrame"
    position = find_label_column(what, names)
    if position is not None and y is not None:
        remedy = f"rename or remove the column {names[position]!r}, or leave y out"
        raise UserError(f"{what} has labels, and others are given", "one of both", remedy=remedy)
    columns = [frame[name] for name in names]
    features = [c for i, c in enumerate(columns) if i != position]
    if not features:
        raise UserError(f"{what} has no columns of numbers", "one or more", ", ".join(names))
    x = np.stack([_to_numbers(column) for column in features], axis=1)
    labels = None if y is None else _read_labels(y)
    if position is not None:
        labels = check_labels(what, names[position], _to_labels(columns[position]))
    dataset = from_arrays(what, x, labels, None, {what: _hash(x, labels)}, values)
    dtypes = [str(column.to_native().dtype).lower() for column in columns]
    label = "" if position is None else names[position]
    return with_columns(dataset, names, dtypes, label)


def select_columns(frame: nw.DataFrame[Any], features: Sequence[str]) -> np.ndarray:
    """Return the columns of a frame that a model was trained on, (N, D) float64, in their order.

    Raises:
        UserError: A column is missing or not numeric.
    """
    check_features("the DataFrame", frame.columns, features)
    return np.stack([_to_numbers(frame[name]) for name in features or frame.columns], axis=1)


def _to_numbers(column: nw.Series[Any]) -> np.ndarray:
    """Return a column as float64; missing values become NaN."""
    if not (column.dtype.is_numeric() or column.dtype == nw.Boolean):
        raise UserError(
            f"the column {column.name!r} of the DataFrame is not numeric",
            "numbers",
            column.dtype,
            "remove the column, or call it label if it names classes",
        )
    return column.cast(nw.Float64).to_numpy().astype(np.float64)


def _to_labels(column: nw.Series[Any]) -> np.ndarray:
    if column.is_null().any() or (column.dtype.is_float() and column.is_nan().any()):
        missing = (
            (column.is_null() | column.is_nan()) if column.dtype.is_float() else (column.is_null())
        )
        raise UserError(
            "there are examples without a label",
            "a class for each",
            f"{missing.sum()} missing",
            "fill them in, or remove those examples",
        )
    if column.dtype.is_numeric() or column.dtype == nw.Boolean:
        return column.to_numpy()
    return np.array([str(value) for value in column.to_list()])


def _read_labels(y: Any) -> np.ndarray:
    """Return labels in an array, a list or a series of numbers or words."""
    series = nw.from_native(y, series_only=True, pass_through=True)
    if isinstance(series, nw.Series):
        return _to_labels(series)
    return as_array("the labels", y)


def _hash(x: np.ndarray, y: np.ndarray | None) -> str:
    total = hashlib.sha256(np.ascontiguousarray(x).tobytes())
    if y is not None:
        total.update(np.ascontiguousarray(y).tobytes())
    return f"sha256:{total.hexdigest()}"


def _check_mapped(data: TorchDataset[Any]) -> TorchDataset[Any]:
    """Return a data set whose items are read by their index.

    Raises:
        UserError: It is an iterable one, or has no length.
    """
    if isinstance(data, IterableDataset) or not hasattr(data, "__len__"):
        expected = "a map-style one, with __len__ and __getitem__"
        raise UserError("the data set cannot be read by index", expected, type(data).__name__)
    return data
