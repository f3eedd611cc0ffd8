"""Films: pictures one after another, as GIF, and as MP4 where an encoder is installed."""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from immersion.check import UserError, name_installation
from immersion.output_file import write_atomically

SECONDS = 8.0
"""Length of a film, if its pictures are not shown too briefly or too long for it."""

SHORTEST, LONGEST = 0.04, 0.5
"""Seconds that a picture is shown."""

LAST = 2.0
"""Seconds that the last picture is shown."""

ENCODER = "av"
"""The package that encodes MP4."""


def has_encoder() -> bool:
    """Return whether MP4 films can be written: whether the extra `film` is installed."""
    return find_spec(ENCODER) is not None


def choose_duration(count: int) -> float:
    """Return the seconds that each of `count` pictures is shown.

    Example:
        >>> choose_duration(4), choose_duration(100), choose_duration(1000)
        (0.5, 0.08, 0.04)
    """
    return min(LONGEST, max(SHORTEST, SECONDS / max(count, 1)))


def write_film(pictures: Iterable[Image.Image], path: Path, duration: float) -> None:
    """Write pictures of one size as a film, which a GIF repeats without end.

    Args:
        pictures: At least two pictures.
        path: A file that ends in .gif or .mp4, which is replaced.
        duration: Seconds that each picture is shown; the last one is shown two seconds.

    Raises:
        UserError: Another ending, fewer than two pictures, or no encoder for MP4.
    """
    writers: dict[str, Callable[[Sequence[Image.Image], Path, float], None]] = {
        ".gif": _write_gif,
        ".mp4": _write_mp4,
    }
    if path.suffix.lower() not in writers:
        raise UserError("films are written as GIF or MP4", ".gif or .mp4", path.name)
    several = list(pictures)
    if len(several) < 2:
        raise UserError("a film has several pictures", "2 or more", len(several))
    writer = writers[path.suffix.lower()]
    write_atomically(path, lambda partial: writer(several, partial, duration))


def _write_gif(pictures: Sequence[Image.Image], path: Path, duration: float) -> None:
    shown = [1000 * duration] * (len(pictures) - 1) + [1000 * max(duration, LAST)]
    first, *others = pictures
    first.save(path, "GIF", save_all=True, append_images=others, duration=shown, loop=0)


def _write_mp4(pictures: Sequence[Image.Image], path: Path, duration: float) -> None:
    """Write H.264 in 4:2:0, which every browser plays; sides are made even."""
    if not has_encoder():
        remedy = f"{name_installation('film')}, or write a .gif"
        raise UserError("there is no encoder for MP4", received=path.name, remedy=remedy)
    av: Any = import_module(ENCODER)
    rate = Fraction(1 / duration).limit_denominator(1000)
    held = max(1, round(LAST / duration))
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "18"})
        stream.width, stream.height = (side + side % 2 for side in pictures[0].size)
        stream.pix_fmt = "yuv420p"
        for picture in [*pictures, *[pictures[-1]] * (held - 1)]:
            frame = av.VideoFrame.from_ndarray(_pad(picture), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _pad(picture: Image.Image) -> np.ndarray:
    """Return the levels of a picture, (H, W, 3), with even sides: the last row is repeated."""
    levels = np.asarray(picture.convert("RGB"))
    return np.pad(levels, [(0, side % 2) for side in levels.shape[:2]] + [(0, 0)], mode="edge")
