"""Whole pictures as a data set of patches, from a folder or a named set."""

import hashlib
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from immersion.check import UserError, check_at_least, check_choice
from immersion.data.dataset import Dataset, MemorySplit
from immersion.data.image_files import Header, decode, read_header
from immersion.data.image_folder import BUDGET, find_images
from immersion.data.loading import load
from immersion.data.patches import PatchSplit
from immersion.data.restoration_sets import PICTURE_SETS, PictureSet, list_files
from immersion.data.source import DATASETS
from immersion.data.splits import split_randomly, split_sizes
from immersion.data.store import sha256_listing
from immersion.data.threads import map_in_threads
from immersion.imaging.thumbnail import shrink
from immersion.spec import Spec

DEFAULT_SIDE = 48
"""Side of patches, in pixels."""

MIN_SIDE = 8
"""Smallest side of patches, in pixels."""


def load_pictures(
    name_or_path: str | Path,
    side: int | None = None,
    default_side: int = DEFAULT_SIDE,
    shortest: int = 0,
) -> Dataset:
    """Return pictures at their own sizes, in patches, for networks that see neighbourhoods.

    Args:
        name_or_path: A set of pictures (bsds500, ...), another named data set of images, or a
            folder.
        side: Side of the patches; by default `default_side`, or less if a picture is smaller.
        default_side: Default side of the patches.
        shortest: Length in pixels to which the shorter side of larger pictures for training and
            validation is reduced, as the network sees them; test pictures stay whole. 0 keeps
            all sizes.

    Raises:
        UserError: The data are not pictures, or one is smaller than a patch.

    Example:
        >>> load_pictures("digits").spec.shape
        (1, 8, 8)
    """
    if side is not None:
        check_at_least(MIN_SIDE, size=side)
        if 0 < shortest < side:
            seen = f"the network sees pictures with a shorter side of {shortest} pixels"
            raise UserError(f"{seen}, and learns from parts of those", f"--size {shortest}", side)
    name = str(name_or_path)
    if name in PICTURE_SETS:
        return _load_named(PICTURE_SETS[name], side, default_side, shortest)
    path = Path(name_or_path).expanduser()
    if path.is_dir() and name not in DATASETS:
        paths, _ = find_images(path)
        counts = split_sizes(len(paths))
        return from_files(
            path.resolve().name, paths, path, side, counts, None, default_side, shortest
        )
    if not path.exists():
        check_choice("set of pictures or folder", name, [*PICTURE_SETS, *DATASETS])
    return from_images(load(name_or_path), side, default_side, shortest)


def _load_named(source: PictureSet, side: int | None, default_side: int, shortest: int) -> Dataset:
    """Return a named set; raise `UserError` if its files differ from the public ones."""
    paths = list_files(source)
    if len(paths) != sum(source.examples):
        raise UserError(
            f"the pictures of {source.name} are not those of the public set",
            f"{sum(source.examples)} files",
            len(paths),
            f"get them again from {source.homepage}",
        )
    root = paths[0].parents[len(Path(source.folders[0]).parts) - 1]
    dataset = from_files(
        source.name,
        paths,
        root,
        side,
        source.examples,
        source.grey,
        default_side,
        shortest,
    )
    if dataset.checksums[source.name] != source.checksum:
        raise UserError(
            f"the pictures of {source.name} are not those of the public set",
            f"{len(paths)} files with {source.checksum}",
            f"{len(paths)} with {dataset.checksums[source.name]}",
            f"get them again from {source.homepage}",
        )
    return dataset


