"""The noise level of a picture, and the strength that a network takes as input."""

from immersion.check import UserError
from immersion.image_io import Picture
from immersion.imaging.noise_estimation import estimate_noise
from immersion.tasks import Presentation
from immersion.tasks.noises import NOISES

MIN_SIDE = 16
"""Smallest side of a picture whose noise is estimated."""


def estimate_sigma(picture: Picture) -> float | None:
    """Return the standard deviation of the noise in levels of 255, of the noisiest channel.

    None if the picture is too small for an estimate.
    """
    if min(picture.height, picture.width) < MIN_SIDE:
        return None
    top = 2**picture.depth - 1
    # A channel at a time: a large photograph would take a gigabyte as floats.
    return max(255 * estimate_noise(plane.float()[None] / top).item() for plane in picture.levels)


def resolve_strength(
    presentation: Presentation, strength: float | None, sigma: float | None
) -> float | None:
    """Return the strength for the level map: the user's, or the estimated sigma.

    Raises:
        UserError: The network has a level map, and the strength is unknown.
    """
    noise = presentation.level_map
    if noise is None or strength is not None:
        return strength
    if noise is not NOISES["gaussian"] or sigma is None:
        raise UserError("the network needs the noise level", f"--strength, {noise.unit}")
    return sigma


def check_strength(presentation: Presentation, strength: float) -> None:
    """Raise UserError if a strength is not used or out of range.

    Raises:
        UserError: The network has no level map, or the strength is out of its noise's range.
    """
    noise = presentation.level_map
    if noise is None:
        raise UserError("the network does not take the noise level", remedy="leave --strength out")
    least, most = noise.allowed
    if not least <= strength <= most:
        raise UserError(
            "the strength of the noise is out of range",
            f"--strength from {least:g} to {most:g}, {noise.unit}",
            f"{strength:g}",
        )
