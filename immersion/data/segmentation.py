"""Pictures with pixel classes as a data set of patches, from a folder or a named set."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from immersion.batch import VOID
from immersion.check import UserError, check_at_least, check_choice
from immersion.data.dataset import Dataset
from immersion.data.image_files import read_header
from immersion.data.image_folder import BUDGET, find_images
from immersion.data.mask_files import WHITE, Example, number_classes, read_mask, read_picture
from immersion.data.patches import PatchSplit
from immersion.data.restoration import MIN_SIDE, select_patch_side
from immersion.data.segmentation_sets import (
    SEGMENTATION_SETS,
    SegmentationSet,
    Splits,
    read_splits,
)
from immersion.data.splits import split_randomly, split_sizes
from immersion.data.store import sha256_listing
from immersion.data.threads import map_in_threads
from immersion.spec import Spec

DEFAULT_SIDE = 128
"""Side of patches, in pixels: the class of a pixel depends on much of its surroundings."""


def load_segmentation(name_or_path: str | Path, side: int | None = None) -> Dataset:
    """Return pictures with masks, in patches.

    A folder has the sub-folders images and masks, and optionally the file classes.txt with the
    name of one class per line. The mask of images/a.jpg is masks/a.png with one number per
    pixel: classes from 0, and 255 for no class; or black and white, where white is class 1.

    Args:
        name_or_path: isbi2012 (or isbi2012-fold-1 to -5), camvid, or a folder.
        side: Side of the patches; by default 128, or that of the smallest picture.

    Raises:
        UserError: There is no such set, or a mask is missing or does not match its picture.
    """
    if side is not None:
        check_at_least(MIN_SIDE, size=side)
    path = Path(name_or_path).expanduser()
    if path.is_dir() and str(name_or_path) not in SEGMENTATION_SETS:
        return _load_folder(path, side)
    check_choice(
        "set of pictures with masks (a name, or the path of a folder)",
        str(name_or_path),
        SEGMENTATION_SETS,
    )
    return _load_named(SEGMENTATION_SETS[str(name_or_path)], side)


def _load_named(source: SegmentationSet, side: int | None) -> Dataset:
    """Return a named set; raise `UserError` if its files differ from the public ones."""
    dataset = from_examples(
        source.name,
        read_splits(source),
        source.classes,
        source.void,
        side,
        source.upright,
    )
    found = dataset.checksums[source.name]
    if found != source.checksum:
        raise UserError(
            f"the pictures of {source.name} are not those of the public set",
            f"files with {source.checksum}",
            found,
            f"get them again from {source.homepage}",
        )
    return dataset


def _load_folder(folder: Path, side: int | None) -> Dataset:
    """Return the pictures with masks of a folder in a seeded split of 80, 10 and 10 %."""
    images, masks = folder / "images", folder / "masks"
    if not (images.is_dir() and masks.is_dir()):
        raise UserError(
            f"the folder {folder} holds no pictures with masks",
            "sub-folders images and masks, with a PNG of class numbers for every picture",
            ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "an empty folder",
        )
    paths, _ = find_images(images)
    examples = [_read_example(path, images, masks) for path in paths]
    split = split_randomly("masks", split_sizes(len(examples)))
    train, validation, test = ([examples[i] for i in part.tolist()] for part in split)
    names = _read_class_names(folder / "classes.txt")
    name = folder.resolve().name
    return from_examples(name, (train, validation, test), names, WHITE, side, True)


def _read_example(path: Path, images: Path, masks: Path) -> Example:
    mask = (masks / path.relative_to(images)).with_suffix(".png")
    if not mask.is_file():
        raise UserError(
            f"the picture {path} has no mask",
            f"the file {mask}",
            remedy="draw it, or move the picture elsewhere",
        )
    return Example(
        path.relative_to(images.parent).as_posix(), path.read_bytes(), mask.read_bytes()
    )


def _read_class_names(file: Path) -> tuple[str, ...]:
    """Return the names in a file, one per line; none if the file does not exist."""
    if not file.is_file():
        return ()
    return tuple(line.strip() for line in file.read_text().splitlines() if line.strip())


def checksum_examples(splits: Splits) -> str:
    """Return one checksum of the names and bytes of all examples, whatever their split."""
    return sha256_listing(
        (name, hashlib.sha256(picture).digest() + hashlib.sha256(mask).digest())
        for name, picture, mask in sorted(example for split in splits for example in split)
    )


def from_examples(
    name: str,
    splits: Splits,
    names: tuple[str, ...],
    void: int,
    side: int | None,
    upright: bool,
) -> Dataset:
    """Return pictures and masks in files as patches.

    Args:
        name: Name of the data.
        splits: The files for training, validation and test.
        names: Names of the classes; empty to infer their number from the masks.
        void: Value of pixels that have no class.
        side: Side of the patches, or None for the default.
        upright: True if the pictures have a top and a bottom.

    Raises:
        UserError: The pictures take more than 2 GiB, or a mask does not match its picture.
    """
    examples = [example for split in splits for example in split]
    headers = map_in_threads(
        lambda example: read_header(Path(example.name), example.picture), examples
    )
    channels = 1 if all(header.grey for header in headers) else 3
    _check_budget(name, sum((channels + 2) * h.height * h.width for h in headers))
    listed = [(e.name, h.height, h.width) for e, h in zip(examples, headers, strict=True)]
    side = select_patch_side(side, listed, DEFAULT_SIDE)
    values = map_in_threads(read_mask, examples)
    masks, classes = number_classes([e.name for e in examples], values, len(names), void)
    pictures = map_in_threads(lambda example: read_picture(example, channels), examples)
    parts: list[PatchSplit] = []
    start = 0
    for number, split in enumerate(splits):
        rows = slice(start, start := start + len(split))
        part_pictures, part_masks = tuple(pictures[rows]), tuple(masks[rows])
        parts.append(PatchSplit(part_pictures, side, part_masks, number > 0, upright))
    train, validation, test = parts
    names = names or tuple(str(k) for k in range(classes))
    spec = Spec(name, (channels, side, side), "unit", names)
    spec = replace(spec, frequencies=class_frequencies(train.masks, classes))
    if sum(share > 0 for share in spec.frequencies) < 2:
        raise UserError(
            f"the training masks of {name} hold only one class",
            "two or more of the numbers 0, 1, 2, ..., of which 255 means no class",
            f"one of {len(names)} classes",
            "number the classes, or leave classes.txt out for masks of 0 and 255",
        )
    note = f"{len(examples)} pictures with masks from {name}, in patches of {side} x {side}"
    return Dataset(spec, train, validation, test, {name: checksum_examples(splits)}, note)


def _check_budget(name: str, size: int) -> None:
    if size > BUDGET:
        raise UserError(
            f"the pictures of {name} take too much memory",
            f"at most {BUDGET / 2**30:g} GiB once decoded",
            f"{size / 2**30:.1f} GiB",
            "make pictures and masks smaller, or leave some out",
        )


def class_frequencies(masks: tuple[Tensor, ...], classes: int) -> tuple[float, ...]:
    """Return the frequency of each class in the pictures that contain it, 0 if none does.

    f_c = pixels of class c / pixels that have a class, in the pictures that contain c.

    Reference:
        Eigen & Fergus 2015, section 6.3.2, https://arxiv.org/abs/1411.4734

    Example:
        >>> import torch
        >>> pictures = torch.tensor([[[0, 0, 1, -1]], [[0, 0, 0, 0]]], dtype=torch.int16)
        >>> class_frequencies(tuple(pictures), 2)
        (0.8571428571428571, 0.3333333333333333)
    """
    counts = np.stack([_count_pixels(mask, classes) for mask in masks])
    around = ((counts > 0) * counts.sum(1, keepdims=True)).sum(0)
    return tuple((counts.sum(0) / np.maximum(around, 1)).tolist())


def _count_pixels(mask: Tensor, classes: int) -> np.ndarray:
    return np.bincount(mask[mask != VOID].numpy(), minlength=classes)
