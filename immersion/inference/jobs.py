"""One picture of `immersion apply`: read, predicted, written, reported."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from immersion.image_io import Picture, check_output, read, write
from immersion.image_io.transform import (
    fill_holes,
    format_size,
    is_grey,
    make_upright,
    to_one_channel,
    to_three_channels,
)
from immersion.image_io.writer import is_valid_profile
from immersion.inference.noise_strength import estimate_sigma, resolve_strength
from immersion.inference.predict import check_channels, predict_picture
from immersion.inference.settings import Existing, InferenceOptions
from immersion.pretrained.trained_model import ImageModel
from immersion.tasks import Presentation

if TYPE_CHECKING:
    from immersion.report.comparison import Comparison

SelectModel = Callable[[int], ImageModel]
"""From the channels of a picture to the model for it."""


@dataclass(frozen=True)
class Job:
    """A picture and its output files.

    Args:
        source: The picture.
        output: The file of the result.
        uncertainty: The file of its uncertainty map, or None.
        draw: Which of several answers is sampled; None for the point estimate.
    """

    source: Path
    output: Path
    uncertainty: Path | None
    draw: int | None = None

    @property
    def done(self) -> bool:
        """Return whether all its output files exist."""
        return self.output.exists() and (self.uncertainty is None or self.uncertainty.exists())


@dataclass(frozen=True, eq=False)
class JobResult:
    """The result of a job.

    Args:
        summary: input, output and more, as the command reports them.
        before: The picture.
        after: The result.
    """

    summary: dict[str, str]
    before: Picture
    after: Picture


def run_job(
    job: Job, select_model: SelectModel, options: InferenceOptions, existing: Existing
) -> JobResult:
    """Run a job; an output that cannot be written is reported before the computation.

    Args:
        job: The job.
        select_model: Selects the model by the picture's channels.
        options: Inference options; a missing strength is estimated if the network needs one.
        existing: Treatment of output files that exist.

    Raises:
        UserError: The picture cannot be read, does not fit the network or cannot be written.
    """
    picture = read(job.source)
    grey = is_grey(picture)
    trained = select_model(1 if grey else picture.channels)
    presentation = trained.model.presentation
    source = to_one_channel(picture) if grey and trained.channels == 1 else picture
    check_channels(trained.channels, source)
    check_output(_fill_transparency(picture, presentation), job.output, existing != "refuse")
    summary = {"input": str(job.source), "output": str(job.output)}
    if presentation.shows_noise:
        sigma = estimate_sigma(picture)
        summary |= {} if sigma is None else {"noise": f"about sigma {sigma:.1f} of 255"}
        strength = resolve_strength(presentation, options.strength, sigma)
        options = replace(options, strength=strength)
    options = replace(options, draw=job.draw)
    prediction = predict_picture(trained.model, trained.channels, source, options)
    result = prediction.picture if source is picture else to_three_channels(prediction.picture)
    summary["size"] = format_size(result)
    if picture.metadata.profile and not is_valid_profile(
        picture.metadata.profile, result.channels
    ):
        summary["profile"] = "not for these channels, and left out"
    if job.uncertainty is not None and prediction.uncertainty is not None:
        # First: a result that exists is complete.
        _write(prediction.uncertainty, job.uncertainty, existing)
        summary["uncertainty"] = str(job.uncertainty)
    _write(result, job.output, existing)
    return JobResult(summary, picture, result)


def compare_job(job: Job, result: JobResult) -> "Comparison":
    """Return the centres of a job's picture and of its result, for a page."""
    from immersion.inference.comparison import compare_centres  # only a page needs it

    words = [result.summary[key] for key in ("size", "noise", "profile") if key in result.summary]
    before, after = make_upright(result.before), make_upright(result.after)
    return compare_centres(job.output.name, "; ".join(words), before, after)


def read_result(job: Job) -> JobResult:
    """Return a job's result from the file that exists already."""
    before, after = read(job.source), read(job.output)
    return JobResult({"size": format_size(after)}, before, after)


def _write(picture: Picture, path: Path, existing: Existing) -> None:
    """Write a result, unless it exists and is kept."""
    if existing != "keep" or not path.exists():
        write(picture, path, existing == "replace")


def _fill_transparency(picture: Picture, presentation: Presentation) -> Picture:
    """Fill holes in a picture's alpha as its result will have them."""
    if picture.alpha is None or not presentation.fills_holes:
        return picture
    return replace(picture, alpha=fill_holes(picture.alpha))
