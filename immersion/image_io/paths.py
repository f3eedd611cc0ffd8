"""Find the pictures that the user names, and name the files of their results."""

import glob
import os
from dataclasses import dataclass, replace
from pathlib import Path

from immersion.check import UserError
from immersion.image_io.writer import SAVERS

ENDINGS = frozenset(SAVERS)
"""Endings of files that are read and written."""

NOT_WRITTEN = frozenset({".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".jxl", ".pdf"})
"""Endings of pictures that are not written: an output that has one is not a folder."""


@dataclass(frozen=True)
class InputPicture:
    """A picture to read.

    Args:
        path: The file.
        name: Path relative to the output folder: the file name, with the sub-folders between
            the given folder or pattern and the file.
        sample: Index of the sample that is written there, 0, 1, ...; None for a single result.
    """

    path: Path
    name: Path
    sample: int | None = None


@dataclass(frozen=True)
class Inputs:
    """All pictures that the user names.

    Args:
        pictures: The pictures, in the order of the inputs and sorted within each; each file once.
        folders: The folders that were searched, in which no output may be written.
        skipped: Number of other or hidden files in the folders or matching the patterns.
        not_pictures: Named files whose endings are not a picture's, as a shell names all files
            that match a pattern.
    """

    pictures: tuple[InputPicture, ...]
    folders: tuple[Path, ...]
    skipped: int
    not_pictures: tuple[Path, ...] = ()


def find_pictures(inputs: list[Path]) -> Inputs:
    """Return the pictures in files, folders and patterns.

    Folders are searched with all their sub-folders. An input that does not exist and contains one
    of `*?[` is a pattern that the shell has not expanded; `**` matches any number of folders.

    Raises:
        UserError: An input does not exist, no named file is a picture, or a folder or pattern
            has no pictures.
    """
    pictures: dict[Path, InputPicture] = {}
    folders: list[Path] = []
    not_pictures: list[Path] = []
    skipped = 0
    for given in inputs:
        if given.is_file() and given.suffix.lower() not in ENDINGS:
            not_pictures.append(given)
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
            pictures.setdefault(path.resolve(), InputPicture(path, path.relative_to(root)))
    if not pictures and not_pictures:
        raise not_a_picture(not_pictures[0])
    return Inputs(tuple(pictures.values()), tuple(folders), skipped, tuple(not_pictures))


def not_a_picture(path: Path) -> UserError:
    """Return the error for a file whose ending is not a picture's."""
    known = ", ".join(sorted(ENDINGS))
    return UserError(f"{path} is not a picture", known, f"'{path.suffix}'", "leave it out")


def list_pictures(folder: Path) -> tuple[list[Path], int]:
    """Return the pictures below a folder, sorted, and the number of other files."""
    files = [Path(root, name) for root, _, names in os.walk(folder) for name in names]
    return select_pictures(folder, files, folder)


def match_pattern(pattern: Path) -> tuple[list[Path], int]:
    """Return the pictures that match a pattern, sorted, and the number of other files."""
    if not glob.has_magic(str(pattern)):
        raise UserError(f"there is no file or folder {pattern}", remedy="check the path")
    paths = [Path(name) for name in glob.glob(str(pattern), recursive=True)]
    files = [path for path in paths if path.is_file()]
    return select_pictures(pattern, files, pattern_root(pattern))


def select_pictures(given: Path, files: list[Path], root: Path) -> tuple[list[Path], int]:
    """Return the pictures among files below `root`, sorted, and the number of others."""
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
    """Return the folder above the first part of a pattern that has a wildcard."""
    parts = pattern.parts
    fixed = next((k for k, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return Path(*parts[:fixed])


def repeat_inputs(inputs: Inputs, times: int) -> Inputs:
    """Return each picture several times, with names of results numbered from 1.

    Example:
        >>> a = Inputs((InputPicture(Path("in/a.png"), Path("a.png")),), (), 0)
        >>> [str(picture.name) for picture in repeat_inputs(a, 2).pictures]
        ['a-1.png', 'a-2.png']
    """
    pictures = (
        replace(each, name=each.name.with_stem(f"{each.name.stem}-{sample + 1}"), sample=sample)
        for each in inputs.pictures
        for sample in range(times)
    )
    return replace(inputs, pictures=tuple(pictures))


def resolve_outputs(
    inputs: Inputs, out: Path, ending: str | None = None, overwrite: bool = False
) -> list[Path]:
    """Return the output file of each input, in the order of `inputs.pictures`.

    Args:
        inputs: Result of `find_pictures`.
        out: A file, if its ending is a picture's and it is not a folder; else a folder, below
            which names and sub-folders are those of the inputs.
        ending: Ending of all results, such as ".png"; by default that of each input.
        overwrite: If True, existing files are replaced, but never an input.

    Raises:
        UserError: The output folder is inside an input folder, where it would be read the next
            time; several inputs have the same output; or an output exists or is an input.
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
    """Return whether an output is one file, by its ending, not a folder."""
    return out.suffix.lower() in ENDINGS and not out.is_dir()


def check_not_inside(out: Path, folders: tuple[Path, ...]) -> None:
    """Raise `UserError` if outputs would be in a folder of inputs."""
    for folder in folders:
        if out.resolve().is_relative_to(folder.resolve()):
            raise UserError(
                f"the output {out} is inside the input {folder}",
                "a folder outside of it, since it would be read the next time",
                remedy="name another folder",
            )


def check_distinct(inputs: Inputs, paths: list[Path]) -> None:
    """Raise `UserError` if two inputs have the same output."""
    taken: dict[Path, Path] = {}
    for picture, path in zip(inputs.pictures, paths, strict=True):
        if path in taken:
            raise UserError(
                f"{taken[path]} and {picture.path} would both be written to {path}",
                remedy="process them one at a time, with separate output folders",
            )
        taken[path] = picture.path


def check_not_existing(inputs: Inputs, paths: list[Path], overwrite: bool) -> None:
    """Raise `UserError` if an output is an input, or exists and is not to be replaced."""
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
