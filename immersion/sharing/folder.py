"""Write the folder of a shared model: file, card, example and pictures, and nothing else."""

import os
import re
import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from immersion.check import UserError
from immersion.data.catalogue import is_set_name
from immersion.output_file import check_output_folder
from immersion.recipes.own import is_own
from immersion.report import labels
from immersion.runs.load import Run
from immersion.runs.public_record import describe_data, publish_record, shorten_paths
from immersion.runs.save import save
from immersion.sharing.card import Card
from immersion.sharing.example import MODEL, list_commands, write_example

CARD, EXAMPLE, PICTURES = "README.md", "example.py", "pictures"
"""Names in a shared folder."""

ENDINGS = (".png", ".svg")
"""Endings of shared pictures."""

GENERATED = ("samples", "manifold", "walks")
"""Figures that show what the model made, and no example of the data."""

LICENCE = re.compile(r"[a-z0-9][a-z0-9.-]*")


@dataclass(frozen=True)
class Shared:
    """A shared folder.

    Args:
        folder: The folder.
        files: The files in it that were written.
        left_out: Figures that show examples of your own data, which are not shared.
    """

    folder: Path
    files: tuple[Path, ...]
    left_out: tuple[str, ...]


def write_folder(
    run: Run,
    out: Path,
    *,
    licence: str = "",
    examples: bool = False,
    hub: str = "",
    overwrite: bool = False,
) -> Shared:
    """Write the folder of a shared model; it appears when it is complete.

    Args:
        run: The run.
        out: The folder.
        licence: Licence of the weights, in the hub's terms: mit, cc-by-4.0, ...
        examples: Whether to share the figures that show examples of data that have no name in the
            catalogue; those of named sets are shared.
        hub: The model's name on the hub, for the card's commands; empty if it has none.
        overwrite: If True, files of the same names in the folder are replaced, and pictures of an
            earlier share that are not shared now are removed; other files are kept.

    Raises:
        UserError: The folder is not empty, the licence is no identifier, or the model was built
            by code outside the package, without which nobody can load it.
    """
    _check(run, out, licence, overwrite)
    record = publish_record(run.record)
    pictures, left_out = _select_pictures(run, examples)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as name:
        partial = Path(name) / out.name
        partial.mkdir()
        save(run, partial / MODEL)
        (partial / EXAMPLE).write_text(write_example(run), "utf-8")
        shared = _copy_pictures(pictures, partial)
        card = Card(
            record=record,
            evaluation=shorten_paths(run.folder.evaluation()),
            data=describe_data(record),
            pictures=shared,
            licence=licence,
            commands=tuple(list_commands(run, hub or MODEL)),
            example=write_example(run),
        )
        (partial / CARD).write_text(card.write(), "utf-8")
        files = sorted(path.relative_to(partial) for path in partial.rglob("*") if path.is_file())
        _remove_pictures(out, {file.as_posix() for file in files})
        for file in files:
            (out / file).parent.mkdir(parents=True, exist_ok=True)
            os.replace(partial / file, out / file)
    return Shared(out, tuple(out / file for file in files), left_out)


def _check(run: Run, out: Path, licence: str, overwrite: bool) -> None:
    if not run.record.recipe or is_own(run.record.recipe):
        raise UserError(
            "the model was built by code outside the package, without which it cannot be loaded",
            "a model of a recipe of the package",
            run.record.model_name,
            "write its weights by im.save(run, path), and share them with that code",
        )
    if licence and not LICENCE.fullmatch(licence):
        raise UserError("that is no licence's identifier", "mit, cc-by-4.0, ...", repr(licence))
    check_output_folder(out, overwrite=overwrite, switch="--overwrite")


def list_picture_names() -> tuple[str, ...]:
    """Return the names in a shared folder of all pictures that a share may write."""
    return tuple(f"{PICTURES}/{name}{end}" for name in labels.CAPTIONS for end in ENDINGS)


def _remove_pictures(out: Path, kept: Collection[str]) -> None:
    """Remove pictures of an earlier share that are not shared now, which may show private data."""
    for name in list_picture_names():
        if name not in kept and (out / name).is_file():
            (out / name).unlink()
    if (out / PICTURES).is_dir() and not any((out / PICTURES).iterdir()):
        (out / PICTURES).rmdir()


def _select_pictures(run: Run, examples: bool) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Return the figures to share, by name, and the names of those that are left out."""
    if run.folder.read_only:
        return {}, ()
    found = {
        file.stem: file for file in run.folder.samples.glob("[!.]*") if file.suffix in ENDINGS
    }
    drawn = () if run.record.generative else ("samples", "table")  # an autoencoder has no samples
    known = [name for name in labels.CAPTIONS if name in found and name not in ("drawn", *drawn)]
    public = examples or is_set_name(run.record.data.source)
    shown = [name for name in known if public or name in GENERATED]
    return {name: found[name] for name in shown}, tuple(n for n in known if n not in shown)


def _copy_pictures(pictures: Mapping[str, Path], folder: Path) -> dict[str, str]:
    """Copy figures into a folder; return their paths in it by name."""
    if pictures:
        (folder / PICTURES).mkdir()
    for file in pictures.values():
        shutil.copyfile(file, folder / PICTURES / file.name)
    return {name: f"{PICTURES}/{file.name}" for name, file in pictures.items()}
