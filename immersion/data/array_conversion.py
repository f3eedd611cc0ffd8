"""Convert NumPy arrays to tensors: examples with an inferred type of values, and labels."""

from pathlib import Path
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from immersion.check import UserError, check_choice
from immersion.spec import Values

Source = Path | str
"""A file, or words such as "the array": what errors name."""

CHANNELS = (1, 2, 3, 4)
"""Lengths of an axis that is read as channels."""

UNIT = "levels from 0 to 1, or from 0 to 255"

RESCALE = "rescale them, or give another type of values"

EXACT = 1 << 24
"""Integers up to this one are exact in float32."""


def reorder_axes(source: Source, x: np.ndarray) -> np.ndarray:
    """Return a table as (N, D) and images as (N, C, H, W).

    Images may be (N, H, W), (N, H, W, C) or (N, C, H, W); the last axis is read as channels if
    its length is 1 to 4.

    Raises:
        UserError: The array is not numeric, has another shape, or its examples are empty.
    """
    if x.dtype.kind not in "biuf":
        raise UserError(f"{source} holds values that are not numbers", "numbers", x.dtype)
    if x.ndim == 2:
        shaped = x
    elif x.ndim == 3:
        shaped = x[:, None]
    elif x.ndim == 4 and x.shape[3] in CHANNELS:
        shaped = x.transpose(0, 3, 1, 2)
    elif x.ndim == 4 and x.shape[1] in CHANNELS:
        shaped = x
    else:
        raise UserError(
            f"the examples of {source} have the shape of neither a table nor images",
            "(N, D), (N, H, W), (N, H, W, C) or (N, C, H, W) with C from 1 to 4",
            x.shape,
            "reshape them",
        )
    if 0 in shaped.shape[1:]:
        raise UserError(f"the examples of {source} are empty", received=f"the shape {x.shape}")
    return np.ascontiguousarray(shaped)


def check_finite(source: Source, x: np.ndarray) -> np.ndarray:
    """Return x; raise `UserError` that counts and locates values that are not finite float32."""
    if x.dtype.kind != "f":
        return x
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(x.astype(np.float32))
    if bad.any():
        row = int(np.argmax(bad.reshape(len(x), -1).any(axis=1)))
        raise UserError(
            f"{source} holds values that are missing, infinite or too large for float32",
            "finite values",
            f"{int(bad.sum())} others, the first in row {row} (counted from 0)",
            "remove those rows, or fill them in",
        )
    return x


def convert_values(
    source: Source, x: np.ndarray, values: Values | None = None, white: float | None = None
) -> tuple[Tensor, Values]:
    """Return x as a split stores it, and the type of its values: the given or the inferred one.

    Args:
        source: The file or the object, for errors.
        x: (N, D) or (N, C, H, W), finite.
        values: The type, or None to infer it.
        white: Level of white in `unit` values that are floats; by default `infer_white` of x.

    Returns:
        The same values, uint8 if they fit in bytes, float64 for a table of real values, else
        float32; and their type. Levels above 1
        of a `unit` array, from 0 to 255 or of 16 bits, are stored as k of k/255.

    Raises:
        UserError: The values are not of that type, or are levels whose range cannot be inferred.

    Example:
        >>> convert_values("the array", np.array([[0.0, 127.5]]), "unit")
        (tensor([[0.0000, 0.5000]]), 'unit')
    """
    if values is None:
        return infer_values(source, x)
    check_choice("type of values", values, get_args(Values))
    low, high, whole = x.min(), x.max(), _is_whole(x)
    if values == "real":
        # A table is standardised in float64: around a large mean, float32 has no digits left.
        return torch.from_numpy(x.astype(np.float32 if x.ndim == 4 else np.float64)), "real"
    white = white if white and x.dtype.kind == "f" else infer_white(x)
    top = {"binary": 1, "counts": EXACT, "unit": white}[values]
    if low < 0 or high > top or not (whole or values == "unit"):
        expected = {"binary": "0 and 1", "counts": "whole numbers from 0", "unit": UNIT}[values]
        raise UserError(
            f"{source} does not hold {values} values", expected, _describe_range(x), RESCALE
        )
    if values == "unit" and (not whole or (white == 1 and x.dtype.kind == "f")):
        return torch.from_numpy((x / white).astype(np.float32)), "unit"
    if values == "unit":
        return torch.from_numpy(np.rint(x * (255 / white)).astype(np.uint8)), "unit"
    return torch.from_numpy(x.astype(np.uint8 if high <= 255 else np.float32)), values


