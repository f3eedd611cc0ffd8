"""`immersion apply NAME|RUN INPUT... --out OUT`: image to image on a person's own files."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from immersion.check import UserError
from immersion.image_io import not_a_picture
from immersion.inference.jobs import Job, Opened, seen_again, work_on
from immersion.inference.plan import planned
from immersion.inference.settings import Answer, Compute, Files
from immersion.pretrained.resolve import Network, opener
from immersion.progress import track
from immersion.report.comparison import Comparison, write_comparison

SHOWN = 20
"""How many pictures a page shows at most."""


def apply(
    network: str,
    inputs: tuple[Path, ...],
    *,
    out: Path,
    answer: Answer = Answer(),
    files: Files = Files(),
    compute: Compute = Compute(),
) -> dict[str, Any]:
    """Put pictures through an image-to-image network: names, depth, alpha and profiles are kept.

    A file that cannot be read is named, and the rest go on.

    Args:
        network: A network that comes with the package (denoise, ...: the grey or the colour one,
            as each picture is), the folder of a run, such as one of `immersion train denoise`, or
            a file of weights as their authors published them, such as DnCNN's sigma=25.mat.
        inputs: Files, folders and patterns.
        out: A folder, or a file where there is one input.
        answer: What is asked of the network.
        files: What is written.
        compute: What does the work, and how.

    Returns:
        done: input, output and sizes of each; failed: input and reason of each; there_already:
        how many were left out; page: where the page is.

    Raises:
        UserError: Nothing can be begun: a wrong network, input or output.
    """
    opened = opener(network)
    usual = opened(1)
    plan = planned(usual, inputs, out, answer, files)
    manner = compute.manner(answer)
    # What cannot be is said now, not with the first picture.
    manner.backend(usual.model, usual.colours, 0 if answer.draws else None)
    networks = _on(compute.place(), opened)
    pairs = _pairs_of_old(plan.ready) if plan.page else []
    done = []
    failed = [
        {"input": str(path), "reason": str(not_a_picture(path))}
        for path in plan.found.not_pictures
    ]
    for job in track(plan.todo, len(plan.todo), "pictures"):
        try:
            made = work_on(job, networks, manner, files.existing)
        except UserError as error:
            failed.append({"input": printable(job.source), "reason": str(error)})
        else:
            done.append(made.told)
            pairs += [made.pair] if plan.page and len(pairs) < SHOWN else []
    result = {"network": network, "done": done, "failed": failed, "skipped": plan.found.skipped}
    if files.skip_existing:
        result["there_already"] = len(plan.ready)
    if plan.page and pairs:
        result["page"] = str(write_comparison(plan.page, usual.model.task.title, pairs))
    return result


def _pairs_of_old(jobs: list[Job]) -> list[Comparison]:
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
