"""How much noise a person's picture has, and what a network is told of it."""

from immersion.check import UserError
from immersion.image_io import Picture
from immersion.imaging.noise_estimation import estimate_noise
from immersion.tasks import Task
from immersion.tasks.noises import NOISES

ESTIMATED = 16
"""Side of the smallest picture whose noise is estimated."""


def noise_of(picture: Picture) -> float | None:
    """Return the standard deviation of the noise in levels of 255, that of the worst channel.

    It is an estimate; None of a picture that is too small for one.
    """
    if min(picture.height, picture.width) < ESTIMATED:
        return None
    top = 2**picture.depth - 1
    # A channel at a time: all at once, a large photograph would take a gigabyte as floats.
    return max(255 * estimate_noise(plane.float()[None] / top).item() for plane in picture.levels)


def strength_for(task: Task, given: float | None, sigma: float | None) -> float | None:
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


def refuse_strength(task: Task, strength: float) -> None:
    """Refuse a strength that nobody is told, or that means nothing.

    Raises:
        UserError: The network is blind, or the strength is out of its noise's range.
    """
    if not task.told:
        raise UserError("the network is not told the noise", remedy="leave --strength out")
    noise = NOISES[task.noise]
    least, most = noise.allowed
    if not least <= strength <= most:
        raise UserError(
            f"the strength of {task.noise} noise does not fit",
            f"--strength from {least:g} to {most:g}, {noise.unit}",
            f"{strength:g}",
        )