def infer_white(x: np.ndarray) -> float:
    """Return the level of white in grey levels: 255 or, of 16 bits, 65535; 1 in fractions.

    Example:
        >>> infer_white(np.array([0.5])), infer_white(np.array([7.0])), infer_white(np.uint8([1]))
        (1.0, 255.0, 255.0)
    """
    if x.dtype.kind == "b" or (x.dtype.kind == "f" and x.max() <= 1):
        return 1.0
    return 65535.0 if x.dtype == np.uint16 else 255.0


def infer_values(source: Source, x: np.ndarray) -> tuple[Tensor, Values]:
    """Return x as a split stores it, and the inferred type of its values.

    0 and 1 alone are `binary`; images of integer levels up to 255, of 16-bit levels, or of
    fractions up to 1, are `unit`; tables of integers from 0 are `counts`; the rest is `real`.

    Args:
        source: The file or the object, for errors.
        x: (N, D) or (N, C, H, W), finite.

    Returns:
        As `convert_values`.

    Raises:
        UserError: Images hold fractions between 0 and 255: levels, or real values.

    Example:
        >>> infer_values("the array", np.array([[0, 7], [300, 1]]))
        (tensor([[  0.,   7.],
                [300.,   1.]]), 'counts')
    """
    image, low, high, whole = x.ndim == 4, x.min(), x.max(), _is_whole(x)
    if low >= 0 and high <= 1 and whole:
        return torch.from_numpy(x.astype(np.uint8)), "binary"
    if image and low >= 0 and (high <= 255 or x.dtype == np.uint16):
        if not whole and high > 1:
            raise UserError(
                f"{source} holds images whose levels could be read in two ways",
                "levels from 0 to 1, or whole levels from 0 to 255",
                _describe_range(x),
                "say --values unit (values='unit') to divide them by 255, or --values real",
            )
        return convert_values(source, x, "unit")
    if not image and low >= 0 and high <= EXACT and whole:
        return convert_values(source, x, "counts")
    return convert_values(source, x, "real")


def _is_whole(x: np.ndarray) -> bool:
    return x.dtype.kind != "f" or bool((x == np.rint(x)).all())


def _describe_range(x: np.ndarray) -> str:
    return f"{x.dtype} from {x.min():g} to {x.max():g}"


def encode_labels(source: Source, labels: np.ndarray, n: int) -> tuple[Tensor, tuple[str, ...]]:
    """Return labels as 0, 1, ..., (n,) int64, and the sorted names of the classes.

    Args:
        source: The file, for errors.
        labels: (n,) or (n, 1), integers or strings.
        n: The number of examples.
    """
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.shape != (n,):
        raise UserError(
            f"the labels of {source} do not fit its examples", f"the shape ({n},)", labels.shape
        )
    if flat.dtype.kind == "S":
        flat = np.char.decode(flat, "utf-8")
    if flat.dtype.kind == "f" and (flat == np.rint(flat)).all():
        flat = flat.astype(np.int64)
    if flat.dtype.kind not in "biuU":
        raise UserError(
            f"the labels of {source} are not names of classes",
            "whole numbers or words",
            flat.dtype,
            "rename or remove them if they are not labels",
        )
    names, y = np.unique(flat, return_inverse=True)
    return torch.from_numpy(y.astype(np.int64)), tuple(str(name) for name in names)
