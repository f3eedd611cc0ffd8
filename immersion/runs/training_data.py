"""The data that a recipe trains on: read from a name, a path or memory, and again for a run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from immersion.check import UserError
from immersion.data import Dataset, load, standardise
from immersion.data.catalogue import is_set_name
from immersion.data.mask_arrays import from_masks
from immersion.data.patches import PatchSplit
from immersion.data.restoration import disable_rotation, from_files, from_images, load_pictures
from immersion.data.saved import load_saved
from immersion.data.segmentation import load_segmentation
from immersion.data.splits import split_sizes
from immersion.data.transforms import check_untyped
from immersion.recipes import Recipe
from immersion.recipes.image_to_image import Patches, get_patches
from immersion.run_folder import RunFolder
from immersion.run_record import RunRecord
from immersion.spec import Spec, Values


def read_data(
    recipe: Recipe | None, source: Any, size: int | None = None, values: Values | None = None
) -> Dataset:
    """Return the data set that a recipe trains on: patches of pictures, or standardised tables.

    Args:
        recipe: The recipe; None for a model that was built in Python.
        source: A data set's name, the path of a file or a folder, or data in memory, see
            `immersion.data.intake.read_memory`.
        size: Side to which images are cropped and resized, or of patches.
        values: Type of the values; by default it is inferred.
    """
    patches = None if recipe is None else get_patches(recipe)
    if patches is not None:
        return check_untyped(_read_pictures(patches, source, size), values)
    if isinstance(source, (str, Path)):
        return standardise(load(source, size=size, values=values))
    from immersion.data.intake import read_memory  # imports narwhals

    return standardise(read_memory(source, size=size, values=values))


def _read_pictures(patches: Patches, source: Any, size: int | None) -> Dataset:
    """Return pictures in patches."""
    if isinstance(source, Dataset) and isinstance(source.train, PatchSplit):
        return source
    if patches.masked:
        return _read_masked(source, size)
    if isinstance(source, (str, Path)):
        pictures = load_pictures(source, size, patches.side, patches.shortest)
    else:
        pictures = _read_pictures_in_memory(patches, source, size)
    return disable_rotation(pictures) if patches.upright else pictures


def _read_pictures_in_memory(patches: Patches, source: Any, size: int | None) -> Dataset:
    from immersion.data.intake import check_files, find_root, is_picture_files, read_memory

    side, shortest = patches.side, patches.shortest
    if not is_picture_files(source):
        return from_images(read_memory(source), size, side, shortest)
    paths = check_files(source)
    counts, root = split_sizes(len(paths)), find_root(paths)
    return from_files("pictures", paths, root, size, counts, None, side, shortest)


def _read_masked(source: Any, size: int | None) -> Dataset:
    """Return pictures with masks in patches, from a folder, a named set or two arrays."""
    if isinstance(source, (str, Path)):
        return load_segmentation(source, size)
    from immersion.data.intake import as_array

    if not (isinstance(source, tuple) and len(source) == 2):
        raise UserError(
            "a network that segments is trained on pictures with masks",
            "two arrays (pictures, masks), a folder with images/ and masks/, or a set's name",
            f"a {type(source).__name__}",
        )
    pictures, masks = as_array("the pictures", source[0]), as_array("the masks", source[1])
    return from_masks("the arrays", pictures, masks, size)


MEMORY = "data in memory"


def name_source(source: Any) -> str:
    """Return what a record calls the source of data: a set's name, or a file's or a folder's.

    Example:
        >>> name_source("digits"), name_source("photos/holiday"), name_source([[0.5]])
        ('digits', 'holiday', 'data in memory')
    """
    if isinstance(source, (str, Path)):
        word = str(source)
        if is_set_name(word):
            return word
        name = Path(word).expanduser().resolve().name
        return f"./{name}" if is_set_name(name) else name
    files = locate_source(source).get("data")
    return f"{len(files)} pictures" if files else MEMORY


def find_library(source: Any) -> str:
    """Return the library of a data frame: pandas, polars, ...; empty for other data."""
    if isinstance(source, (str, Path)):
        return ""
    from immersion.data.intake import as_frame

    frame = as_frame(source[0] if isinstance(source, tuple) and source else source)
    return "" if frame is None else frame.implementation.value


def locate_source(source: Any) -> dict[str, Any]:
    """Return the part of `paths.json` that says where data are; empty for a named set."""
    if isinstance(source, (str, Path)):
        word = str(source)
        return {} if is_set_name(word) else {"data": str(Path(word).expanduser().resolve())}
    from immersion.data.intake import is_picture_files

    if is_picture_files(source):
        return {"data": [str(Path(file).expanduser().resolve()) for file in source]}
    return {}


def read_recorded_data(
    folder: RunFolder, record: RunRecord, recipe: Recipe | None, given: Any = None
) -> Dataset:
    """Return the data that a run was trained on, before they are binarized.

    Args:
        folder: The run folder.
        record: The folder's record.
        recipe: The recipe; None for a model that was built in Python.
        given: The data, if the caller has them.

    Raises:
        UserError: They have moved or changed since, or were in memory and are not kept.
    """
    data, spec = record.data, Spec.from_json(record.data.spec)
    patches = None if recipe is None else get_patches(recipe)
    if given is None and folder.data_file.is_file():
        return load_saved(folder.data_file, spec, data.checksums, data.note)
    source = given if given is not None else folder.paths().get("data", data.source)
    _check_present(folder, source)
    # The type of values may have been given: inferred again, it could be another.
    typed = patches is None and not isinstance(source, Dataset) and _holds_values(source)
    dataset = read_data(recipe, source, data.size, spec.values if typed else None)
    if dataset.checksums != data.checksums:
        raise UserError(
            "the data are not those that the model was trained on",
            "the checksums in run.json",
            "others",
            "restore the data, or train again",
        )
    return replace(dataset, note=data.note)


def _check_present(folder: RunFolder, source: Any) -> None:
    """Raise UserError if the data of a run are not where they were."""
    if not isinstance(source, str) or is_set_name(source):
        return
    # The file of a stranger's model may name any path: none is read.
    if Path(source).exists() and not folder.read_only:
        return
    remedy = "in Python, pass them: im.load(run, data=...)"
    if folder.read_only:
        what = f"the model's file '{folder.path}' does not hold the training data"
        raise UserError(what, remedy=remedy)
    if source == MEMORY:
        raise UserError(
            "the run was trained on data in memory, of which its folder holds no copy",
            remedy=remedy,
        )
    raise UserError(
        "the data that the model was trained on are not where they were",
        f"the file or folder '{source}'",
        remedy=f"restore them, or {remedy}",
    )


def _holds_values(source: Any) -> bool:
    """Return whether data are a file of values, or values in memory."""
    if isinstance(source, (str, Path)):
        return Path(source).is_file()
    return "data" not in locate_source(source)
