"""What is known of every named set, of examples, of pictures and of pictures with masks."""

from immersion.data.loading import describe
from immersion.data.restoration_sets import PICTURE_SETS, PictureSet
from immersion.data.segmentation_sets import MASKED_SETS, MaskedSet
from immersion.data.source import DATASETS
from immersion.data.store import store_with

Row = dict[str, object]


def everything() -> list[Row]:
    """Return a row for each named set, without reading any; see `describe`.

    Pictures have sizes of their own: their shape is (C, H, W) in letters.

    Example:
        >>> {row["name"] for row in everything()} >= {"mnist", "set12", "camvid"}
        True
    """
    return sorted(describe() + _pictures() + _masked(), key=lambda row: str(row["name"]))


def named(word: str) -> bool:
    """Return whether a word names a set, of examples or of pictures; anything else is a path.

    Example:
        >>> named("set12"), named("./set12")
        (True, False)
    """
    return any(word in known for known in (DATASETS, PICTURE_SETS, MASKED_SETS))


def _pictures() -> list[Row]:
    return [
        _row(known, 1 if known.grey else 3, known.folders, ()) for known in PICTURE_SETS.values()
    ]


def _masked() -> list[Row]:
    return [
        _row(known, known.channels, known.files, known.classes) for known in MASKED_SETS.values()
    ]


def _row(
    known: PictureSet | MaskedSet,
    channels: int,
    files: tuple[str, ...],
    classes: tuple[str, ...],
) -> Row:
    store = store_with(files)
    return {
        "name": known.name,
        "description": known.description,
        "shape": (channels, "H", "W"),
        "values": "unit",
        "classes": classes,
        "binarize": "none",
        "examples": known.examples,
        "licence": known.licence,
        "url": known.homepage,
        "place": f"missing: get it from {known.homepage}"
        if store is None
        else str((store / files[0]).parent),
        "checksum": known.checksum,
    }
