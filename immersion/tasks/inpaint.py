"""Inpainting: a picture with holes in, what was in them out."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from immersion.tasks.base import TASKS, Pair, Task

HOLES = 4
"""Rectangles cut out of a picture, at most."""

LARGEST = 0.5
"""Side of a hole, at most, in units of the picture's."""


@TASKS.register("inpaint")
@dataclass(frozen=True)
class Inpaint(Task):
    """A picture without the pixels of some rectangles, and where they were; only they count.

    Each picture gets 1 to 4 rectangles anywhere, with sides drawn evenly up to half the picture's.
    A user's picture has its holes where it is transparent.

    Reference:
        Pathak et al. 2016, Context encoders, section 3.2, equation (1),
        https://arxiv.org/abs/1604.07379

    Example:
        >>> pair = Inpaint().pair(torch.rand(2, 3, 32, 32), None)
        >>> pair.input.shape, pair.weight.unique()
        (torch.Size([2, 4, 32, 32]), tensor([0., 1.]))
    """

    title: ClassVar[str] = "Holes filled"
    judged: ClassVar[str] = "holes"
    given: ClassVar[str] = (
        "levels in [0, 1] that are 0.5 in the holes, then a channel that is 1 in the holes"
    )
    fills: ClassVar[bool] = True

    @property
    def said(self) -> str:
        """Return what the channels of an output are."""
        return "levels, to be clipped to [0, 1]; they count in the holes"

    def channels(self, colours: int) -> tuple[int, int]:
        """Return the picture's channels and one that tells the holes, and the picture's."""
        return colours + 1, colours

    def pair(self, x: Tensor, y: Tensor | None) -> Pair:
        """Return (picture with holes and where they are, picture), weighted by the holes."""
        hole = holes(len(x), *x.shape[-2:], x.device)
        return Pair(emptied(x, hole), x, hole)

    def prepare(
        self, picture: Tensor, strength: float | None = None, hole: Tensor | None = None
    ) -> Tensor:
        """Return a picture without its holes, (B, 1, H, W), and where they are."""
        return emptied(picture, torch.zeros_like(picture[:, :1]) if hole is None else hole)

    def base(self, given: Tensor) -> Tensor:
        """Return the picture with its holes: the network adds what is missing."""
        return given[:, :-1]

    def composed(self, given: Tensor, output: Tensor) -> Tensor:
        """Return the picture with its holes filled, every other pixel as it was."""
        hole = given[:, -1:]
        return hole * output + (1 - hole) * given[:, :-1]

    def finish(self, given: Tensor, output: Tensor) -> Tensor:
        """Return the picture with its holes filled, in [0, 1]."""
        return self.composed(given, output).clamp(0, 1)

    def doubt(self, given: Tensor, deviation: Tensor) -> Tensor:
        """Return no doubt of the pixels that were there."""
        return given[:, -1:] * deviation

    def protocols(self) -> dict[str, Task]:
        """Return the task itself."""
        return {"holes": self}


def emptied(x: Tensor, hole: Tensor) -> Tensor:
    """Return pictures that are mid-grey in their holes, with the holes as one more channel."""
    return torch.cat([x * (1 - hole) + 0.5 * hole, hole], dim=1)


def holes(count: int, height: int, width: int, device: torch.device) -> Tensor:
    """Return 1 in the holes and 0 elsewhere, (count, 1, height, width)."""
    drawn = torch.rand(count, HOLES, 5, device=device)
    there = drawn[..., 4] <= torch.cat([drawn.new_ones(1), drawn.new_full((HOLES - 1,), 0.5)])
    rows = _inside(height, drawn[..., 0], drawn[..., 1])
    columns = _inside(width, drawn[..., 2], drawn[..., 3])
    cut = rows.unsqueeze(-1) & columns.unsqueeze(-2) & there[..., None, None]
    return cut.any(1, keepdim=True).float()


def _inside(length: int, size: Tensor, place: Tensor) -> Tensor:
    """Return which of `length` pixels lie in spans of drawn sizes and places, (..., length)."""
    span = 1 + (size * LARGEST * length).floor()
    start = (place * (length - span + 1)).floor()
    at = torch.arange(length, device=size.device)
    return (at >= start.unsqueeze(-1)) & (at < (start + span).unsqueeze(-1))
