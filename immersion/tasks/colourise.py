"""Colourisation: from the lightness of a picture to its chroma."""

from dataclasses import dataclass
from typing import ClassVar, Protocol, cast

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from immersion.check import UserError
from immersion.imaging.colour import lab_from_srgb, srgb_from_lab
from immersion.imaging.noise import sample_smooth_field
from immersion.tasks.base import TASKS, Pair, Presentation, Task

CHROMA = 110.0
"""Divisor of a and b, about the largest value in sRGB."""

SHORTEST = 32
"""Shorter side in pixels of the network's input: enough to recognise a scene."""

LEVELS = 33
"""Levels of a and of b if they are discretised, the middle one grey: 7 units of CIE Lab each."""

CORRELATION = SHORTEST
"""Correlation length in pixels of a sampled colouring; with a shorter one the ground is red under
one wheel and blue under the next."""

TEMPERATURE = 0.38
"""Temperature of the point estimate of levels, between their mean, which is pale, and their mode,
which differs from pixel to pixel (Zhang, Isola & Efros 2016, section 2.3, equation (5))."""


class LevelDistribution(Protocol):
    """The distribution of a value over levels from 0 to 1."""

    logits: Tensor
    level: Tensor


def level_distribution(p: Distribution) -> LevelDistribution:
    """Return the distribution of each value of p(target | input), which are independent."""
    return cast(LevelDistribution, cast(Independent, p).base_dist)


@TASKS.register("colourise")
@dataclass(frozen=True)
class Colourise(Task):
    """Input L / 50 - 1 and target (a, b) / 110 of CIE Lab, about -1 to 1.

    The result has the lightness of the input, except where sRGB cannot show the colour. Colours
    depend on the whole scene and need not be sharp, so the network sees the picture with a shorter
    side of 32 pixels.

    Args:
        discretised: If True, the network gives a probability to each of 33 levels of a and of b,
            from 0 to 1, instead of a mean and a scale: a shirt is red or blue, and not the grey in
            between.

    Reference:
        Zhang, Isola & Efros 2016, Colorful image colorization, section 2,
        https://arxiv.org/abs/1603.08511

    Example:
        >>> x = torch.rand(2, 3, 16, 16)
        >>> pair = Colourise().pair(x, None)
        >>> pair.input.shape, pair.target.shape
        (torch.Size([2, 1, 16, 16]), torch.Size([2, 2, 16, 16]))
        >>> torch.allclose(Colourise().presentation.to_picture(*pair[:2]), x, atol=1e-4)
        True
    """

    discretised: bool = False

    metrics: ClassVar[str] = "chroma"

    @property
    def presentation(self) -> "ColourisePresentation":
        """Return the presentation of coloured pictures."""
        return ColourisePresentation(self.discretised)

    def channels(self, colours: int) -> tuple[int, int]:
        """Return (1, 2).

        Raises:
            UserError: The pictures are grey: there is no colour to learn.
        """
        if colours != 3:
            raise UserError(
                "colourisation is learned from colour pictures",
                "3 channels",
                colours,
                "train on colour pictures; the network is then applied to grey ones",
            )
        return 1, 2

    def pair(self, x: Tensor, y: Tensor | None) -> Pair:
        """Return (lightness, chroma)."""
        lab = lab_from_srgb(x)
        return Pair(scale_lightness(lab), self.presentation.scale_chroma(lab[:, 1:]))

    def protocols(self) -> dict[str, Task]:
        """Return the task itself, which has no settings."""
        return {"lab": self}


