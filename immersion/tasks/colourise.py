"""Colouring: a grey picture in, its chroma out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, Normal

from immersion.check import UserError
from immersion.imaging.colour import lab_from_srgb, srgb_from_lab
from immersion.imaging.noise import sample_smooth_field
from immersion.tasks.base import TASKS, Pair, Task

CHROMA = 110.0
"""What a and b are divided by: about the largest that a screen shows."""

SHORTEST = 32
"""Pixels of the shorter side of what a network sees: where a cow is in a meadow can be told."""

AGREEING = SHORTEST
"""Pixels over which neighbours agree in a colouring that is drawn: were they fewer, the ground
would be red under one wheel and blue under the next."""

TEMPERATURE = 0.38
"""Of the answer among levels: between their mean, which is pale, and the likeliest one alone,
which is another in the next pixel (Zhang, Isola & Efros 2016, section 2.3, equation (5))."""


@TASKS.register("colourise")
@dataclass(frozen=True)
class Colourise(Task):
    """The lightness L of CIE Lab in, (a, b) out: L / 50 - 1 and (a, b) / 110, about -1 to 1.

    The picture that is made has the input's lightness, but where a screen cannot show the colour.
    Colours are told from the whole of a scene, and need not be sharp: a network is shown the
    picture with a shorter side of 32 pixels.

    Args:
        discretised: Whether the network gives a probability to each of 33 levels of a and of b,
            told from 0 to 1, rather than a mean and a scale: a shirt is red or blue, and not the
            grey between.

    Reference:
        Zhang, Isola & Efros 2016, Colorful image colorization, section 2,
        https://arxiv.org/abs/1603.08511

    Example:
        >>> x = torch.rand(2, 3, 16, 16)
        >>> pair = Colourise().pair(x, None)
        >>> pair.input.shape, pair.target.shape
        (torch.Size([2, 1, 16, 16]), torch.Size([2, 2, 16, 16]))
        >>> torch.allclose(Colourise().finish(*pair[:2]), x, atol=1e-4)
        True
    """

    discretised: bool = False

    title: ClassVar[str] = "Coloured"
    turns: ClassVar[Sequence[int]] = (0, 4)  # the sky is above
    judged: ClassVar[str] = "chroma"
    given: ClassVar[str] = (
        f"L / 50 - 1 of CIE Lab, D65, of a picture whose shorter side is {SHORTEST}"
    )
    shortest: ClassVar[int] = SHORTEST

    @property
    def said(self) -> str:
        """Return what the channels of an output are."""
        unit = (
            "(a / 110 + 1) / 2 and (b / 110 + 1) / 2"
            if self.discretised
            else "a / 110 and b / 110"
        )
        return f"{unit} of CIE Lab, D65"

    def channels(self, colours: int) -> tuple[int, int]:
        """Return (1, 2).

        Raises:
            UserError: The pictures are grey: there is no colour to learn.
        """
        if colours != 3:
            raise UserError(
                "colouring is learnt from colour pictures",
                "3 channels",
                colours,
                "train on colour pictures; grey ones are what the network is for",
            )
        return 1, 2

    def pair(self, x: Tensor, y: Tensor | None) -> Pair:
        """Return (lightness, chroma)."""
        lab = lab_from_srgb(x)
        return Pair(scaled_lightness(lab), self.said_of(lab[:, 1:]))

    def said_of(self, ab: Tensor) -> Tensor:
        """Return (a, b) as the network says them: -1 to 1, or 0 to 1 of levels."""
        return (ab / CHROMA + 1) / 2 if self.discretised else ab / CHROMA

    def ab_of(self, output: Tensor) -> Tensor:
        """Return (a, b) from what the network says."""
        return CHROMA * (2 * output - 1 if self.discretised else output)

    def prepare(
        self, picture: Tensor, strength: float | None = None, hole: Tensor | None = None
    ) -> Tensor:
        """Return the lightness of grey or colour pictures, (B, 1, H, W)."""
        return scaled_lightness(lab_from_srgb(picture.expand(-1, 3, -1, -1)))

    def base(self, given: Tensor) -> Tensor | None:
        """Return no chroma: the answer starts as grey. Logits of levels are added to nothing."""
        return None if self.discretised else self.grey(given)

    def grey(self, given: Tensor) -> Tensor:
        """Return no chroma, as the network would say it."""
        return self.said_of(torch.zeros_like(given).expand(-1, 2, -1, -1))

    def shown(self, given: Tensor) -> Tensor:
        """Return the grey picture."""
        return self.finish(given, self.grey(given))

    def answer(self, p: Distribution) -> Tensor:
        """Return the mean; of levels that of their probabilities sharpened, p^(1 / T)."""
        if not self.discretised:
            return p.mean
        return (sharpened(p.base_dist) * p.base_dist.level).sum(-1)

    @property
    def several(self) -> bool:
        """Return whether there are levels to draw from."""
        return self.discretised

    def drawn(self, p: Distribution) -> Tensor:
        """Return a colouring: each pixel's a and b at a quantile that its neighbours share.

        q = F^-1(Phi(z)), z a `sample_smooth_field`: every value has its distribution, sharpened
        as for the one answer, which is the mean of all colourings; and what lies together is drawn
        together (a Gaussian copula). Within a level F is linear.
        """
        if not self.discretised:
            return p.mean
        levels = p.base_dist
        z = sample_smooth_field(2, levels.logits.shape[-3:-1], AGREEING).to(levels.logits)
        return quantile(sharpened(levels), Normal(0.0, 1.0).cdf(z))

    def finish(self, given: Tensor, output: Tensor) -> Tensor:
        """Return the sRGB picture of a lightness and a chroma, (B, 3, H, W) in [0, 1]."""
        return srgb_from_lab(torch.cat([50 * (given + 1), self.ab_of(output)], dim=1))

    def doubt(self, given: Tensor, deviation: Tensor) -> Tensor:
        """Return the deviation of a and b as a share of the 100 steps from black to white."""
        return deviation * CHROMA / 100 * (2 if self.discretised else 1)

    def protocols(self) -> dict[str, Task]:
        """Return the task itself: there is nothing to set."""
        return {"lab": self}


def sharpened(levels: Distribution) -> Tensor:
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


def scaled_lightness(lab: Tensor) -> Tensor:
    """Return L / 50 - 1, (B, 1, H, W)."""
    return lab[:, :1] / 50 - 1
