"""What is known of every named set, of examples, of pictures and of pictures with masks."""

from immersion.data.restoration_sets import PICTURE_SETS, PictureSet
from immersion.data.segmentation_sets import SEGMENTATION_SETS, SegmentationSet
from immersion.data.source import DATASETS
from immersion.data.store import find_store, locate_file, select_files

Row = dict[str, object]


def describe() -> list[Row]:
    """Return what is known of every registered data set, without reading any of them.

    Returns:
        For each: name, description, shape, values, classes, binarize, examples (training,
        validation, test), licence, url, and place: where it lies, or what to do about it.
    """
    return [
        {
            "name": name,
            "description": source.description,
            "shape": source.spec.shape,
            "values": source.spec.values,
            "classes": source.spec.classes,
            "binarize": source.spec.binarize,
            "examples": source.examples,
            "licence": source.licence,
            "url": source.homepage,
            "place": locate(name),
        }
        for name, source in sorted(DATASETS.items())
    ]


def locate(name: str) -> str:
    """Return where a data set lies, or whether it is to be downloaded or to be installed."""
    source = DATASETS[name]
    files = select_files(source)
    found = [locate_file(source, file) for file in files]
    if not files:
        return "comes with the package"
    if all(found):
        return str(found[0].parent)
    if all(file.urls for file in files):
        return "to be downloaded"
    return f"missing: {source.remedy}"


def describe_all() -> list[Row]:
    """Return a row for each named set, without reading any; see `describe`.

    Pictures have sizes of their own: their shape is (C, H, W) in letters.

    Example:
        >>> {row["name"] for row in describe_all()} >= {"mnist", "set12", "camvid"}
        True
    """
    return sorted(describe() + _pictures() + _masked(), key=lambda row: str(row["name"]))


def is_set_name(word: str) -> bool:
    """Return whether a word names a set, of examples or of pictures; anything else is a path.

    Example:
        >>> is_set_name("set12"), is_set_name("./set12")
        (True, False)
    """
    return any(word in known for known in (DATASETS, PICTURE_SETS, SEGMENTATION_SETS))


def _pictures() -> list[Row]:
    return [
        _row(known, 1 if known.grey else 3, known.folders, ()) for known in PICTURE_SETS.values()
    ]


def _masked() -> list[Row]:
    return [
        _row(known, known.channels, known.files, known.classes)
        for known in SEGMENTATION_SETS.values()
    ]


def _row(
    known: PictureSet | SegmentationSet,
    channels: int,
    files: tuple[str, ...],
    classes: tuple[str, ...],
) -> Row:
    store = find_store(files)
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
