"""Read mask files: grey or palette PNGs whose values are class numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from immersion.batch import VOID
from immersion.check import UserError
from immersion.data.image_files import decode, open_image, read_header

MAX_CLASSES = 64
"""Most classes that are inferred from masks: more values are levels of grey."""

WHITE = 255
"""The brightest level: class 1 of black-and-white masks, and usually void in others."""


class Example(NamedTuple):
    """The files of a picture and its mask.

    Args:
        name: File name of the picture, relative to its data set.
        picture: Bytes of the picture's file.
        mask: Bytes of the mask's file, a PNG.
    """

    name: str
    picture: bytes
    mask: bytes


def read_mask(example: Example) -> np.ndarray:
    """Return the values of a mask, (H, W) integers; the indices if it has a palette.

    Raises:
        UserError: It cannot be read, has colours, or differs in size from its picture.
    """
    header = read_header(Path(example.name), example.picture)
    with open_image(Path(f"{example.name} (its mask)"), example.mask) as image:
        values, mode = np.array(image), image.mode
    if values.ndim != 2 or values.dtype.kind not in "bui":
        raise UserError(
            f"the mask of {example.name} does not hold classes",
            "one number per pixel: grey levels, or a palette",
            f"a picture of mode {mode}",
            "save the class numbers as a grey PNG",
        )
    if values.shape != (header.height, header.width):
        raise UserError(
            f"the mask of {example.name} differs in size from the picture",
            f"{header.width} x {header.height}",
            f"{values.shape[1]} x {values.shape[0]}",
        )
    return values


def number_classes(
    names: Sequence[str], masks: Sequence[np.ndarray], classes: int, void: int
) -> tuple[list[Tensor], int]:
    """Return masks as class numbers, (H, W) int16 with -1 for void, and the number of classes.

    Masks that hold only 0 and 255 are black and white: 255 is class 1.

    Args:
        names: Names of the pictures.
        masks: Values as in the files.
        classes: Number of classes; 0 to infer it from the largest value.
        void: Value of pixels that have no class.

    Raises:
        UserError: A mask has a value that is not a class, or there is only one class.

    Example:
        >>> number_classes(["a"], [np.array([[0, 255, 2]])], 0, 255)
        ([tensor([[ 0, -1,  2]], dtype=torch.int16)], 3)
        >>> number_classes(["a"], [np.array([[0, 255, 0]])], 0, 255)
        ([tensor([[0, 1, 0]], dtype=torch.int16)], 2)
    """
    values = [np.unique(mask) for mask in masks]
    occurring = set(np.concatenate(values).tolist())
    if occurring == {0, WHITE} and classes in (0, 2):
        return [torch.from_numpy((mask == WHITE).astype(np.int16)) for mask in masks], 2
    largest = max(occurring - {void}, default=0)
    known = classes or min(largest + 1, MAX_CLASSES)
    for name, found in zip(names, values, strict=True):
        wrong = [value for value in found.tolist() if value != void and not 0 <= value < known]
        if wrong:
            raise UserError(
                f"the mask of {name} has a value that is not a class",
                f"0 to {known - 1}, {void} without a class, or 0 and {WHITE} alone",
                wrong[0],
                "correct the mask"
                if classes
                else "correct it, or list all classes in classes.txt",
            )
    if known < 2:
        raise UserError("all masks have the same class", "2 classes or more", sorted(occurring))
    planes = [np.where(mask == void, VOID, mask.astype(np.int16)) for mask in masks]
    return [torch.from_numpy(plane) for plane in planes], known


def read_picture(example: Example, channels: int) -> Tensor:
    """Return the levels of a picture, (C, H, W) uint8."""
    path = Path(example.name)
    header = read_header(path, example.picture)
    return decode(path, (channels, header.height, header.width), example.picture)
