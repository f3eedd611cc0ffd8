"""Write tables in chunks of columns: .csv, .parquet, or one array of numbers as .npy."""

import csv
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np

from immersion.check import UserError, name_installation
from immersion.output_file import check_output, write_atomically

TABLES = (".csv", ".parquet", ".npy")
"""Endings of the files that `write_table` writes."""

Columns = Mapping[str, np.ndarray]
"""Columns by name, all of one length."""


def check_table(out: Path, others: tuple[str, ...] = ()) -> None:
    """Raise UserError if a table, or a file of other endings, cannot be written there."""
    check_output(out, dict.fromkeys((*others, *TABLES)))
    if out.suffix.lower() == ".parquet":
        find_library()


def find_library() -> str:
    """Return the installed library that writes Parquet: polars, or pandas with pyarrow.

    Raises:
        UserError: None is installed.
    """
    if find_spec("polars"):
        return "polars"
    if find_spec("pandas") and find_spec("pyarrow"):
        return "pandas"
    remedy = f"{name_installation('tables')}, or write a .csv file"
    raise UserError("polars must be installed for Parquet", remedy=remedy)


def write_table(out: Path, chunks: Iterable[Columns]) -> None:
    """Write a table under a temporary name, and rename it when it is complete.

    Args:
        out: The file, .csv, .parquet or .npy; the last is an array of numbers, (N, columns).
        chunks: Parts of the table with the same columns, one after another.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "x.csv"
        ...     write_table(path, [{"a": np.array([1, 2]), "b": np.array([0.5, 1.5])}])
        ...     path.read_text().split()
        ['a,b', '1,0.5', '2,1.5']
    """
    writers = {".csv": _write_csv, ".parquet": _write_parquet, ".npy": _write_npy}
    writer = writers[out.suffix.lower()]
    write_atomically(out, lambda partial: writer(partial, chunks))


def _write_csv(path: Path, chunks: Iterable[Columns]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, columns in enumerate(chunks):
            if number == 0:
                writer.writerow(columns)
            # Python's numbers print as few digits as identify them.
            writer.writerows(zip(*(_shorten(c).tolist() for c in columns.values()), strict=True))


def _shorten(column: np.ndarray) -> np.ndarray:
    """Return float32 values as the float64 values with the same shortest digits."""
    if column.dtype != np.float32:
        return column
    return np.array([float(str(value)) for value in column], dtype=np.float64)


def _write_parquet(path: Path, chunks: Iterable[Columns]) -> None:
    import narwhals.stable.v2 as nw

    backend: Any = cast(Any, import_module(find_library()))
    whole = _concatenate(chunks)
    nw.from_dict(whole, backend=backend).write_parquet(path)


def _write_npy(path: Path, chunks: Iterable[Columns]) -> None:
    whole = _concatenate(chunks)
    with path.open("wb") as file:
        np.save(file, np.stack(list(whole.values()), axis=1))


def _concatenate(chunks: Iterable[Columns]) -> dict[str, np.ndarray]:
    parts = list(chunks)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
