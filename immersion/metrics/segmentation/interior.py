"""Masks of an interior and its borders: what is asked of them, and the objects in them."""

import numpy as np
from scipy.ndimage import label
from torch import Tensor

from immersion.check import UserError


def masks(predicted: Tensor, truth: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return two stacks of masks as numpy arrays of bool, (B, H, W), or say why they are none.

    Args:
        predicted: (B, H, W), bool, True inside objects and False on borders.
        truth: (B, H, W), bool.

    Raises:
        UserError: The shapes do not agree, the masks are not bool, or a truth has no interior.
    """
    shapes = tuple(predicted.shape), tuple(truth.shape)
    if shapes[0] != shapes[1] or truth.ndim != 3 or not truth.numel():
        received = f"{shapes[0]} and {shapes[1]}"
        raise UserError("the masks cannot be compared", "(B, H, W) twice", received)
    for mask in (predicted, truth):
        if mask.dtype.is_floating_point or mask.dtype.is_complex or int(mask.max()) > 1:
            what, remedy = "the masks are not of an interior", "compare with a threshold"
            raise UserError(what, "True inside, False on borders", mask.dtype, remedy)
    empty = int((~truth.bool().flatten(1).any(1)).sum())
    if empty:
        raise UserError("a truth has no interior", "one pixel or more", f"{empty} without")
    return predicted.bool().cpu().numpy(), truth.bool().cpu().numpy()


def objects(interior: np.ndarray) -> np.ndarray:
    """Return a picture's 4-connected objects numbered from 1, (H, W); borders are 0.

    Example:
        >>> objects(np.array([[True, False], [False, True]])).tolist()
        [[1, 0], [0, 2]]
    """
    return label(interior)[0]
