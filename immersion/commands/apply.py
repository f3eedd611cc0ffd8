"""`immersion apply NAME|RUN INPUT... --out OUT`: image to image on a person's own files."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch

from immersion.check import UserError, at_least
from immersion.commands.backends import BACKENDS
from immersion.commands.before_after import compared
from immersion.commands.networks import Network, opener
from immersion.commands.translate_picture import (
    Manner,
    opaque_where_empty,
    refuse_colours,
    translate,
    upright,
)
from immersion.engine import Options
from immersion.imaging.noise_level import noise_level
from immersion.pictures import (
    ENDINGS,
    Picture,
    check_target,
    find,
    no_picture,
    read,
    targets,
    write,
)
from immersion.report.beside import Compared, write_comparison
from immersion.tasks import Task
from immersion.tasks.denoise import Denoise
from immersion.tasks.noises import NOISES

UNCERTAINTY = "-uncertainty.png"
"""What the name of an uncertainty map ends in."""

ESTIMATED = 16
"""Side of the smallest picture whose noise is estimated."""

PAGE, SHOWN = "before-after.html", 20
"""The name of the page, and how many pictures it shows at most."""

Opened = Callable[[int], Network]
"""From a picture's channels to the network for it."""


@dataclass
class _Wishes:
    """Where the work is done, what is wanted beside outputs, and the page's pictures so far."""

    device: torch.device
    uncertainty: bool
    page: bool
    overwrite: bool
    strength: float | None
    pairs: list[Compared] = field(default_factory=list)


def apply(
    network: str,
    inputs: tuple[Path, ...],
    *,
    out: Path,
    uncertainty: bool = False,
    page: bool = False,
    ensemble: bool = False,
    strength: float | None = None,
    tile: int | None = None,
    ending: str | None = None,
    overwrite: bool = False,
    skip_existing: bool = False,
    precision: Literal["auto", "bfloat16", "float32"] = "auto",
    backend: Literal["torch", "openvino"] = "torch",
    device: Literal["auto", "cpu", "cuda"] = "auto",
) -> dict[str, Any]:
    """Put pictures through an image-to-image network: names, depth, alpha and profiles are kept.

    A file that cannot be read is named, and the rest go on.

    Args:
        network: A network that comes with the package (denoise, ...: the grey or the colour one,
            as each picture is), or the folder of a run, such as one of `immersion train denoise`.
        inputs: Files, folders and patterns.
        out: A folder, or a file where there is one input.
        uncertainty: Whether to write beside each picture how wide the 90 % interval of each of
            its pixels is.
        page: Whether to write before-after.html beside the outputs: one file that shows the
            middle of each of the first pictures before and after, with a slider.
        ensemble: Whether to take the mean over the eight ways of turning and mirroring a picture
            (of classes, over it and its mirror image): as many times as slow, and a little better.
        strength: Of the noise, in the unit of the training, for a network that is told it; by
            default sigma as it is estimated.
        tile: Side of the tiles that a picture is worked on in: smaller ones take less memory; by
            default what is quick for the network.
        ending: Of all outputs, such as .png; by default each input's own, or .png of classes.
        overwrite: Whether outputs that exist are replaced.
        skip_existing: Whether pictures whose outputs exist are left out: to go on where a long
            command was stopped.
        precision: auto (bfloat16 where the processor has it natively), bfloat16 or float32.
        backend: What does the network's work: torch, or openvino, which is quicker on a processor
            and which pip install 'immersion[openvino]' installs.
        device: auto (CUDA where there is one), cpu or cuda; OpenVINO works on the CPU.

    Returns:
        done: input, output and sizes of each; failed: input and reason of each.

    Raises:
        UserError: Nothing can be begun: a wrong network, input or output.
    """
    if tile is not None:
        at_least(16, tile=tile)
    if not inputs:
        raise UserError("no picture was named", "files, folders or patterns", remedy="name some")
    meant = find(list(inputs))
    opened = opener(network)
    usual = opened(1)
    if ending is None and usual.model.task.of_classes:
        ending = ".png"  # JPEG would blend the colours that stand for classes
    if overwrite and skip_existing:
        raise UserError("--overwrite and --skip-existing exclude each other", remedy="pass one")
    places = targets(meant, out, ending, overwrite or skip_existing)
    if strength is not None and not usual.model.task.told:
        raise UserError("the network is not told the noise", remedy="leave --strength out")
    if uncertainty:
        refuse_doubts(usual, places, overwrite or skip_existing)
    place = Options(device="cpu" if backend == "openvino" else device).resolve_device()
    chosen = Options(precision=precision).resolve_precision(place)
    manner = Manner(ensemble, tile, chosen, backend=BACKENDS[backend])
    manner.backend(usual.model, usual.colours)  # what is not installed is said now
    wishes = _Wishes(place, uncertainty, page, overwrite, strength)
    if page:
        sheet = _sheet(out, overwrite)
    done = []
    failed = [{"input": str(path), "reason": str(no_picture(path))} for path in meant.others]
    for found, place in zip(meant.found, places, strict=True):
        if skip_existing and place.exists():
            continue
        try:
            done.append(_one(opened, found.path, place, manner, wishes))
        except UserError as error:
            failed.append({"input": str(found.path), "reason": str(error)})
    result = {"network": network, "done": done, "failed": failed, "skipped": meant.skipped}
    if page and wishes.pairs:
        result["page"] = str(write_comparison(sheet, usual.model.task.title, wishes.pairs))
    return result


