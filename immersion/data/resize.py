"""Images of a named set at another size."""

from dataclasses import replace

import torch
from torch.nn.functional import interpolate

from immersion.check import UserError, check_at_least
from immersion.data.dataset import Dataset, MemorySplit


def resized(dataset: Dataset, size: int) -> Dataset:
    """Return the images cropped to their middle square and resized to size x size, antialiased.

    Args:
        dataset: Of grey or colour images in memory.
        size: Side of the new images.

    Raises:
        UserError: The data are no such images.
    """
    check_at_least(1, size=size)
    splits = (dataset.train, dataset.validation, dataset.test)
    held = all(isinstance(split, MemorySplit) for split in splits)
    if not (dataset.spec.image and dataset.spec.values == "unit" and held):
        raise UserError(
            "--size is for images",
            "a folder of images, or a named set of grey or colour images",
            f"'{dataset.spec.name}'",
            "leave it out",
        )
    train, validation, test = (replace(split, x=_resized(split.x, size)) for split in splits)
    spec = replace(dataset.spec, shape=(dataset.spec.shape[0], size, size))
    return replace(dataset, spec=spec, train=train, validation=validation, test=test)


def _resized(x: torch.Tensor, size: int, rows: int = 1000) -> torch.Tensor:
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