def from_files(
    name: str,
    paths: list[Path],
    root: Path,
    side: int | None,
    examples: tuple[int, int, int],
    grey: bool | None,
    default_side: int,
    shortest: int,
) -> Dataset:
    """Return the pictures in files as patches.

    If the pictures would take more than 2 GiB, their middles are kept, as large as fit. Pictures
    that are shrunk take little memory and are kept whole.

    Args:
        name: Name of the data.
        paths: The files.
        root: Folder to which the file names in the checksum are relative.
        side: Side of the patches, or None for the default.
        examples: Numbers of pictures for training, validation and test.
        grey: Whether to read pictures as grey levels; None for grey if all files are grey.
        default_side: Default side of the patches.
        shortest: As in `load_pictures`.
    """
    headers = map_in_threads(read_header, paths)
    channels = 1 if (all(h.grey for h in headers) if grey is None else grey) else 3
    parts = split_randomly("pictures", examples)
    whole = {*(parts[2] if shortest else torch.cat(parts)).tolist()}
    area = sum(headers[i].height * headers[i].width for i in whole)
    share = min(1.0, (BUDGET / (channels * max(area, 1))) ** 0.5)
    contents = map_in_threads(
        lambda i: _read_picture(
            paths[i], headers[i], channels, share, 0 if i in whole else shortest
        ),
        list(range(len(paths))),
    )
    pictures, digests = [levels for levels, _ in contents], [digest for _, digest in contents]
    names = [path.relative_to(root).as_posix() for path in paths]
    checksum = sha256_listing(zip(names, digests, strict=True))
    shapes = [(path.name, p.shape[1], p.shape[2]) for path, p in zip(paths, pictures, strict=True)]
    side = select_patch_side(side, shapes, default_side)
    train, validation, test = (
        PatchSplit(tuple(pictures[i] for i in indices.tolist()), side, still=number > 0)
        for number, indices in enumerate(parts)
    )
    cut = "" if share == 1 else f", the middle {share:.0%} of each side: more does not fit"
    note = f"{len(paths)} pictures from {name}, in patches of {side} x {side}{cut}"
    spec = Spec(name, (channels, side, side), "unit")
    return Dataset(spec, train, validation, test, {name: checksum}, note)


def _read_picture(
    path: Path, header: Header, channels: int, share: float, shortest: int
) -> tuple[Tensor, bytes]:
    """Return the levels of a shrunk picture, or of its middle, and the digest of its file."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).digest()
    levels = decode(path, (channels, header.height, header.width), content)
    if shortest:
        return shrink_levels(levels, shortest), digest
    height, width = (max(1, int(length * share)) for length in levels.shape[1:])
    top, left = (levels.shape[1] - height) // 2, (levels.shape[2] - width) // 2
    middle = levels[:, top : top + height, left : left + width].clone()
    return middle, digest


def shrink_levels(levels: Tensor, shortest: int) -> Tensor:
    """Return levels, (C, H, W) uint8, with a shorter side of at most `shortest`; 0 for any."""
    if not 0 < shortest < min(levels.shape[1:]):
        return levels
    return (255 * shrink(levels / 255, shortest)).round().clamp(0, 255).byte()


def select_patch_side(
    side: int | None, sizes: list[tuple[str, int, int]], default_side: int = DEFAULT_SIDE
) -> int:
    """Return the side of patches: the given one, else the default or the smallest picture's.

    Args:
        side: The requested side, or None.
        sizes: Name, height and width of every picture.
        default_side: Default side.

    Raises:
        UserError: A picture is smaller than the requested side.
    """
    name, height, width = min(sizes, key=lambda size: min(size[1:]))
    if side is None:
        return min(default_side, height, width)
    if side > min(height, width):
        raise UserError(
            f"the picture {name} is smaller than a patch",
            f"sides of {side} pixels or more",
            f"{width} x {height}",
            f"pass --size {min(height, width)}, or remove it",
        )
    return side


def disable_rotation(dataset: Dataset) -> Dataset:
    """Return pictures whose patches are flipped left to right but not rotated."""
    train, validation, test = (
        replace(split, upright=True)
        for split in (dataset.train, dataset.validation, dataset.test)
        if isinstance(split, PatchSplit)
    )
    return replace(dataset, train=train, validation=validation, test=test)


def from_images(
    dataset: Dataset, side: int | None, default_side: int = DEFAULT_SIDE, shortest: int = 0
) -> Dataset:
    """Return a data set of images in memory as one of patches.

    Raises:
        UserError: The data set is not one of grey or colour images in memory.
    """
    splits = dataset.memory_splits
    if not dataset.spec.is_image or dataset.spec.values != "unit" or splits is None:
        raise UserError(
            "image to image is for pictures",
            "a folder of pictures, or a named set of grey or colour images",
            f"'{dataset.spec.name}'",
        )
    pictures = [
        tuple(shrink_levels(levels, shortest if number < 2 else 0) for levels in _levels(split))
        for number, split in enumerate(splits)
    ]
    channels, height, width = pictures[0][0].shape
    side = select_patch_side(side, [("in the data", height, width)], default_side)
    train, validation, test = (
        PatchSplit(levels, side, still=number > 0) for number, levels in enumerate(pictures)
    )
    spec = Spec(dataset.spec.name, (channels, side, side), "unit")
    return Dataset(spec, train, validation, test, dataset.checksums, dataset.note)


def _levels(split: MemorySplit) -> Tensor:
    if split.x.dtype == torch.uint8:
        return split.x
    return (split.x * 255).round().byte()
