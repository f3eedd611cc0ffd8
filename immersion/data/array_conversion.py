"""Convert NumPy arrays to tensors: examples with an inferred type of values, and labels."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from immersion.check import UserError
from immersion.spec import Values

CHANNELS = (1, 2, 3, 4)
"""Lengths of an axis that is read as channels."""

EXACT = 1 << 24
"""Integers up to this one are exact in float32."""


def reorder_axes(path: Path, x: np.ndarray) -> np.ndarray:
    """Return a table as (N, D) and images as (N, C, H, W).

    Images may be (N, H, W), (N, H, W, C) or (N, C, H, W); the last axis is read as channels if
    its length is 1 to 4.

    Raises:
        UserError: The array is not numeric, has another shape, or its examples are empty.
    """
    if x.dtype.kind not in "biuf":
        raise UserError(f"{path} holds values that are not numbers", "numbers", x.dtype)
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
            f"the examples of {path} have the shape of neither a table nor images",
            "(N, D), (N, H, W), (N, H, W, C) or (N, C, H, W) with C from 1 to 4",
            x.shape,
            "reshape them",
        )
    if 0 in shaped.shape[1:]:
        raise UserError(f"the examples of {path} are empty", received=f"the shape {x.shape}")
    return np.ascontiguousarray(shaped)


def check_finite(path: Path, x: np.ndarray) -> np.ndarray:
    """Return x; raise `UserError` that counts and locates values that are not finite float32."""
    if x.dtype.kind != "f":
        return x
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(x.astype(np.float32))
    if bad.any():
        row = int(np.argmax(bad.reshape(len(x), -1).any(axis=1)))
        raise UserError(
            f"{path} holds values that are missing, infinite or too large for float32",
            "finite values",
            f"{int(bad.sum())} others, the first in row {row} (counted from 0)",
            "remove those rows, or fill them in",
        )
    return x


def infer_values(x: np.ndarray) -> tuple[Tensor, Values]:
    """Return x as a split stores it, and the inferred type of its values.

    0 and 1 alone are `binary`; images of integer levels up to 255, of 16-bit levels, or of
    fractions up to 1, are `unit`; tables of integers from 0 are `counts`; the rest is `real`.

    Args:
        x: (N, D) or (N, C, H, W), finite.

    Returns:
        The same values, uint8 if they fit in bytes, else float32; and their type.

    Example:
        >>> infer_values(np.array([[0, 7], [300, 1]]))
        (tensor([[  0.,   7.],
                [300.,   1.]]), 'counts')
    """
    image, low, high = x.ndim == 4, x.min(), x.max()
    whole = x.dtype.kind != "f" or bool((x == np.rint(x)).all())
    if low >= 0 and high <= 1 and whole:
        return torch.from_numpy(x.astype(np.uint8)), "binary"
    if image and low >= 0 and high <= 255 and whole:
        return torch.from_numpy(x.astype(np.uint8)), "unit"
    if image and x.dtype == np.uint16:
        return torch.from_numpy(np.rint(x / 257).astype(np.uint8)), "unit"
    if image and low >= 0 and high <= 1:
        return torch.from_numpy(x.astype(np.float32)), "unit"
    if not image and low >= 0 and high <= EXACT and whole:
        return torch.from_numpy(x.astype(np.uint8 if high <= 255 else np.float32)), "counts"
    return torch.from_numpy(x.astype(np.float32)), "real"


def encode_labels(path: Path, labels: np.ndarray, n: int) -> tuple[Tensor, tuple[str, ...]]:
    """Return labels as 0, 1, ..., (n,) int64, and the sorted names of the classes.

    Args:
        path: The file, for errors.
        labels: (n,) or (n, 1), integers or strings.
        n: The number of examples.
    """
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.shape != (n,):
        raise UserError(
            f"the labels of {path} do not fit its examples", f"the shape ({n},)", labels.shape
        )
    if flat.dtype.kind == "S":
        flat = np.char.decode(flat, "utf-8")
    if flat.dtype.kind == "f" and (flat == np.rint(flat)).all():
        flat = flat.astype(np.int64)
    if flat.dtype.kind not in "biuU":
        raise UserError(
            f"the labels of {path} are not names of classes",
            "whole numbers or words",
            flat.dtype,
            "rename or remove them if they are not labels",
        )
    names, y = np.unique(flat, return_inverse=True)
    return torch.from_numpy(y.astype(np.int64)), tuple(str(name) for name in names)
