"""The description of a data set that recipes read and `run.json` holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, Self

Values = Literal["binary", "unit", "counts", "real"]
Binarize = Literal["none", "dynamic", "static", "threshold"]


@dataclass(frozen=True)
class Spec:
    """The description of a data set that recipes read; written to `run.json` unchanged.

    Args:
        name: The registered name, or the user's path.
        shape: Shape of one example: (C, H, W) for an image, (D,) for a row of a table.
        values: `binary` (0 and 1), `unit` (grey or colour levels k/255 in [0, 1]), `counts`
            (0, 1, 2, ...), `real`.
        classes: Names of the labels 0, 1, ...; empty without labels.
        binarize: Usual binarization of these data in the literature; `none` if they are not.
        shift, scale: The value subtracted from each column of a table and the divisor; empty if
            the values are those of the file. Levels of a table have a scale too, if not 1.
        columns: Names of a table's columns, in its order, those of labels among them; empty
            without names.
        dtypes: Type of each column as it came: int64, float32, bool, ...
        label_column: Name of the column of labels; empty if there is none.
        white: The level of white in images that came as floats: 1 or 255; None for others.
        frequencies: Frequency of each pixel class in training: its pixels over all pixels of the
            pictures that contain it; empty if pixels have no classes.
    """

    name: str
    shape: tuple[int, ...]
    values: Values
    classes: tuple[str, ...] = ()
    binarize: Binarize = "none"
    shift: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    frequencies: tuple[float, ...] = ()
    columns: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    label_column: str = ""
    white: float | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Return the names of the columns that are modelled, without that of labels."""
        return tuple(name for name in self.columns if name != self.label_column)

    @property
    def dimensions(self) -> int:
        """Return D, the number of values in one example."""
        return prod(self.shape)

    @property
    def is_image(self) -> bool:
        """Return whether an example is an image, (C, H, W)."""
        return len(self.shape) == 3

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the description that a JSON object holds; lists become tuples."""
        fields: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**fields)
