"""Output files: their places are checked before the work, and they are written atomically."""

import os
from collections.abc import Callable, Collection
from pathlib import Path

from immersion.check import UserError

PARTIAL = ".partial"
"""Suffix of a file that is being written; one that a kill left is overwritten."""


def check_output(
    path: Path,
    endings: Collection[str],
    *,
    overwrite: bool = False,
    switch: str = "",
    expected: str = "",
) -> None:
    """Raise UserError if a file cannot be written, so that no work is lost.

    Args:
        path: The file; its folder is made when it is written.
        endings: The endings that its name may have, in lower case.
        overwrite: If True, an existing file is replaced.
        switch: The flag or argument that replaces a file: --overwrite, or overwrite=True; empty
            if there is none.
        expected: The names that are valid, for the message; by default the endings.

    Raises:
        UserError: Another ending; a folder of that name; a parent that is a file; or a file that
            exists and is not to be replaced.

    Example:
        >>> check_output(Path("codes.txt"), (".csv", ".npy"))
        Traceback (most recent call last):
        ...
        immersion.check.UserError: 'codes.txt' cannot be written: expected a name that ends in \
.csv or .npy, received the ending '.txt'.
    """
    if path.suffix.lower() not in endings:
        expected = expected or f"a name that ends in {_list_words(endings)}"
        received = f"the ending '{path.suffix}'" if path.suffix else "no ending"
        raise UserError(f"'{path}' cannot be written", expected, received)
    _check_parents(path)
    if path.is_dir():
        raise UserError(f"'{path}' is a folder", "a file's name", remedy="choose another name")
    if path.exists() and not overwrite:
        raise UserError(f"'{path}' exists already", remedy=_explain_replacing(switch))


def check_output_folder(path: Path, *, overwrite: bool = False, switch: str = "") -> None:
    """Raise UserError if files cannot be written to a folder: it is a file, or not empty.

    Args:
        path: The folder, which is made when it is written to.
        overwrite: If True, it may hold files.
        switch: As in `check_output`.
    """
    if path.exists() and not path.is_dir():
        raise UserError(f"'{path}' is a file", "a folder", remedy="choose another name")
    _check_parents(path)
    if path.is_dir() and any(path.iterdir()) and not overwrite:
        raise UserError(f"the folder '{path}' is not empty", remedy=_explain_replacing(switch))


def write_atomically(path: Path, writer: Callable[[Path], object]) -> Path:
    """Write a file under a temporary name in its folder, flush it to the disk and rename it.

    A process that is killed leaves the old file or the new one, never a part of one.

    Args:
        path: The file, which is replaced; its folder is made.
        writer: Function that writes the content to a path.

    Returns:
        The file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_atomically(Path(folder) / "new" / "x", lambda p: p.write_text("x")).name
        'x'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}{PARTIAL}")
    temporary.unlink(missing_ok=True)  # a kill may have left one
    try:
        # A writer may replace the file by one that only its owner can read: the mode is kept.
        temporary.touch()
        mode = temporary.stat().st_mode
        writer(temporary)
        temporary.chmod(mode)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _check_parents(path: Path) -> None:
    """Raise UserError if one of the folders that a path is in is a file."""
    above = next((parent for parent in path.parents if parent.exists()), None)
    if above is not None and not above.is_dir():
        raise UserError(f"'{above}' is a file", "a folder", remedy="choose another name")


def _explain_replacing(switch: str) -> str:
    return f"choose another name, or {f'pass {switch}' if switch else 'remove it'}"


def _list_words(words: Collection[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
