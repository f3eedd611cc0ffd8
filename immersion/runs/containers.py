"""Examples as a user has them: read as in training, and given back in the same kind of object."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from immersion.check import UserError
from immersion.data import to_original_units
from immersion.data.array_conversion import check_finite, convert_values, infer_white
from immersion.data.arrays import read_arrays, select_examples
from immersion.data.dataset import to_float
from immersion.data.image_files import SUFFIXES, decode, to_levels
from immersion.data.table import read_features
from immersion.data.transforms import to_scaled_units
from immersion.report.image_grid import make_grid
from immersion.spec import Spec

WHAT = "the array"


class ImageArray(np.ndarray):
    """Images in a NumPy array, (N, C, H, W) in [0, 1], which notebooks show as pictures."""

    def _repr_png_(self) -> bytes | None:
        if self.ndim != 4 or self.shape[1] not in (1, 3):
            return None
        return make_grid(torch.from_numpy(np.array(self)), columns=10)._repr_png_()

    def __array_wrap__(
        self, array: np.ndarray, context: Any = None, return_scalar: bool = False
    ) -> Any:
        """Return results of computations as ordinary arrays and numbers."""
        return array[()] if return_scalar else np.asarray(array)


@dataclass(frozen=True)
class Container:
    """The kind of object that examples came in, and that results are returned in.

    Args:
        kind: array, tensor, frame or pictures.
        layout: first, (N, C, H, W); last, (N, H, W, C); or grey, (N, H, W).
        levels: True for bytes 0..255, which come back as bytes.
        white: The level of white in floats, 1 or 255.
        library: The library of a frame: pandas, polars, ...
        index: The index of a frame of pandas, which results have.
    """

    kind: str = "array"
    layout: str = "first"
    levels: bool = False
    white: float = 1.0
    library: str = ""
    index: Any = None

    def wrap_numbers(self, values: Tensor, columns: Sequence[str]) -> Any:
        """Return numbers, (N, k), as an array, a tensor, or a frame with these columns."""
        if self.kind == "tensor":
            return values
        if self.kind != "frame":
            return values.numpy()
        return self._make_frame(dict(zip(columns, values.numpy().T, strict=True)))

    def wrap_examples(self, x: Tensor, spec: Spec) -> Any:
        """Return examples, (N, *shape), in the units and the layout in which they came."""
        if not spec.is_image:
            rows = to_original_units(x.double(), spec)
            if self.kind == "frame":
                return self._make_frame(make_columns(rows.numpy(), spec))
            return self.wrap_numbers(rows.to(x.dtype), ())
        if self.kind == "pictures":
            return [to_picture(image) for image in x]
        shown = (x.clamp(0, 1) * 255).round().byte() if self.levels else x * self.white
        if self.layout == "last":
            shown = shown.permute(0, 2, 3, 1)
        elif self.layout == "grey":
            shown = shown[:, 0]
        if self.kind == "tensor":
            return shown
        array = shown.numpy()
        viewable = self.layout == "first" and not self.levels and self.white == 1
        return array.view(ImageArray) if viewable else array

    def _make_frame(self, columns: dict[str, np.ndarray]) -> Any:
        import narwhals.stable.v2 as nw

        made = nw.from_dict(columns, backend=cast(Any, self.library)).to_native()
        if self.index is not None and len(self.index) == len(made):
            made.index = self.index
        return made


def make_frame_container(frame: Any) -> Container:
    """Return the container of results for examples, or codes, in a frame of narwhals."""
    import narwhals.stable.v2 as nw

    index = nw.maybe_get_index(frame)  # of pandas; others have none
    return Container("frame", library=frame.implementation.value, index=index)


@dataclass(frozen=True)
class Examples:
    """Examples as a model takes them.

    Args:
        x: (N, *shape) float32.
        container: The kind of object that they came in.
        names: The file of each example, or its row.
    """

    x: Tensor
    container: Container
    names: tuple[str, ...]


def read_examples(data: Any, spec: Spec, binary: bool) -> Examples:
    """Return examples as they were read in training.

    Args:
        data: An array, a tensor, a DataFrame, PIL images, picture files or folders of them, or a
            .npy, .npz or .csv file; one example may lack the axis of examples.
        spec: The description of the training data.
        binary: True if levels are made binary, at one half.

    Raises:
        UserError: The examples are not of the kind or the shape that the model was trained on.
    """
    examples = _read_paths(data, spec) if _is_paths(data) else _read_memory(data, spec)
    if spec.is_image and binary:
        return Examples((examples.x > 0.5).float(), examples.container, examples.names)
    return examples


def _is_paths(data: Any) -> bool:
    listed = data if isinstance(data, (list, tuple)) else [data]
    return bool(listed) and all(isinstance(item, (str, Path)) for item in listed)


def _read_paths(data: Any, spec: Spec) -> Examples:
    """Return the examples in files: of pictures one each, of arrays and tables one a row."""
    paths = [Path(item) for item in (data if isinstance(data, (list, tuple)) else [data])]
    if len(paths) == 1 and paths[0].suffix.lower() in (".csv", ".npy", ".npz"):
        return _read_file(paths[0], spec)
    if not spec.is_image or spec.values not in ("unit", "binary"):
        raise UserError(
            "pictures cannot be given to this model",
            "a table, such as a .csv file" if not spec.is_image else "an array",
            f"'{paths[0]}'",
        )
    files = [file for path in paths for file in list_pictures(path)]
    x = to_float(torch.stack([decode(file, spec.shape) for file in files]), "unit")
    x = (x > 0.5).float() if spec.values == "binary" else x
    return Examples(x, Container("pictures"), tuple(map(str, files)))


def list_pictures(path: Path) -> list[Path]:
    """Return the pictures that a path names: itself, or those below the folder that it is.

    Raises:
        UserError: There is no such file, or no picture in the folder.
    """
    if not path.is_dir():
        if not path.is_file():
            raise UserError("there is no such file or folder", received=f"'{path}'")
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not found:
        raise UserError(f"there is no picture in '{path}'")
    return found


def _read_file(path: Path, spec: Spec) -> Examples:
    if not path.is_file():
        raise UserError("there is no such file", received=f"'{path}'")
    if path.suffix.lower() == ".csv":
        array = read_features(path, spec.features)
    else:
        array = select_examples(path, read_arrays(path, path.read_bytes()))
    return _from_array(array, spec, Container(), str(path))


def _read_memory(data: Any, spec: Spec) -> Examples:
    from immersion.data.intake import as_array, as_frame, select_columns  # imports narwhals

    if (frame := as_frame(data)) is not None:
        array = select_columns(frame, spec.features)
        return _from_array(array, spec, make_frame_container(frame), "the DataFrame")
    pictures = isinstance(data, Image.Image) or (
        isinstance(data, (list, tuple)) and data and isinstance(data[0], Image.Image)
    )
    if pictures:
        return _read_pictures(data, spec)
    kind = "tensor" if isinstance(data, Tensor) else "array"
    return _from_array(as_array(WHAT, data), spec, Container(kind), WHAT)


def _read_pictures(data: Any, spec: Spec) -> Examples:
    """Return PIL images as in training: cropped to their middle, resized, grey or in colour."""
    if not spec.is_image:
        raise UserError("pictures cannot be given to this model", "a table", "PIL images")
    images = [data] if isinstance(data, Image.Image) else list(data)
    x = to_float(torch.stack([to_levels(image, spec.shape) for image in images]), "unit")
    x = (x > 0.5).float() if spec.values == "binary" else x
    return Examples(x, Container("pictures"), tuple(str(i) for i in range(len(images))))


def _from_array(array: np.ndarray, spec: Spec, container: Container, what: str) -> Examples:
    """Return the examples in an array, with the layout that it has."""
    if array.dtype.kind not in "biuf":
        raise UserError(f"{what} holds values that are not numbers", "numbers", array.dtype)
    shaped, layout = _arrange(array, spec)
    check_finite(what, shaped)
    if spec.is_image:
        x = _read_levels(shaped, spec, what)
        container = replace(container, layout=layout, **_find_scale(shaped, spec))
    else:
        white = spec.scale[0] if spec.values == "unit" and spec.scale else None
        convert_values(what, shaped, spec.values, white)  # raises
        x = to_scaled_units(torch.from_numpy(shaped.astype(np.float64)), spec).float()
    return Examples(x, container, tuple(str(i) for i in range(len(x))))


def _read_levels(images: np.ndarray, spec: Spec, what: str) -> Tensor:
    """Return images as in training; grey levels for a model of bits are cut at one half."""
    try:
        stored, _ = convert_values(what, images, spec.values, spec.white)
    except UserError:
        if spec.values != "binary":
            raise
        levels, _ = convert_values(what, images, "unit", spec.white)
        return (to_float(levels, "unit") > 0.5).float()
    return to_float(stored, spec.values)


def _find_scale(images: np.ndarray, spec: Spec) -> dict[str, Any]:
    """Return the container's arguments for the scale of images: bytes, or floats up to white."""
    if spec.values != "unit":
        return {}
    if images.dtype.kind == "f":
        return {"white": spec.white or infer_white(images)}
    return {"levels": images.dtype == np.uint8}


