"""The noises that a denoiser can be trained on, each with one strength per picture."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from immersion.imaging.jpeg import simulate_jpeg
from immersion.imaging.noise import add_gaussian, add_poisson_gaussian, add_salt_and_pepper

LEVELS = 255
"""Grey levels from black to white: the unit of sigma."""

READING = 2 / LEVELS
"""Standard deviation of a sensor's readout noise, added to the photons' own."""


@dataclass(frozen=True)
class Noise:
    """A type of noise.

    Args:
        unit: Unit of a strength.
        usual: Smallest and largest strength in training.
        allowed: Smallest and largest valid strength.
        reported: Strengths that results are reported for.
        add: (x, (B, C, H, W) in [0, 1]; strength, (B,)) -> the noisy pictures.
    """

    unit: str
    usual: tuple[float, float]
    allowed: tuple[float, float]
    reported: tuple[float, ...]
    add: Callable[[Tensor, Tensor], Tensor]


NOISES = {
    "gaussian": Noise(
        "sigma",
        (0, 75),
        (0, 255),
        (15, 25, 50),
        lambda x, sigma: add_gaussian(x, sigma / LEVELS),
    ),
    "poisson-gaussian": Noise(
        "photons",
        (10, 500),
        (1, 1e6),
        (30, 100, 300),
        lambda x, photons: add_poisson_gaussian(x, photons, READING),
    ),
    "salt-and-pepper": Noise(
        "percent",
        (0, 60),
        (0, 100),
        (10, 30, 50),
        lambda x, percent: add_salt_and_pepper(x, percent / 100),
    ),
    "jpeg": Noise("quality", (5, 95), (5, 100), (10, 20, 30, 40), simulate_jpeg),
}
"""Gaussian: standard deviation in levels of 255, unclipped. Poisson-Gaussian: photons of a white
pixel, and readout noise of sigma 2. Salt and pepper: per cent of the pixels. JPEG:
libjpeg's quality."""
