"""Whole pictures as a data set of patches: a folder of one's own, or a named set."""

import hashlib
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from immersion.check import UserError, check_at_least, check_choice
from immersion.data.dataset import Dataset, MemorySplit, Spec, Split
from immersion.data.image_files import Header, decode, read_header
from immersion.data.image_folder import BUDGET, find_images
from immersion.data.loading import load
from immersion.data.patches import PatchSplit
from immersion.data.restoration_sets import PICTURE_SETS, PictureSet, list_files
from immersion.data.source import DATASETS
from immersion.data.splits import seeded_split, split_sizes
from immersion.data.threads import map_in_threads
from immersion.imaging.thumbnail import shrink

DEFAULT_SIDE = 48
"""Of patches, in pixels."""

MIN_SIDE = 8


def load_pictures(
    name_or_path: str | Path,
    side: int | None = None,
    usual: int = DEFAULT_SIDE,
    shortest: int = 0,
) -> Dataset:
    """Return pictures at their own sizes, in patches: for what is learned from neighbourhoods.

    Args:
        name_or_path: A set of pictures (bsds500, ...), another named data set of images, or a
            folder.
        side: Of the patches; by default the usual one, or as much as the smallest picture has.
        usual: What suits the purpose.
        shortest: Pixels of the shorter side to which larger pictures for training and validation
            are shrunk, as a network is to see them; those of the test stay whole. 0 shrinks none.

    Raises:
        UserError: The data are no pictures, or one is smaller than a patch.

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
        return _named(PICTURE_SETS[name], side, usual, shortest)
    path = Path(name_or_path).expanduser()
    if path.is_dir() and name not in DATASETS:
        paths, _ = find_images(path)
        found = split_sizes(len(paths))
        return from_files(str(path), paths, path, side, found, None, usual, shortest)
    if not path.exists():
        check_choice("set of pictures or folder", name, [*PICTURE_SETS, *DATASETS])
    return from_images(load(name_or_path), side, usual, shortest)


def _named(known: PictureSet, side: int | None, usual: int, shortest: int) -> Dataset:
    """Return a named set, refusing files that are not those of the public one."""
    paths = list_files(known)
    if len(paths) != sum(known.examples):
        raise UserError(
            f"the pictures of {known.name} are not those of the public set",
            f"{sum(known.examples)} files",
            len(paths),
            f"get them anew from {known.homepage}",
        )
    root = paths[0].parents[len(Path(known.folders[0]).parts) - 1]
    dataset = from_files(
        known.name, paths, root, side, known.examples, known.grey, usual, shortest
    )
    if dataset.checksums[known.name] != known.checksum:
        raise UserError(
            f"the pictures of {known.name} are not those of the public set",
            f"{len(paths)} files with {known.checksum}",
            f"{len(paths)} with {dataset.checksums[known.name]}",
            f"get them anew from {known.homepage}",
        )
    return dataset


def from_files(
    name: str,
    paths: list[Path],
    root: Path,
    side: int | None,
    examples: tuple[int, int, int],
    grey: bool | None,
    usual: int,
    shortest: int,
) -> Dataset:
    """Return the pictures in files as patches.

    Of pictures that would take more than 2 GiB the middles are kept, as large as fit. Those that
    are shrunk take next to nothing, and of them all is kept.

    Args:
        name: Of the data.
        paths: The files.
        root: What their names in the checksum are relative to.
        side: Of the patches, or None.
        examples: Numbers of pictures for training, validation and test.
        grey: Whether they are taken as grey levels; None where all files say they are.
        usual: Side of the patches where none is asked for and the pictures are large enough.
        shortest: Pixels of the shorter side to which those for training and validation are
            shrunk; 0 shrinks none.
    """
    headers = map_in_threads(read_header, paths)
    channels = 1 if (all(h.grey for h in headers) if grey is None else grey) else 3
    chosen = seeded_split("pictures", examples)
    whole = {*(chosen[2] if shortest else torch.cat(chosen)).tolist()}
    area = sum(headers[i].height * headers[i].width for i in whole)
    share = min(1.0, (BUDGET / (channels * max(area, 1))) ** 0.5)
    contents = map_in_threads(
        lambda i: _read_picture(
            paths[i], headers[i], channels, share, 0 if i in whole else shortest
        ),
        list(range(len(paths))),
    )
    total = hashlib.sha256()
    for path, (_, digest) in zip(paths, contents, strict=True):
        total.update(path.relative_to(root).as_posix().encode() + b"\0" + digest)
    pictures = [picture for picture, _ in contents]
    shapes = [(path.name, *p.shape[1:]) for path, p in zip(paths, pictures, strict=True)]
    side = select_patch_side(side, shapes, usual)
    splits = [
        PatchSplit(tuple(pictures[i] for i in indices.tolist()), side, still=number > 0)
        for number, indices in enumerate(chosen)
    ]
    cut = "" if share == 1 else f", the middle {share:.0%} of each side: more does not fit"
    note = f"{len(paths)} pictures from {name}, in patches of {side} x {side}{cut}"
    spec = Spec(name, (channels, side, side), "unit")
    return Dataset(spec, *splits, {Path(name).resolve().name: f"sha256:{total.hexdigest()}"}, note)


def _read_picture(
    path: Path, found: Header, channels: int, share: float, shortest: int
) -> tuple[Tensor, bytes]:
    """Return the levels of a picture, shrunk, or of its middle, and the digest of its file."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).digest()
    levels = decode(path, (channels, found.height, found.width), content)
    if shortest:
        return shrink_levels(levels, shortest), digest
    height, width = (max(1, int(length * share)) for length in levels.shape[1:])
    top, left = (levels.shape[1] - height) // 2, (levels.shape[2] - width) // 2
    middle = levels[:, top : top + height, left : left + width].clone()
    return middle, digest