def _arrange(array: np.ndarray, spec: Spec) -> tuple[np.ndarray, str]:
    """Return an array as (N, *shape), and the layout of its axes.

    Raises:
        UserError: Its examples are not of the shape that the model was trained on.
    """
    if array.size == 0:
        raise UserError("there are no examples", f"(N, {_list_sizes(spec)})", array.shape)
    shapes = {"first": spec.shape}
    if spec.is_image:
        channels, height, width = spec.shape
        shapes["last"] = (height, width, channels)
        if channels == 1:
            shapes["grey"] = (height, width)
    for layout, shape in shapes.items():
        if array.shape == shape:
            array = array[None]
        if array.shape[1:] == shape:
            if layout == "last":
                array = array.transpose(0, 3, 1, 2)
            return np.ascontiguousarray(array.reshape(-1, *spec.shape)), layout
    raise UserError(
        "the examples are not of the shape that the model was trained on",
        f"(N, {_list_sizes(spec)})",
        array.shape,
    )


def _list_sizes(spec: Spec) -> str:
    return ", ".join(map(str, spec.shape))


def to_picture(image: Tensor) -> Image.Image:
    """Return one image, (C, H, W) in [0, 1], as a PIL image in mode L or RGB."""
    levels = (image.clamp(0, 1) * 255).round().byte().numpy()
    return Image.fromarray(levels[0] if len(levels) == 1 else levels.transpose(1, 2, 0))


