"""Which files a person means, and where each one's result goes."""

import glob
import os
from dataclasses import dataclass, replace
from pathlib import Path

from immersion.check import UserError
from immersion.image_io.write import SAVERS

ENDINGS = frozenset(SAVERS)
"""Endings of the files that are read and written."""


NOT_WRITTEN = frozenset({".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".jxl", ".pdf"})
"""Endings that mean a picture too: an output that has one is no folder."""


@dataclass(frozen=True)
class Found:
    """One picture to be read.

    Args:
        path: The file.
        name: What it is called below the output folder: its name, with the sub-folders between
            the folder or pattern that was given and the file.
        draw: Which of several results it is named for, 0, 1, ...; None where there is one.
    """

    path: Path
    name: Path
    draw: int | None = None


@dataclass(frozen=True)
class Inputs:
    """All pictures that were meant.

    Args:
        found: The pictures, in the order of the inputs and sorted within each; each file once.
        folders: The folders that were searched, so that no output is put into them.
        skipped: How many other or hidden files lay in the folders or met the patterns.
        others: Files that were named, as a shell names all that meet a pattern, and are no
            pictures by their endings.
    """

    found: tuple[Found, ...]
    folders: tuple[Path, ...]
    skipped: int
    others: tuple[Path, ...] = ()


def find(inputs: list[Path]) -> Inputs:
    """Return the pictures that files, folders and patterns mean.

    A folder is searched with all its sub-folders. What does not exist and holds one of `*?[` is a
    pattern that the shell left as it was; `**` is any number of folders.

    Raises:
        UserError: An input does not exist, no file that was named is a picture, or a folder or
            pattern holds none.
    """
    found: dict[Path, Found] = {}
    folders: list[Path] = []
    others_named: list[Path] = []
    skipped = 0
    for given in inputs:
        if given.is_file() and given.suffix.lower() not in ENDINGS:
            others_named.append(given)
            continue
        if given.is_file():
            root, paths = given.parent, [given]
        elif given.is_dir():
            root, (paths, others) = given, pictures_in(given)
            folders.append(given)
            skipped += others
        else:
            root, (paths, others) = pattern_root(given), matches(given)
            if "**" in given.parts:
                folders.append(root)
            skipped += others
        for path in paths:
            found.setdefault(path.resolve(), Found(path, path.relative_to(root)))
    if not found and others_named:
        raise no_picture(others_named[0])
    return Inputs(tuple(found.values()), tuple(folders), skipped, tuple(others_named))


def no_picture(path: Path) -> UserError:
    """Return what is said of a file whose ending is not a picture's."""
    known = ", ".join(sorted(ENDINGS))
    return UserError(f"{path} is not a picture", known, f"'{path.suffix}'", "leave it out")


def pictures_in(folder: Path) -> tuple[list[Path], int]:
    """Return the pictures below a folder, sorted, and how many other files there are."""
    files = [Path(root, name) for root, _, names in os.walk(folder) for name in names]
    return chosen(folder, files, folder)


def matches(pattern: Path) -> tuple[list[Path], int]:
    """Return the pictures that a pattern meets, sorted, and how many other files it meets."""
    if not glob.has_magic(str(pattern)):
        raise UserError(f"there is no file or folder {pattern}", remedy="check the path")
    met = [Path(name) for name in glob.glob(str(pattern), recursive=True)]
    return chosen(pattern, [path for path in met if path.is_file()], pattern_root(pattern))


def chosen(given: Path, files: list[Path], root: Path) -> tuple[list[Path], int]:
    """Return the pictures among files below `root`, sorted, and how many others there are."""
    pictures = sorted(
        path
        for path in files
        if path.suffix.lower() in ENDINGS
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    )
    if not pictures:
        known = ", ".join(sorted(ENDINGS))
        raise UserError(f"{given} holds no pictures", known, f"{len(files)} other files")
    return pictures, len(files) - len(pictures)


def pattern_root(pattern: Path) -> Path:
    """Return the folder above the first part of a pattern that holds a wildcard."""
    parts = pattern.parts
    fixed = next((k for k, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return Path(*parts[:fixed])


def repeated(inputs: Inputs, times: int) -> Inputs:
    """Return each picture several times, with results that are numbered from 1.

    Example:
        >>> a = Inputs((Found(Path("in/a.png"), Path("a.png")),), (), 0)
        >>> [str(found.name) for found in repeated(a, 2).found]
        ['a-1.png', 'a-2.png']
    """
    found = (
        replace(each, name=each.name.with_stem(f"{each.name.stem}-{draw + 1}"), draw=draw)
        for each in inputs.found
        for draw in range(times)
    )
    return replace(inputs, found=tuple(found))


def targets(
    inputs: Inputs, out: Path, ending: str | None = None, overwrite: bool = False
) -> list[Path]:
    """Return the file that each input's result is written to, in the order of `inputs.found`.

    Args:
        inputs: What `find` returned.
        out: A file, if its name ends as a picture's does and it is no folder; else a folder, below
            which names and sub-folders are those of the inputs.
        ending: The ending that all results get, such as ".png"; if left out, each input's own.
        overwrite: Whether files that exist are replaced. An input never is.

    Raises:
        UserError: A folder of outputs lies inside one of inputs, where it would be read the next
            time; several inputs have one target; or a target exists or is itself an input.
    """
    if ending is not None and ending.lower() not in ENDINGS:
        raise UserError("the ending is not a picture's", ", ".join(sorted(ENDINGS)), f"'{ending}'")
    single = is_file(out)
    if single and ending is not None and ending.lower() != out.suffix.lower():
        raise UserError(f"{out} does not end in {ending}", remedy="leave --ending out")
    if not out.is_dir() and out.suffix.lower() in NOT_WRITTEN:
        known = ", ".join(sorted(ENDINGS))
        raise UserError(f"the format of {out} is not written", known, f"'{out.suffix}'")
    if single and len(inputs.found) > 1:
        pictures = f"{len(inputs.found)} pictures"
        raise UserError(f"{out} is one file", "one picture", pictures, "name a folder")
    if not single and out.is_file():
        raise UserError(f"{out} is a file", "a folder or a picture's name", remedy="name another")
    refuse_inside(out, inputs.folders)
    if single:
        paths = [out]
    else:
        paths = [
            out / (picture.name if ending is None else picture.name.with_suffix(ending))
            for picture in inputs.found
        ]
    refuse_clashes(inputs, paths)
    refuse_existing(inputs, paths, overwrite)
    return paths


def is_file(out: Path) -> bool:
    """Return whether an output means one file, by its ending, rather than a folder."""
    return out.suffix.lower() in ENDINGS and not out.is_dir()


def refuse_inside(out: Path, folders: tuple[Path, ...]) -> None:
    """Raise if outputs would lie in a folder of inputs."""
    for folder in folders:
        if out.resolve().is_relative_to(folder.resolve()):
            raise UserError(
                f"the output {out} lies inside the input {folder}",
                "a place outside of it, since it would be read the next time",
                remedy="name another folder",
            )


def refuse_clashes(inputs: Inputs, paths: list[Path]) -> None:
    """Raise if two inputs have one target."""
    taken: dict[Path, Path] = {}
    for picture, path in zip(inputs.found, paths, strict=True):
        if path in taken:
            raise UserError(
                f"{taken[path]} and {picture.path} would both be written to {path}",
                remedy="give them one at a time, to folders of their own",
            )
        taken[path] = picture.path


def refuse_existing(inputs: Inputs, paths: list[Path], overwrite: bool) -> None:
    """Raise if a target is an input, or exists and is not to be replaced."""
    sources = {picture.path.resolve() for picture in inputs.found}
    existing = [path for path in paths if path.exists()]
    for path in existing:
        if path.resolve() in sources:
            raise UserError(f"{path} is itself an input", remedy="name another folder")
    if existing and not overwrite:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise UserError(
            f"{existing[0]}{more} exist already" if more else f"{existing[0]} exists already",
            remedy="name another folder, or pass --overwrite",
        )
