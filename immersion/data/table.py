"""Load a .csv file of numbers as a data set."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from immersion.check import UserError
from immersion.data.array_conversion import Source
from immersion.data.arrays import from_arrays
from immersion.data.dataset import Dataset
from immersion.data.store import sha256
from immersion.spec import Values

LABELS = ("label", "class", "target", "y")
"""Names of a column that holds labels."""

MOST, FEWEST = 20, 5
"""Numbers in a column of labels, above which there must be some rows for each, and how many."""


def load_table(path: Path, values: Values | None = None) -> Dataset:
    """Return the rows of a .csv file, separated by commas, semicolons or tabs.

    A first line without any number is a header; the column label, class, target or y, if any,
    holds the labels. All other columns must be numbers.

    Raises:
        UserError: A column is not numeric (the error names it and the row), lines differ in
            length, or the file is not text.
    """
    content = path.read_bytes()
    names, columns, headed = read_named_columns(path, content)
    position = find_label_column(path, names) if headed else None
    features = [i for i in range(len(names)) if i != position]
    if not features:
        raise UserError(f"{path} holds only labels", remedy="add columns of numbers")
    x = np.stack([parse_column(path, names[i], columns[i]) for i in features], axis=1)
    labels = None
    if position is not None:
        labels = check_labels(path, names[position], parse_labels(columns[position]))
    dataset = from_arrays(path, x, labels, None, {path.name: sha256(content)}, values)
    if not headed:
        return dataset
    label = "" if position is None else names[position]
    dtypes = [infer_dtype(column) for column in columns]
    return with_columns(dataset, names, dtypes, label)


def read_named_columns(
    path: Path, content: bytes
) -> tuple[list[str], list[tuple[str, ...]], bool]:
    """Return the names and the fields of a file's columns, and whether it has a header.

    Columns without a header are numbered from 1.
    """
    rows = read_rows(path, content)
    headed = not any(is_number(field) for field in rows[0])
    names = [name.strip() for name in rows[0]] if headed else []
    names = names or [str(i + 1) for i in range(len(rows[0]))]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        what = f"columns of {path} have the same name"
        raise UserError(what, "different names", ", ".join(map(repr, twice)), "rename them")
    columns = list(zip(*(rows[1:] if headed else rows), strict=True))
    if not columns:
        raise UserError(f"{path} has a header and no rows", remedy="add rows")
    return names, columns, headed


def read_features(path: Path, features: Sequence[str]) -> np.ndarray:
    """Return the columns of a file that a model was trained on, (N, D) float64, in their order.

    Args:
        path: A .csv file.
        features: Names of the columns; empty for all but that of labels.

    Raises:
        UserError: A column is missing or not numeric.
    """
    names, columns, headed = read_named_columns(path, path.read_bytes())
    check_features(path, names, features)
    label = find_label_column(path, names) if headed else None
    wanted = features or [name for i, name in enumerate(names) if i != label]
    return np.stack(
        [parse_column(path, name, columns[names.index(name)]) for name in wanted], axis=1
    )


def check_features(source: Source, names: Sequence[str], features: Sequence[str]) -> None:
    """Raise UserError if columns that a model was trained on are missing."""
    missing = [name for name in features if name not in names]
    if missing:
        raise UserError(
            f"{source} lacks columns that the model was trained on",
            ", ".join(features),
            f"no {', '.join(missing)}",
            "add or rename them",
        )


def find_label_column(source: Source, names: Sequence[str]) -> int | None:
    """Return the position of the column of labels: label, class, target or y; None if none is.

    Raises:
        UserError: More than one column has such a name.
    """
    found = [i for i, name in enumerate(names) if name.lower() in LABELS]
    if len(found) > 1:
        raise UserError(
            f"{source} has more than one column of labels",
            f"one of {', '.join(LABELS)}",
            ", ".join(names[i] for i in found),
            "rename or remove the others",
        )
    return found[0] if found else None


def check_labels(source: Source, name: str, labels: np.ndarray) -> np.ndarray:
    """Return a column of labels; raise `UserError` if its numbers do not look like classes.

    A target of a regression may be called target too: it has few rows for each value.
    """
    count = len(np.unique(labels))
    if labels.dtype.kind in "iuf" and count > MOST and len(labels) < FEWEST * count:
        raise UserError(
            f"the column {name!r} of {source} is called as labels are, but holds no classes",
            f"at most {MOST} different numbers, or {FEWEST} rows and more for each",
            f"{count} different numbers in {len(labels)} rows",
            "rename it, to model it as a value, or remove it",
        )
    return labels


def with_columns(
    dataset: Dataset, names: Sequence[str], dtypes: Sequence[str], label: str
) -> Dataset:
    """Return a table's data set with the names and types of its columns in the description."""
    spec = replace(dataset.spec, columns=tuple(names), dtypes=tuple(dtypes), label_column=label)
    labelled = f"; column {label!r} read as labels, {len(spec.classes)} classes"
    return replace(dataset, spec=spec, note=dataset.note + (labelled if label else ""))


def infer_dtype(column: Sequence[str]) -> str:
    """Return int64, float64 or str: the narrowest type of all fields.

    Example:
        >>> infer_dtype(["1", "2"]), infer_dtype(["1", "2.0"]), infer_dtype(["a"])
        ('int64', 'float64', 'str')
    """
    for dtype, parse in (("int64", int), ("float64", float)):
        try:
            for field in column:
                parse(field)
        except ValueError:
            continue
        return dtype
    return "str"


def read_rows(path: Path, content: bytes) -> list[list[str]]:
    """Return the fields of every non-blank line."""
    try:
        text = content.decode("utf-8-sig")
        first = text.split("\n", 1)[0]
        separator = max(",;\t", key=first.count)
        rows = [row for row in csv.reader(text.splitlines(), delimiter=separator) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"{path} cannot be read as a table", "text in UTF-8", error, "save it again"
        ) from error
    if not rows:
        raise UserError(f"{path} is empty", "rows of numbers", "none", "add rows")
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise UserError(
                f"row {i + 1} of {path} differs in length from the first",
                f"{len(rows[0])} fields",
                len(row),
                "correct the row",
            )
    return rows


def is_number(field: str) -> bool:
    """Return whether a field is a number (`nan` and `inf` are)."""
    try:
        float(field)
    except ValueError:
        return False
    return True


def parse_column(path: Path, name: str, column: tuple[str, ...]) -> np.ndarray:
    """Return a column as float64; raise `UserError` if a field is not a number."""
    try:
        return np.array(column, dtype=np.float64)
    except ValueError as error:
        row = next(i for i, field in enumerate(column) if not is_number(field))
        missing = not column[row].strip()
        raise UserError(
            f"the column {name!r} of {path} is not numeric",
            "a number in every row",
            f"{'nothing' if missing else repr(column[row])} in row {row + 1}",
            "remove such rows, or fill them in"
            if missing
            else "remove the column, or call it label if it names classes",
        ) from error


def parse_labels(column: tuple[str, ...]) -> np.ndarray:
    """Return labels as numbers, so that 10 sorts after 2, or as strings if not numeric."""
    stripped = [field.strip() for field in column]
    if all(is_number(field) for field in stripped):
        return np.array(stripped, dtype=np.float64)
    return np.array(stripped, dtype=np.str_)
