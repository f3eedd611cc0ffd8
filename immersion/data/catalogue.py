"""The catalogue of named sets: of examples, of pictures, and of pictures with masks."""

from immersion.data.restoration_sets import PICTURE_SETS, PictureSet
from immersion.data.segmentation_sets import SEGMENTATION_SETS, SegmentationSet
from immersion.data.source import DATASETS
from immersion.data.store import find_store, locate_file, select_files

Row = dict[str, object]


def describe() -> list[Row]:
    """Return a description of every registered data set, without reading any of them.

    Returns:
        For each: name, description, shape, values, classes, binarize, examples (training,
        validation, test), licence, url, and place: its folder, or how to obtain it.
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
    """Return the folder of a data set, or whether it has to be downloaded or installed."""
    source = DATASETS[name]
    files = select_files(source)
    if not files:
        return "comes with the package"
    paths = [path for path in (locate_file(source, file) for file in files) if path]
    if len(paths) == len(files):
        return str(paths[0].parent)
    if all(file.urls for file in files):
        return "to be downloaded"
    return f"missing: {source.remedy}"


def describe_all() -> list[Row]:
    """Return a description of every named set, without reading any; see `describe`.

    Pictures differ in size: their shape is (C, "H", "W").

    Example:
        >>> {row["name"] for row in describe_all()} >= {"mnist", "set12", "camvid"}
        True
    """
    return sorted(
        describe() + _describe_pictures() + _describe_masked(), key=lambda row: str(row["name"])
    )


def is_set_name(word: str) -> bool:
    """Return whether a word is the name of a set; anything else is a path.

    Example:
        >>> is_set_name("set12"), is_set_name("./set12")
        (True, False)
    """
    return any(word in names for names in (DATASETS, PICTURE_SETS, SEGMENTATION_SETS))


def _describe_pictures() -> list[Row]:
    return [
        _describe_set(named_set, 1 if named_set.grey else 3, named_set.folders, ())
        for named_set in PICTURE_SETS.values()
    ]


def _describe_masked() -> list[Row]:
    return [
        _describe_set(named_set, named_set.channels, named_set.files, named_set.classes)
        for named_set in SEGMENTATION_SETS.values()
    ]


def _describe_set(
    named_set: PictureSet | SegmentationSet,
    channels: int,
    files: tuple[str, ...],
    classes: tuple[str, ...],
) -> Row:
    store = find_store(files)
    return {
        "name": named_set.name,
        "description": named_set.description,
        "shape": (channels, "H", "W"),
        "values": "unit",
        "classes": classes,
        "binarize": "none",
        "examples": named_set.examples,
        "licence": named_set.licence,
        "url": named_set.homepage,
        "place": f"missing: get it from {named_set.homepage}"
        if store is None
        else str((store / files[0]).parent),
        "checksum": named_set.checksum,
    }