def _one(
    opened: Opened, source: Path, place: Path, manner: Manner, wishes: _Wishes
) -> dict[str, Any]:
    """Translate one file; what its output cannot hold is said before the work, not after."""
    picture = read(source)
    applied = opened(picture.channels)
    applied.model.to(wishes.device)
    refuse_colours(applied.colours, picture)
    check_target(_without_holes(picture, applied.model.task), place, wishes.overwrite)
    told: dict[str, Any] = {"input": str(source), "output": str(place)}
    if applied.model.task.noisy:
        sigma = noise_of(picture)
        told |= {} if sigma is None else {"noise": f"about sigma {sigma:.1f} of 255"}
        manner = replace(manner, strength=_strength(applied.model.task, wishes.strength, sigma))
    translated = translate(applied.model, applied.colours, picture, manner)
    write(translated.picture, place, wishes.overwrite)
    told["size"] = _size(translated.picture)
    if wishes.uncertainty:
        write(translated.uncertainty, doubt_of(place), wishes.overwrite)
        told["uncertainty"] = str(doubt_of(place))
    if wishes.page and len(wishes.pairs) < SHOWN:
        words = "; ".join([told["size"], *([told["noise"]] if "noise" in told else [])])
        wishes.pairs.append(
            compared(source.name, words, upright(picture), upright(translated.picture))
        )
    return told


def _without_holes(picture: Picture, task: Task) -> Picture:
    """Return a picture with the transparency that its result has."""
    if picture.alpha is None or not task.fills:
        return picture
    return replace(picture, alpha=opaque_where_empty(picture.alpha))


def _sheet(out: Path, overwrite: bool) -> Path:
    """Return where the page goes: into the folder of outputs.

    Raises:
        UserError: There is one already.
    """
    single = out.suffix.lower() in ENDINGS and not out.is_dir()
    sheet = (out.parent if single else out) / PAGE
    if sheet.exists() and not overwrite:
        raise UserError(f"{sheet} exists already", remedy="pass --overwrite, or leave --page out")
    return sheet


def noise_of(picture: Picture) -> float | None:
    """Return the standard deviation of the noise in levels of 255, that of the worst channel.

    It is an estimate; None of a picture that is too small for one.
    """
    if min(picture.height, picture.width) < ESTIMATED:
        return None
    top = 2**picture.depth - 1
    # A channel at a time: all at once, a large photograph would take a gigabyte as floats.
    return max(255 * noise_level(plane.float()[None] / top).item() for plane in picture.levels)


def _strength(task: Denoise, given: float | None, sigma: float | None) -> float | None:
    """Return what a network is told of the noise: as given, or sigma as estimated.

    Raises:
        UserError: The network wants to be told, and nothing is known.
    """
    if not task.told or given is not None:
        return given
    if task.noise != "gaussian" or sigma is None:
        unit = NOISES[task.noise].unit
        raise UserError("the network is told the noise's strength", f"--strength, {unit}")
    return sigma


def _size(picture: Picture) -> str:
    return f"{picture.width} x {picture.height}"


def doubt_of(place: Path) -> Path:
    """Return where the uncertainty map of an output goes: beside it."""
    return place.with_name(place.stem + UNCERTAINTY)


def refuse_doubts(applied: Network, places: list[Path], overwrite: bool) -> None:
    """Refuse uncertainty maps that cannot be, before any work is done.

    Raises:
        UserError: The network does not say how sure it is; or two maps would have one name, or
            one is there already.
    """
    if not applied.model.doubts:
        remedy = "leave --uncertainty out"
        raise UserError("the network does not say how sure it is", remedy=remedy)
    maps = [doubt_of(place) for place in places]
    twice = next((path for path in maps if maps.count(path) > 1), None)
    if twice:
        raise UserError(f"two pictures would have the map {twice}", remedy="give them one by one")
    there = next((path for path in maps if path.exists()), None)
    if there and not overwrite:
        raise UserError(f"{there} exists already", remedy="pass --overwrite, or name another -o")