class ColourisePresentation(Presentation):
    """Lightness as input, chroma as output.

    Args:
        discretised: As in `Colourise`.
    """

    title = "Coloured"
    input_format = f"L / 50 - 1 of CIE Lab, D65, of a picture whose shorter side is {SHORTEST}"
    orientations = (0, 4)  # the sky is above
    shorter_side = SHORTEST

    def __init__(self, discretised: bool) -> None:
        self.levels = LEVELS if discretised else 0
        unit = "(a / 110 + 1) / 2 and (b / 110 + 1) / 2" if discretised else "a / 110 and b / 110"
        self.output_format = f"{unit} of CIE Lab, D65"

    def scale_chroma(self, ab: Tensor) -> Tensor:
        """Return (a, b) in the units of the output: -1 to 1, or 0 to 1 if it has levels."""
        return (ab / CHROMA + 1) / 2 if self.levels else ab / CHROMA

    def unscale_chroma(self, output: Tensor) -> Tensor:
        """Return (a, b) from an output."""
        return CHROMA * (2 * output - 1 if self.levels else output)

    def prepare(
        self, picture: Tensor, strength: float | None = None, hole: Tensor | None = None
    ) -> Tensor:
        """Return the lightness of grey or colour pictures, (B, 1, H, W)."""
        return scale_lightness(lab_from_srgb(picture.expand(-1, 3, -1, -1)))

    def baseline(self, inputs: Tensor) -> Tensor | None:
        """Return zero chroma, the initial answer; logits of levels have no baseline."""
        return None if self.levels else self.grey(inputs)

    def grey(self, inputs: Tensor) -> Tensor:
        """Return zero chroma in the units of the output."""
        return self.scale_chroma(torch.zeros_like(inputs).expand(-1, 2, -1, -1))

    def show_input(self, inputs: Tensor) -> Tensor:
        """Return the grey picture."""
        return self.to_picture(inputs, self.grey(inputs))

    def estimate(self, p: Distribution) -> Tensor:
        """Return the mean; for levels, the mean of their sharpened probabilities p^(1 / T)."""
        if not self.levels:
            return p.mean
        levels = level_distribution(p)
        return (sharpen(levels) * levels.level).sum(-1)

    def sample(self, p: Distribution) -> Tensor:
        """Return a colouring: a and b of each pixel at a quantile that varies smoothly.

        q = F^-1(Phi(z)) with z a `sample_smooth_field`: every value has its own sharpened
        distribution, whose mean is the point estimate, and neighbouring values are drawn together
        (a Gaussian copula). Within a level F is linear.
        """
        if not self.levels:
            return p.mean
        levels = level_distribution(p)
        height, width = levels.logits.shape[-3:-1]
        z = sample_smooth_field(2, (height, width), CORRELATION).to(levels.logits)
        return quantile(sharpen(levels), Normal(0.0, 1.0).cdf(z))

    def to_picture(self, inputs: Tensor, output: Tensor) -> Tensor:
        """Return the sRGB picture of a lightness and a chroma, (B, 3, H, W) in [0, 1]."""
        return srgb_from_lab(torch.cat([50 * (inputs + 1), self.unscale_chroma(output)], dim=1))

    def to_picture_uncertainty(self, inputs: Tensor, deviation: Tensor) -> Tensor:
        """Return the standard deviation of a and b over the 100 units from black to white."""
        return deviation * CHROMA / 100 * (2 if self.levels else 1)


def sharpen(levels: LevelDistribution) -> Tensor:
    """Return the probabilities of levels, from their `logits`, as p^(1 / T), (..., L)."""
    return (levels.logits / TEMPERATURE).softmax(-1)


def quantile(probabilities: Tensor, share: Tensor) -> Tensor:
    """Return where F reaches a share, for levels evenly from 0 to 1 whose bins touch.

    Args:
        probabilities: (..., L).
        share: From 0 to 1, of a shape that broadcasts to (...).

    Example:
        >>> probabilities = torch.tensor([0.25, 0.5, 0.25])
        >>> quantile(probabilities, torch.tensor(0.5)).item()
        0.5
    """
    reached = probabilities.cumsum(-1)
    share = share.expand(reached.shape[:-1]).unsqueeze(-1).contiguous()
    last = reached.shape[-1] - 1
    level = torch.searchsorted(reached, share).clamp(max=last)
    mass = probabilities.gather(-1, level).clamp(min=1e-12)
    within = 1 - (reached.gather(-1, level) - share) / mass
    return ((level + within.clamp(0, 1) - 0.5) / last).clamp(0, 1).squeeze(-1)


def scale_lightness(lab: Tensor) -> Tensor:
    """Return L / 50 - 1, (B, 1, H, W)."""
    return lab[:, :1] / 50 - 1
