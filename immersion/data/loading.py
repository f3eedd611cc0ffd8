"""Load a data set from a name or a path."""

from dataclasses import replace
from pathlib import Path

from immersion.check import UserError, check_choice
from immersion.data import transforms
from immersion.data.arrays import load_arrays
from immersion.data.dataset import Dataset
from immersion.data.image_folder import load_image_folder
from immersion.data.source import DATASETS
from immersion.data.store import read_files
from immersion.data.table import load_table
from immersion.spec import Binarize, Values

READERS = {".npy": load_arrays, ".npz": load_arrays, ".csv": load_table}


def load(
    name_or_path: str | Path,
    *,
    binarize: Binarize = "none",
    size: int | None = None,
    resident: bool | None = None,
    values: Values | None = None,
) -> Dataset:
    """Return a data set by its name, or from a folder of images, a .npz, .npy or .csv file.

    Args:
        name_or_path: A registered name; anything else is a path. ./NAME is a folder that has the
            name of a data set.
        binarize: Binarization of the levels; see `transforms.binarize`.
        size: New height and width of images; see `load_image_folder` and `transforms.resize`.
        resident: For a folder, whether the images are held in memory; by default this depends on
            their size.
        values: Type of the values in a file; by default it is inferred.

    Raises:
        UserError: The name is unknown, or a file is missing, damaged or has the wrong contents.

    Example:
        >>> import torch
        >>> data = load("digits")
        >>> x, y = data.train.batch(torch.arange(5))
        >>> data.spec.shape, data.spec.values, x.shape, y.shape
        ((1, 8, 8), 'unit', torch.Size([5, 1, 8, 8]), torch.Size([5]))
    """
    path = Path(name_or_path).expanduser()
    known = isinstance(name_or_path, str) and name_or_path in DATASETS
    from_path = path.exists() and bool(str(name_or_path)) and not known
    if values is not None and not (from_path and path.is_file()):
        raise UserError("the type of values is for a file or an array", received=f"{name_or_path}")
    if path.is_dir() and str(name_or_path) and not known:
        images = _mark_as_path(load_image_folder(path, size, resident))
        return transforms.binarize(images, binarize)
    if not known and not path.exists():
        return load_named(str(name_or_path))  # raises: neither a name nor a path
    if resident is not None:
        raise UserError("resident is for a folder of images", "a folder", repr(str(name_or_path)))
    dataset = (
        _mark_as_path(load_file(path, values)) if from_path else load_named(str(name_or_path))
    )
    if size is not None:
        dataset = transforms.resize(dataset, size)
    return transforms.binarize(dataset, binarize)


def _mark_as_path(dataset: Dataset) -> Dataset:
    """Return user data under a name that is not registered: ./grid for a folder grid."""
    name = dataset.spec.name
    if name not in DATASETS:
        return dataset
    return replace(dataset, spec=replace(dataset.spec, name=f"./{name}"))


def load_file(path: Path, values: Values | None = None) -> Dataset:
    """Return the data set in a .npy, .npz or .csv file."""
    if path.suffix.lower() not in READERS:
        raise UserError(
            f"{path} is not a file that can be read as data",
            f"a folder of images, or a file that ends in {', '.join(READERS)}",
            remedy="save it as one of them",
        )
    try:
        return READERS[path.suffix.lower()](path, values)
    except OSError as error:
        raise UserError(f"{path} cannot be read", received=error) from error


def load_named(name: str) -> Dataset:
    """Return a registered data set."""
    if Path(name).name != name or Path(name).suffix:
        raise UserError("there is no such file or folder", received=repr(name))
    check_choice("data set (a name, or the path of a folder or file that exists)", name, DATASETS)
    source = DATASETS[name]
    return source.read(read_files(source))
