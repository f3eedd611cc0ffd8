"""One picture's way through a network: read, translated, written, told."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from immersion.image_io import Picture, check_output, read, write
from immersion.image_io.writer import is_valid_profile
from immersion.inference.before_after import compared
from immersion.inference.own_noise import noise_of, strength_for
from immersion.inference.translate import (
    Manner,
    opaque_where_empty,
    refuse_colours,
    translate,
    upright,
)
from immersion.pretrained.resolve import Network
from immersion.report.comparison import Comparison
from immersion.tasks import Task

Existing = Literal["refuse", "replace", "keep"]
"""What becomes of results that exist."""

Opened = Callable[[int], Network]
"""From a picture's channels to the network for it."""


@dataclass(frozen=True)
class Job:
    """A picture, and where its results go.

    Args:
        source: The picture.
        output: What is made of it.
        uncertainty: Its uncertainty map; None where none is wanted.
        draw: Which of several answers is made; None for the usual one.
    """

    source: Path
    output: Path
    uncertainty: Path | None
    draw: int | None = None

    @property
    def done(self) -> bool:
        """Return whether all its results are there."""
        return self.output.exists() and (self.uncertainty is None or self.uncertainty.exists())


@dataclass(frozen=True, eq=False)
class Made:
    """What was done to a picture.

    Args:
        told: input, output and more, as the command tells them.
        pair: The middles before and after, for a page.
    """

    told: dict[str, Any]
    pair: Comparison


def work_on(job: Job, opened: Opened, manner: Manner, existing: Existing) -> Made:
    """Do a job; what its output cannot hold is said before the work, not after.

    Args:
        job: The job.
        opened: The network.
        manner: How; a strength that is not given is estimated where the network is told it.
        existing: What becomes of results that exist.

    Raises:
        UserError: The picture cannot be read, does not suit the network or cannot be written.
    """
    picture = read(job.source)
    grey = in_grey(picture)
    network = opened(1 if grey else picture.channels)
    task = network.model.task
    given = one_channel(picture) if grey and network.colours == 1 else picture
    refuse_colours(network.colours, given)
    check_output(_without_holes(picture, task), job.output, existing != "refuse")
    told: dict[str, Any] = {"input": str(job.source), "output": str(job.output)}
    if task.noisy:
        sigma = noise_of(picture)
        told |= {} if sigma is None else {"noise": f"about sigma {sigma:.1f} of 255"}
        manner = replace(manner, strength=strength_for(task, manner.strength, sigma))
    manner = replace(manner, draw=job.draw)
    translated = translate(network.model, network.colours, given, manner)
    result = translated.picture if given is picture else three_channels(translated.picture)
    told["size"] = size_of(result)
    if picture.metadata.profile and not is_valid_profile(
        picture.metadata.profile, result.channels
    ):
        told["profile"] = "not for these channels, and left out"
    if job.uncertainty is not None:  # first: a picture that is there has all that it should have
        _put(translated.uncertainty, job.uncertainty, existing)
        told["uncertainty"] = str(job.uncertainty)
    _put(result, job.output, existing)
    words = "; ".join(told[key] for key in ("size", "noise", "profile") if key in told)
    return Made(told, _pair(job, words, picture, result))


def in_grey(picture: Picture) -> bool:
    """Return whether a picture of three channels has no colour in it, as many scans have."""
    red, *others = picture.levels
    return bool(others) and all(torch.equal(red, other) for other in others)


def one_channel(picture: Picture) -> Picture:
    """Return the first channel of a picture."""
    return replace(picture, levels=picture.levels[:1])


def three_channels(picture: Picture) -> Picture:
    """Return a grey picture in three equal channels."""
    return replace(picture, levels=picture.levels.expand(3, -1, -1))


def _put(picture: Picture, path: Path, existing: Existing) -> None:
    """Write a result, unless it is there and is kept."""
    if existing != "keep" or not path.exists():
        write(picture, path, existing == "replace")


def seen_again(job: Job) -> Comparison:
    """Return the middles of a picture and of a result that is there already, for a page."""
    before, after = read(job.source), read(job.output)
    return _pair(job, size_of(after), before, after)


def _pair(job: Job, words: str, before: Picture, after: Picture) -> Comparison:
    return compared(job.output.name, words, upright(before), upright(after))


def _without_holes(picture: Picture, task: Task) -> Picture:
    """Return a picture with the transparency that its result has."""
    if picture.alpha is None or not task.fills:
        return picture
    return replace(picture, alpha=opaque_where_empty(picture.alpha))


def size_of(picture: Picture) -> str:
    """Return a picture's width and height in words."""
    return f"{picture.width} x {picture.height}"
