"""Load a .csv file of numbers as a data set."""

import csv
from pathlib import Path

import numpy as np

from immersion.check import UserError
from immersion.data.arrays import from_arrays
from immersion.data.dataset import Dataset
from immersion.data.store import sha256

LABELS = ("label", "class", "target", "y")


def load_table(path: Path) -> Dataset:
    """Return the rows of a .csv file, separated by commas, semicolons or tabs.

    A first line without any number is a header; the column label, class, target or y, if any,
    holds the labels. All other columns must be numbers.

    Raises:
        UserError: A column is not numeric (the error names it and the row), lines differ in
            length, or the file is not text.
    """
    content = path.read_bytes()
    rows = read_rows(path, content)
    headed = not any(is_number(field) for field in rows[0])
    names = [name.strip() for name in rows[0]] if headed else []
    names = names or [str(i + 1) for i in range(len(rows[0]))]
    columns = list(zip(*(rows[1:] if headed else rows), strict=True))
    if not columns:
        raise UserError(f"{path} has a header and no rows", remedy="add rows")
    label_columns = [i for i, name in enumerate(names) if headed and name.lower() in LABELS]
    if len(label_columns) > 1:
        raise UserError(
            f"{path} has more than one column of labels",
            f"one of {', '.join(LABELS)}",
            ", ".join(names[i] for i in label_columns),
            "rename or remove the others",
        )
    features = [i for i in range(len(names)) if i not in label_columns]
    if not features:
        raise UserError(f"{path} holds only labels", remedy="add columns of numbers")
    x = np.stack([parse_column(path, names[i], columns[i]) for i in features], axis=1)
    labels = parse_labels(columns[label_columns[0]]) if label_columns else None
    return from_arrays(path, x, labels, None, {path.name: sha256(content)})


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
