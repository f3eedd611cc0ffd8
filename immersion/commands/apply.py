"""`immersion apply NAME|RUN INPUT... --out OUT`: image to image on a person's own files."""

from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import torch

from immersion.applying.backends import BACKENDS
from immersion.applying.job import Existing, Job, Opened, seen_again, work_on
from immersion.applying.own_noise import refuse_strength
from immersion.applying.plan import jobs_of, refuse_blending, refuse_draws
from immersion.applying.translate import Manner
from immersion.check import UserError, at_least
from immersion.engine import Options
from immersion.networks import Network, opener
from immersion.pictures import find, is_file, no_picture, repeated, targets
from immersion.progress import counted
from immersion.report.beside import KICKER, Compared, write_comparison

PAGE, SHOWN = "before-after.html", 20
"""The name of the page, and how many pictures it shows at most."""


def apply(
    network: str,
    inputs: tuple[Path, ...],
    *,
    out: Path,
    uncertainty: bool = False,
    page: bool = False,
    ensemble: bool = False,
    draws: int = 0,
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
            as each picture is), the folder of a run, such as one of `immersion train denoise`, or
            a file of weights as their authors published them, such as DnCNN's sigma=25.mat.
        inputs: Files, folders and patterns.
        out: A folder, or a file where there is one input.
        uncertainty: Whether to write beside each picture half the width of the 90 % interval of
            each of its pixels: 16-bit grey levels, of which 65,535 are the whole range. Not of
            classes, nor of the colouriser that comes with the package.
        page: Whether to write before-after.html beside the outputs: one file that shows the
            middle of each of the first pictures before and after, with a slider.
        ensemble: Whether to take the mean over the eight ways of turning and mirroring a picture
            (of classes, over it and its mirror image): as many times as slow, and a little better.
        draws: How many of several plausible answers are drawn in place of the usual one: of
            picture.png they are picture-1.png, picture-2.png, ... in the folder of outputs.
        strength: Of the noise, in the unit of the training, for a network that is told it; by
            default sigma as it is estimated.
        tile: Side of the tiles that a picture is worked on in: smaller ones take less memory; by
            default what is quick for the network.
        ending: Of all outputs, such as .png; by default each input's own, or .png of classes.
        overwrite: Whether outputs that exist are replaced.
        skip_existing: Whether pictures whose results are all there are left out: to go on where a
            long command was stopped.
        precision: auto (bfloat16 where the processor has it natively), bfloat16 or float32.
        backend: What does the network's work: torch, or openvino, which takes some seconds to
            begin and is then quicker on a processor (pip install 'immersion[openvino]').
        device: auto (CUDA where there is one), cpu or cuda; OpenVINO works on the CPU.

    Returns:
        done: input, output and sizes of each; failed: input and reason of each; there_already:
        how many were left out.

    Raises:
        UserError: Nothing can be begun: a wrong network, input or output.
    """
    if tile is not None:
        at_least(16, tile=tile)
    if not inputs:
        raise UserError("no picture was named", "files, folders or patterns", remedy="name some")
    if overwrite and skip_existing:
        raise UserError("--overwrite and --skip-existing exclude each other", remedy="pass one")
    at_least(0, draws=draws)
    meant, opened = find(list(inputs)), opener(network)
    usual = opened(1)
    if draws:
        refuse_draws(usual, ensemble, is_file(out))
        meant = repeated(meant, draws)
    if strength is not None:
        refuse_strength(usual.model.task, strength)
    if ending is None and usual.model.task.of_classes and not is_file(out):
        ending = ".png"
    existing = "replace" if overwrite else "keep" if skip_existing else "refuse"
    outputs = targets(meant, out, ending, existing != "refuse")
    if usual.model.task.of_classes:
        refuse_blending(outputs)
    jobs = jobs_of(meant, outputs, usual if uncertainty else None, existing != "refuse")
    sheet = _sheet(out, existing) if page else None
    where = Options(device="cpu" if backend == "openvino" else device).resolve_device()
    chosen = Options(precision=precision).resolve_precision(where)
    manner = Manner(ensemble, tile, chosen, strength, BACKENDS[backend])
    manner.backend(usual.model, usual.colours, 0 if draws else None)  # what cannot be is said now

    ready = {job for job in jobs if skip_existing and job.done}
    pairs = _pairs_of_old([job for job in jobs if job in ready]) if page else []
    todo = [job for job in jobs if job not in ready]
    done = []
    failed = [{"input": str(path), "reason": str(no_picture(path))} for path in meant.others]
    for job in counted(todo, len(todo), "pictures"):
        try:
            made = work_on(job, _on(where, opened), manner, existing)
        except UserError as error:
            failed.append({"input": printable(job.source), "reason": str(error)})
        else:
            done.append(made.told)
            pairs += [made.pair] if page and len(pairs) < SHOWN else []
    result = {"network": network, "done": done, "failed": failed, "skipped": meant.skipped}
    return (
        result
        | ({"there_already": len(ready)} if skip_existing else {})
        | _paged(sheet, usual, pairs)
    )


def _pairs_of_old(jobs: list[Job]) -> list[Compared]:
    """Return what a page shows of results that are there; what cannot be read is not shown."""
    pairs = []
    for job in jobs[:SHOWN]:
        with suppress(UserError):
            pairs.append(seen_again(job))
    return pairs


def _on(device: torch.device, opened: Opened) -> Opened:
    """Return networks that are on a device, laid out as suits it."""

    def moved(channels: int) -> Network:
        network = opened(channels)
        # With channels side by side in the weights too, no layer turns its input round first.
        network.model.to(device, memory_format=torch.channels_last)
        return network

    return moved


def printable(path: Path) -> str:
    """Return a path as text that can be printed, whatever bytes are in it."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def _sheet(out: Path, existing: Existing) -> Path:
    """Return where the page goes: into the folder of outputs.

    Raises:
        UserError: There is one already that is not to be replaced, or not one of ours.
    """
    sheet = (out.parent if is_file(out) else out) / PAGE
    ours = sheet.is_file() and KICKER in sheet.read_text("utf-8", errors="replace")
    if sheet.exists() and not (existing == "replace" or (existing == "keep" and ours)):
        raise UserError(f"{sheet} exists already", remedy="pass --overwrite, or leave --page out")
    return sheet


def _paged(sheet: Path | None, network: Network, pairs: list[Compared]) -> dict[str, str]:
    """Write the page, if one is wanted and there is something to show; return where it lies."""
    if sheet is None or not pairs:
        return {}
    return {"page": str(write_comparison(sheet, network.model.task.title, pairs))}