def make_columns(
    rows: np.ndarray, spec: Spec, y: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return rows in a table's own units as its columns: names, order and types as they came.

    Args:
        rows: (N, D).
        spec: The table's description; columns without names are numbered from 1.
        y: (N,) classes, for the column of labels; without them it is left out.

    Example:
        >>> spec = Spec("t", (2,), "real", columns=("age", "income"), dtypes=("int64", "float64"))
        >>> {name: column.tolist() for name, column in make_columns(np.ones((1, 2)), spec).items()}
        {'age': [1], 'income': [1.0]}
    """
    names = spec.features or tuple(str(i + 1) for i in range(rows.shape[1]))
    values = dict(zip(names, rows.T, strict=True))
    if y is not None:
        label = spec.label_column or "label"
        values[label] = np.array(spec.classes)[y] if spec.classes else y
    order = [name for name in spec.columns if name in values]
    order += [name for name in values if name not in order]
    dtypes = dict(zip(spec.columns, spec.dtypes, strict=True))
    return {name: _restore_dtype(values[name], dtypes.get(name, "")) for name in order}


def _restore_dtype(column: np.ndarray, dtype: str) -> np.ndarray:
    """Return a column in the type that it had; whole numbers are rounded to."""
    if "[" in dtype:  # a type of another library, such as int64[pyarrow]
        dtype = dtype.split("[")[0]
    if column.dtype.kind == "U" and dtype[:3] not in ("int", "flo", "boo", "uin"):
        return column
    if dtype.startswith("bool"):
        return column.astype(np.float64) > 0.5 if column.dtype.kind != "U" else column == "True"
    if dtype.startswith(("int", "uint")):
        bounds = np.iinfo(dtype)  # a sample may lie outside of a narrow type
        return np.rint(column.astype(np.float64)).clip(bounds.min, bounds.max).astype(dtype)
    return column.astype(dtype) if dtype.startswith("float") else column
