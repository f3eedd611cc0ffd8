"""What a call of `immersion apply` comes to: a job for each picture, or why it cannot be."""

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
from immersion.inference.jobs import Existing, Job
from immersion.inference.own_noise import refuse_strength
from immersion.inference.settings import Answer, Files
from immersion.pretrained.resolve import Network
from immersion.report.comparison import KICKER

UNCERTAINTY = "-uncertainty.png"
"""What the name of an uncertainty map ends in."""

PAGE = "before-after.html"
"""The name of the page."""


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Args:
        ready: Jobs whose results are all there, and are left out.
        todo: The others.
        found: The pictures, and what was named or found beside them.
        page: Where the page goes; None where none is wanted.
    """

    ready: list[Job]
    todo: list[Job]
    found: Inputs
    page: Path | None


def planned(
    network: Network, inputs: tuple[Path, ...], out: Path, answer: Answer, files: Files
) -> Plan:
    """Return what is to be done; what cannot be is said before any work.

    Args:
        network: The usual one: of grey and of colour pictures it can and refuses the same.
        inputs: Files, folders and patterns.
        out: A folder, or a file where there is one input.
        answer: What is asked of the network.
        files: What is written.

    Raises:
        UserError: There are no inputs, the network cannot answer so, or a result has no place.
    """
    if not inputs:
        raise UserError("no picture was named", "files, folders or patterns", remedy="name some")
    found, task = find_pictures(list(inputs)), network.model.task
    if answer.draws:
        refuse_draws(network, is_picture_path(out))
        found = repeat_inputs(found, answer.draws)
    if answer.strength is not None:
        refuse_strength(task, answer.strength)
    again = files.existing != "refuse"
    usual = ".png" if task.of_classes and not is_picture_path(out) else None
    outputs = resolve_outputs(found, out, usual if files.ending is None else files.ending, again)
    if task.of_classes:
        refuse_blending(outputs)
    jobs = jobs_of(found, outputs, network if answer.uncertainty else None, again)
    page = page_in(out, files.existing) if files.page else None
    ready = {job for job in jobs if files.skip_existing and job.done}
    todo = [job for job in jobs if job not in ready]
    return Plan([job for job in jobs if job in ready], todo, found, page)


def jobs_of(
    meant: Inputs, outputs: list[Path], doubting: Network | None, again: bool
) -> list[Job]:
    """Return a job for each picture, with an uncertainty map where a network is to make them."""
    maps: list[Path | None] = [None] * len(outputs)
    if doubting is not None:
        maps = _maps(outputs)
        refuse_doubts(doubting, maps, {*outputs, *(found.path for found in meant.pictures)}, again)
    return [
        Job(found.path, output, mapped, found.sample)
        for found, output, mapped in zip(meant.pictures, outputs, maps, strict=True)
    ]


def _maps(outputs: list[Path]) -> list[Path]:
    """Return where maps go: a-uncertainty.png of a.png, a.png-uncertainty.png beside an a.jpg."""
    twins = Counter(output.with_suffix("") for output in outputs)
    names = [o.name if twins[o.with_suffix("")] > 1 else o.stem for o in outputs]
    return [o.with_name(name + UNCERTAINTY) for o, name in zip(outputs, names, strict=True)]


def page_in(out: Path, existing: Existing) -> Path:
    """Return where the page goes: into the folder of outputs.

    Raises:
        UserError: There is one already that is not to be replaced, or not one of ours.
    """
    page = (out.parent if is_picture_path(out) else out) / PAGE
    ours = page.is_file() and KICKER in page.read_text("utf-8", errors="replace")
    if page.exists() and not (existing == "replace" or (existing == "keep" and ours)):
        raise UserError(f"{page} exists already", remedy="pass --overwrite, or leave --page out")
    return page


def refuse_draws(network: Network, one_file: bool) -> None:
    """Refuse to draw answers where there is one, or to put them in one file.

    Raises:
        UserError: One of these.
    """
    if not network.model.several:
        raise UserError(
            "the network gives one answer",
            "one that was trained with --latent-dim or --discretised",
            remedy="leave --draws out",
        )
    if one_file:
        raise UserError(
            "--draws makes several pictures of one", "a folder", remedy="name one by -o"
        )


def refuse_blending(outputs: list[Path]) -> None:
    """Refuse JPEG for classes: it blends the colours that stand for them.

    Raises:
        UserError: A result would be a JPEG.
    """
    blended = next((path for path in outputs if path.suffix.lower() in (".jpg", ".jpeg")), None)
    if blended:
        raise UserError(f"JPEG would blend the classes in {blended}", remedy="pass --ending .png")


def refuse_doubts(network: Network, maps: list[Path], others: set[Path], again: bool) -> None:
    """Refuse uncertainty maps that cannot be, before any work is done.

    Args:
        network: What would say them.
        maps: Where they would go.
        others: The pictures that are read and those that are written: a map replaces none.
        again: Whether there may be maps of an earlier time.

    Raises:
        UserError: The network does not say how sure it is; or a map would have the name of a
            picture, or of a file that is there already.
    """
    if not network.model.doubts:
        raise UserError(
            "the network does not say how sure it is",
            "one whose answer is a mean and a scale, not classes or levels",
            remedy="leave --uncertainty out"
            + (", or see with --draws how much answers differ" if network.model.several else ""),
        )
    taken = {path.resolve() for path in others}
    pictured = next((path for path in maps if path.resolve() in taken), None)
    if pictured:
        raise UserError(f"the map {pictured} is a picture's name too", remedy="rename the picture")
    there = next((path for path in maps if path.exists()), None)
    if there and not again:
        raise UserError(f"{there} exists already", remedy="pass --overwrite, or name another -o")
