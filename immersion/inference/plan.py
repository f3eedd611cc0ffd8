"""The jobs of a call of `immersion apply`, checked before any computation."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from immersion.check import UserError
from immersion.image_io import (
    Inputs,
    find_pictures,
    is_picture_path,
    repeat_inputs,
    resolve_outputs,
)
from immersion.inference.jobs import Job
from immersion.inference.noise_strength import check_strength
from immersion.inference.settings import Existing, FileOptions, PredictionOptions
from immersion.pretrained.trained_model import ImageModel

UNCERTAINTY = "-uncertainty.png"
"""Suffix of the name of an uncertainty map."""

PAGE = "before-after.html"
"""The name of the page."""


@dataclass(frozen=True)
class Plan:
    """The jobs of a call.

    Args:
        ready: Jobs whose output files all exist and which are skipped.
        todo: The others.
        found: The pictures, and other files that were named or found.
        page: The file of the page, or None.
    """

    ready: list[Job]
    todo: list[Job]
    found: Inputs
    page: Path | None


def plan_jobs(
    trained: ImageModel,
    inputs: tuple[Path, ...],
    out: Path,
    prediction: PredictionOptions,
    files: FileOptions,
) -> Plan:
    """Return the jobs of a call.

    Args:
        trained: The model for grey pictures; the one for colours has the same abilities.
        inputs: Files, folders and patterns.
        out: A folder, or a file for one input.
        prediction: Prediction options.
        files: Output options.

    Raises:
        UserError: There are no inputs, the network cannot answer so, or an output file cannot be
            written.
    """
    if not inputs:
        raise UserError("no picture was named", "files, folders or patterns", remedy="name some")
    found, presentation = find_pictures(list(inputs)), trained.model.presentation
    if prediction.draws:
        check_draws(trained, is_picture_path(out))
        found = repeat_inputs(found, prediction.draws)
    if prediction.strength is not None:
        check_strength(presentation, prediction.strength)
    again = files.existing != "refuse"
    usual = ".png" if presentation.classes and not is_picture_path(out) else None
    outputs = resolve_outputs(found, out, usual if files.ending is None else files.ending, again)
    if presentation.classes:
        check_lossless(outputs)
    jobs = list_jobs(found, outputs, trained if prediction.uncertainty else None, again)
    page = resolve_page(out, files.existing) if files.page else None
    ready = {job for job in jobs if files.skip_existing and job.done}
    todo = [job for job in jobs if job not in ready]
    return Plan([job for job in jobs if job in ready], todo, found, page)


def list_jobs(
    inputs: Inputs, outputs: list[Path], uncertain: ImageModel | None, again: bool
) -> list[Job]:
    """Return a job for each picture, with an uncertainty map if a model is to predict it."""
    maps: list[Path | None] = [None] * len(outputs)
    if uncertain is not None:
        paths = _name_maps(outputs)
        check_maps(uncertain, paths, {*outputs, *(found.path for found in inputs.pictures)}, again)
        maps = [*paths]
    return [
        Job(found.path, output, path, found.sample)
        for found, output, path in zip(inputs.pictures, outputs, maps, strict=True)
    ]


def _name_maps(outputs: list[Path]) -> list[Path]:
    """Return a-uncertainty.png for a.png, or a.png-uncertainty.png if there is an a.jpg too."""
    twins = Counter(output.with_suffix("") for output in outputs)
    names = [o.name if twins[o.with_suffix("")] > 1 else o.stem for o in outputs]
    return [o.with_name(name + UNCERTAINTY) for o, name in zip(outputs, names, strict=True)]


def resolve_page(out: Path, existing: Existing) -> Path:
    """Return the file of the page, in the folder of outputs.

    Raises:
        UserError: It exists and is not to be replaced, or was not written by this package.
    """
    from immersion.report.comparison import KICKER

    page = (out.parent if is_picture_path(out) else out) / PAGE
    ours = page.is_file() and KICKER in page.read_text("utf-8", errors="replace")
    if page.exists() and not (existing == "replace" or (existing == "keep" and ours)):
        raise UserError(f"{page} exists already", remedy="pass --overwrite, or leave --page out")
    return page


def check_draws(trained: ImageModel, one_file: bool) -> None:
    """Raise UserError if there is one answer to sample, or one file for all samples.

    Raises:
        UserError: One of these.
    """
    if not trained.model.multimodal:
        raise UserError(
            "the network gives one answer",
            "one that was trained with --latent-dim or --discretised",
            remedy="leave --draws out",
        )
    if one_file:
        raise UserError(
            "--draws makes several pictures of one", "a folder", remedy="name one by -o"
        )


def check_lossless(outputs: list[Path]) -> None:
    """Raise UserError if classes would be written as JPEG, which blends their colours.

    Raises:
        UserError: An output file is a JPEG.
    """
    blended = next((path for path in outputs if path.suffix.lower() in (".jpg", ".jpeg")), None)
    if blended:
        raise UserError(f"JPEG would blend the classes in {blended}", remedy="pass --ending .png")


def check_maps(trained: ImageModel, maps: list[Path], others: set[Path], again: bool) -> None:
    """Raise UserError if uncertainty maps cannot be predicted or written.

    Args:
        trained: The model.
        maps: The files of the maps.
        others: The files that are read and the other outputs: a map replaces none.
        again: If True, existing maps are allowed.

    Raises:
        UserError: The model has no uncertainty; or a map has the name of a picture, or of a file
            that exists.
    """
    if not trained.model.has_uncertainty:
        raise UserError(
            "the network does not predict its uncertainty",
            "one whose prediction is a mean and a scale, not classes or levels",
            remedy="leave --uncertainty out"
            + (", or compare samples by --draws" if trained.model.multimodal else ""),
        )
    taken = {path.resolve() for path in others}
    pictured = next((path for path in maps if path.resolve() in taken), None)
    if pictured:
        raise UserError(f"the map {pictured} is a picture's name too", remedy="rename the picture")
    there = next((path for path in maps if path.exists()), None)
    if there and not again:
        raise UserError(f"{there} exists already", remedy="pass --overwrite, or name another -o")
