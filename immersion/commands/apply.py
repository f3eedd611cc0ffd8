"""`immersion apply NAME|RUN INPUT... --out OUT`: image-to-image models on your own files."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from immersion.check import UserError
from immersion.image_io import not_a_picture
from immersion.inference.backends import open_backend
from immersion.inference.jobs import (
    Job,
    SelectModel,
    compare_job,
    read_result,
    run_job,
)
from immersion.inference.plan import Plan, plan_jobs
from immersion.inference.settings import (
    ComputeOptions,
    FileOptions,
    InferenceOptions,
    PredictionOptions,
)
from immersion.pretrained.resolve import resolve_model
from immersion.pretrained.trained_model import ImageModel
from immersion.progress import track

if TYPE_CHECKING:
    from immersion.report.comparison import Comparison

SHOWN = 20
"""Largest number of pictures on a page."""


def apply(
    network: str,
    inputs: tuple[Path, ...],
    *,
    out: Path,
    prediction: PredictionOptions = PredictionOptions(),
    files: FileOptions = FileOptions(),
    compute: ComputeOptions = ComputeOptions(),
) -> dict[str, Any]:
    """Apply an image-to-image model to your pictures; names, depth, alpha and profiles are kept.

    A file that cannot be read is reported, and the others are processed.

    Args:
        network: A bundled network (denoise, ...: the grey or the colour version, by each
            picture), the folder of a run, such as one of `immersion train denoise`, or a file of
            weights as their authors published them, such as DnCNN's sigma=25.mat.
        inputs: Files, folders and patterns.
        out: A folder, or a file for one input.
        prediction: Prediction options.
        files: Output options.
        compute: Computation options.

    Returns:
        done: input, output and sizes of each; failed: input and reason of each; there_already:
        number of skipped pictures; page: the file of the page.

    Raises:
        UserError: A wrong network, input or output; nothing has been written then.
    """
    select_model = resolve_model(network)
    default = select_model(1)
    plan = plan_jobs(default, inputs, out, prediction, files)
    options = InferenceOptions.combine(prediction, compute)
    # Report an unavailable backend now, not with the first picture.
    draw = 0 if prediction.draws else None
    open_backend(options.backend, default.model, default.channels, draw)
    on_device = _move(compute.resolve_device(), select_model)
    shown = _compare_existing(plan.ready) if plan.page else []
    done, failed = [], _list_other_files(plan)
    for job in track(plan.todo, len(plan.todo), "pictures"):
        try:
            result = run_job(job, on_device, options, files.existing)
        except UserError as error:
            failed.append({"input": format_path(job.source), "reason": str(error)})
        else:
            done.append(result.summary)
            if plan.page and len(shown) < SHOWN:
                shown.append(compare_job(job, result))
    report = {"network": network, "done": done, "failed": failed, "skipped": plan.found.skipped}
    if files.skip_existing:
        report["there_already"] = len(plan.ready)
    if plan.page and shown:
        report["page"] = str(_write_page(plan.page, default, shown))
    return report


def _list_other_files(plan: Plan) -> list[dict[str, str]]:
    """Return the files that are not pictures, as failures."""
    return [
        {"input": str(path), "reason": str(not_a_picture(path))}
        for path in plan.found.not_pictures
    ]


def _compare_existing(jobs: list[Job]) -> "list[Comparison]":
    """Return the results that exist already, for the page; unreadable ones are left out."""
    compared = []
    for job in jobs[:SHOWN]:
        with suppress(UserError):
            compared.append(compare_job(job, read_result(job)))
    return compared


def _write_page(page: Path, trained: ImageModel, shown: "list[Comparison]") -> Path:
    """Write the page of pictures before and after."""
    from immersion.report.comparison import write_comparison  # only a page needs it

    return write_comparison(page, trained.model.presentation.title, shown)


def _move(device: torch.device, select_model: SelectModel) -> SelectModel:
    """Return models on a device, in the memory layout that suits it."""

    def select(channels: int) -> ImageModel:
        trained = select_model(channels)
        # With channels last in the weights too, no layer rearranges its input first.
        trained.model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return trained

    return select


def format_path(path: Path) -> str:
    """Return a path as printable text, with escapes for bytes that are not UTF-8."""
    return str(path).encode("utf-8", "backslashreplace").decode()