def shrink_levels(levels: Tensor, shortest: int) -> Tensor:
    """Return levels, (C, H, W) uint8, whose shorter side is `shortest` at most; 0 shrinks none."""
    if not 0 < shortest < min(levels.shape[1:]):
        return levels
    return (255 * shrink(levels / 255, shortest)).round().clamp(0, 255).byte()


def select_patch_side(
    side: int | None, split_sizes: list[tuple[str, int, int]], usual: int = DEFAULT_SIDE
) -> int:
    """Return the side of patches: the one asked for, or the usual, or the smallest picture's.

    Args:
        side: What was asked for, or None.
        sizes: Name, height and width of every picture.
        usual: What is usual.

    Raises:
        UserError: A picture is smaller than what was asked for.
    """
    name, *smallest = min(split_sizes, key=lambda size: min(size[1:]))
    if side is None:
        return min(usual, *smallest)
    if side > min(smallest):
        raise UserError(
            f"the picture {name} is smaller than a patch",
            f"sides of {side} pixels or more",
            f"{smallest[1]} x {smallest[0]}",
            f"pass --size {min(smallest)}, or remove it",
        )
    return side


def disable_rotation(dataset: Dataset) -> Dataset:
    """Return pictures whose patches are mirrored but not turned."""
    splits = {
        name: replace(getattr(dataset, name), upright=True)
        for name in ("train", "validation", "test")
    }
    return replace(dataset, **splits)


def from_images(
    dataset: Dataset, side: int | None, usual: int = DEFAULT_SIDE, shortest: int = 0
) -> Dataset:
    """Return a data set of images in memory as one of patches.

    Raises:
        UserError: It is none of grey or colour images.
    """
    splits = (dataset.train, dataset.validation, dataset.test)
    held = all(isinstance(split, MemorySplit) for split in splits)
    if not (dataset.spec.image and dataset.spec.values == "unit" and held):
        raise UserError(
            "image to image is for pictures",
            "a folder of pictures, or a named set of grey or colour images",
            f"'{dataset.spec.name}'",
        )
    pictures = [
        tuple(shrink_levels(levels, shortest if number < 2 else 0) for levels in _levels(split))
        for number, split in enumerate(splits)
    ]
    channels, *size = pictures[0][0].shape
    side = select_patch_side(side, [("in the data", *size)], usual)
    patches = [PatchSplit(p, side, still=number > 0) for number, p in enumerate(pictures)]
    spec = Spec(dataset.spec.name, (channels, side, side), "unit")
    return Dataset(spec, *patches, dataset.checksums, dataset.note)


def _levels(split: Split) -> Tensor:
    if split.x.dtype == torch.uint8:
        return split.x
    return (split.x * 255).round().byte()
