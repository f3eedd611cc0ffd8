"""One mask file to class numbers: a grey or palette PNG whose values are classes."""

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
"""Classes, where nobody says how many there are: more are levels of grey, not classes."""

WHITE = 255
"""The brightest level: class 1 of masks in black and white, and usually void in others."""


class Example(NamedTuple):
    """A picture's file and its mask's.

    Args:
        name: Of the picture, relative to its data set.
        picture: Bytes of its file.
        mask: Bytes of its mask's file, a PNG.
    """

    name: str
    picture: bytes
    mask: bytes


def read_mask(example: Example) -> np.ndarray:
    """Return the values in a mask's file, (H, W) integers: indices where it has a palette.

    Raises:
        UserError: It cannot be read, has colours, or is not as large as its picture.
    """
    found = read_header(Path(example.name), example.picture)
    with open_image(Path(f"{example.name} (its mask)"), example.mask) as image:
        values, mode = np.array(image), image.mode
    if values.ndim != 2 or values.dtype.kind not in "bui":
        raise UserError(
            f"the mask of {example.name} is no picture of classes",
            "one number a pixel: grey levels, or a palette",
            f"a picture of mode {mode}",
            "save the class numbers as a grey PNG",
        )
    if values.shape != (found.height, found.width):
        raise UserError(
            f"the mask of {example.name} is not as large as the picture",
            f"{found.width} x {found.height}",
            f"{values.shape[1]} x {values.shape[0]}",
        )
    return values


def number_classes(
    names: Sequence[str], masks: Sequence[np.ndarray], classes: int, void: int
) -> tuple[list[Tensor], int]:
    """Return masks as class numbers, (H, W) int16 with -1 for void, and the number of classes.

    Masks that hold nothing but 0 and 255 are in black and white: 255 is class 1.

    Args:
        names: Of the pictures.
        masks: Values as in the files.
        classes: How many there are; 0 where the largest number says it.
        void: The number of pixels that have no class.

    Raises:
        UserError: A mask has a number that is no class, or there is one class only.

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
                f"the mask of {name} has a number that is no class",
                f"0 to {known - 1}, {void} where there is none, or 0 and {WHITE} alone",
                wrong[0],
                "mend the mask" if classes else "mend it, or list all classes in classes.txt",
            )
    if known < 2:
        raise UserError("all masks are of one class", "2 classes or more", sorted(occurring))
    planes = [np.where(mask == void, VOID, mask.astype(np.int16)) for mask in masks]
    return [torch.from_numpy(plane) for plane in planes], known


def read_picture(example: Example, channels: int) -> Tensor:
    """Return a picture's levels, (C, H, W) uint8."""
    path = Path(example.name)
    found = read_header(path, example.picture)
    return decode(path, (channels, found.height, found.width), example.picture)
