"""Which files a person means, and where each one's result goes."""

import glob
import os
from dataclasses import dataclass, replace
from pathlib import Path

from immersion.check import UserError
from immersion.image_io.writer import SAVERS

ENDINGS = frozenset(SAVERS)
"""Endings of the files that are read and written."""


NOT_WRITTEN = frozenset({".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".jxl", ".pdf"})
"""Endings that mean a picture too: an output that has one is no folder."""


@dataclass(frozen=True)
class InputPicture:
    """A picture to read.

    Args:
        path: The file.
        name: What it is called below the output folder: its name, with the sub-folders between
            the folder or pattern that was given and the file.
        sample: Index of the sample that the name is for, 0, 1, ...; None if there is one result.
    """

    path: Path
    name: Path
    sample: int | None = None


@dataclass(frozen=True)
class Inputs:
    """All pictures that were meant.

    Args:
        pictures: The pictures, in the order of the inputs and sorted within each; each file once.
        folders: The folders that were searched, so that no output is put into them.
        skipped: How many other or hidden files lay in the folders or met the patterns.
        not_pictures: Files that were named, as a shell names all that meet a pattern, and are no
            pictures by their endings.
    """

    pictures: tuple[InputPicture, ...]
    folders: tuple[Path, ...]
    skipped: int
    not_pictures: tuple[Path, ...] = ()


def find_pictures(inputs: list[Path]) -> Inputs:
    """Return the pictures that files, folders and patterns mean.

    A folder is searched with all its sub-folders. What does not exist and holds one of `*?[` is a
    pattern that the shell left as it was; `**` is any number of folders.

    Raises:
        UserError: An input does not exist, no file that was named is a picture, or a folder or
            pattern holds none.
    """
    found: dict[Path, InputPicture] = {}
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
            root, (paths, others) = given, list_pictures(given)
            folders.append(given)
            skipped += others
        else:
            root, (paths, others) = pattern_root(given), match_pattern(given)
            if "**" in given.parts:
                folders.append(root)
            skipped += others
        for path in paths:
            found.setdefault(path.resolve(), InputPicture(path, path.relative_to(root)))
    if not found and others_named:
        raise not_a_picture(others_named[0])
    return Inputs(tuple(found.values()), tuple(folders), skipped, tuple(others_named))


def not_a_picture(path: Path) -> UserError:
    """Return what is said of a file whose ending is not a picture's."""
    known = ", ".join(sorted(ENDINGS))
    return UserError(f"{path} is not a picture", known, f"'{path.suffix}'", "leave it out")


def list_pictures(folder: Path) -> tuple[list[Path], int]:
    """Return the pictures below a folder, sorted, and how many other files there are."""
    files = [Path(root, name) for root, _, names in os.walk(folder) for name in names]
    return select_pictures(folder, files, folder)


def match_pattern(pattern: Path) -> tuple[list[Path], int]:
    """Return the pictures that a pattern meets, sorted, and how many other files it meets."""
    if not glob.has_magic(str(pattern)):
        raise UserError(f"there is no file or folder {pattern}", remedy="check the path")
    met = [Path(name) for name in glob.glob(str(pattern), recursive=True)]
    return select_pictures(
        pattern, [path for path in met if path.is_file()], pattern_root(pattern)
    )


def select_pictures(given: Path, files: list[Path], root: Path) -> tuple[list[Path], int]:
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


def repeat_inputs(inputs: Inputs, times: int) -> Inputs:
    """Return each picture several times, with results that are numbered from 1.

    Example:
        >>> a = Inputs((InputPicture(Path("in/a.png"), Path("a.png")),), (), 0)
        >>> [str(found.name) for found in repeat_inputs(a, 2).pictures]
        ['a-1.png', 'a-2.png']
    """
    found = (
        replace(each, name=each.name.with_stem(f"{each.name.stem}-{sample + 1}"), sample=sample)
        for each in inputs.pictures
        for sample in range(times)
    )
    return replace(inputs, pictures=tuple(found))


def resolve_outputs(
    inputs: Inputs, out: Path, ending: str | None = None, overwrite: bool = False
) -> list[Path]:
    """Return the file that each input's result is written to, in the order of `inputs.pictures`.

    Args:
        inputs: What `find_pictures` returned.
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
    single = is_picture_path(out)
    if single and ending is not None and ending.lower() != out.suffix.lower():
        raise UserError(f"{out} does not end in {ending}", remedy="leave --ending out")
    if not out.is_dir() and out.suffix.lower() in NOT_WRITTEN:
        known = ", ".join(sorted(ENDINGS))
        raise UserError(f"the format of {out} is not written", known, f"'{out.suffix}'")
    if single and len(inputs.pictures) > 1:
        pictures = f"{len(inputs.pictures)} pictures"
        raise UserError(f"{out} is one file", "one picture", pictures, "name a folder")
    if not single and out.is_file():
        raise UserError(f"{out} is a file", "a folder or a picture's name", remedy="name another")
    check_not_inside(out, inputs.folders)
    if single:
        paths = [out]
    else:
        paths = [
            out / (picture.name if ending is None else picture.name.with_suffix(ending))
            for picture in inputs.pictures
        ]
    check_distinct(inputs, paths)
    check_not_existing(inputs, paths, overwrite)
    return paths


def is_picture_path(out: Path) -> bool:
    """Return whether an output means one file, by its ending, rather than a folder."""
    return out.suffix.lower() in ENDINGS and not out.is_dir()


def check_not_inside(out: Path, folders: tuple[Path, ...]) -> None:
    """Raise if outputs would lie in a folder of inputs."""
    for folder in folders:
        if out.resolve().is_relative_to(folder.resolve()):
            raise UserError(
                f"the output {out} lies inside the input {folder}",
                "a place outside of it, since it would be read the next time",
                remedy="name another folder",
            )


def check_distinct(inputs: Inputs, paths: list[Path]) -> None:
    """Raise if two inputs have one target."""
    taken: dict[Path, Path] = {}
    for picture, path in zip(inputs.pictures, paths, strict=True):
        if path in taken:
            raise UserError(
                f"{taken[path]} and {picture.path} would both be written to {path}",
                remedy="give them one at a time, to folders of their own",
            )
        taken[path] = picture.path


def check_not_existing(inputs: Inputs, paths: list[Path], overwrite: bool) -> None:
    """Raise if a target is an input, or exists and is not to be replaced."""
    sources = {picture.path.resolve() for picture in inputs.pictures}
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
