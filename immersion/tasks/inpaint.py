"""Inpainting: from a picture with holes to the whole picture."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from immersion.tasks.base import TASKS, Pair, Presentation, Task

HOLES = 4
"""Largest number of rectangles cut out of a picture."""

LARGEST = 0.5
"""Largest side of a hole, in units of the picture's."""


@TASKS.register("inpaint")
@dataclass(frozen=True)
class Inpaint(Task):
    """Input is a picture with rectangular holes and their mask; the loss is over the holes.

    Each picture gets 1 to 4 rectangles anywhere, with sides drawn evenly up to half the picture's.
    In your own pictures, holes are the transparent pixels.

    Reference:
        Pathak et al. 2016, Context encoders, section 3.2, equation (1),
        https://arxiv.org/abs/1604.07379

    Example:
        >>> pair = Inpaint().pair(torch.rand(2, 3, 32, 32), None)
        >>> pair.input.shape, pair.weight.unique()
        (torch.Size([2, 4, 32, 32]), tensor([0., 1.]))
    """

    metrics: ClassVar[str] = "holes"

    @property
    def presentation(self) -> "InpaintPresentation":
        """Return the presentation of pictures with holes."""
        return InpaintPresentation()

    def channels(self, colours: int) -> tuple[int, int]:
        """Return (C + 1, C): the mask of the holes is one more input channel."""
        return colours + 1, colours

    def pair(self, x: Tensor, y: Tensor | None) -> Pair:
        """Return (picture with holes and their mask, picture), weighted by the holes."""
        hole = sample_holes(len(x), x.shape[-2], x.shape[-1], x.device)
        return Pair(mask_out(x, hole), x, hole)

    def protocols(self) -> dict[str, Task]:
        """Return the task itself."""
        return {"holes": self}


class InpaintPresentation(Presentation):
    """Levels with holes and their mask as input, levels as output."""

    title = "Holes filled"
    input_format = (
        "levels in [0, 1] that are 0.5 in the holes, then a channel that is 1 in the holes"
    )
    output_format = "levels, to be clipped to [0, 1]; they count in the holes"
    fills_holes = True

    def prepare(
        self, picture: Tensor, strength: float | None = None, hole: Tensor | None = None
    ) -> Tensor:
        """Return a picture without its holes and their mask, (B, C + 1, H, W)."""
        return mask_out(picture, torch.zeros_like(picture[:, :1]) if hole is None else hole)

    def baseline(self, inputs: Tensor) -> Tensor:
        """Return the picture with its holes: the network adds what is missing."""
        return inputs[:, :-1]

    def compose(self, inputs: Tensor, output: Tensor) -> Tensor:
        """Return the picture with its holes filled, every other pixel unchanged."""
        hole = inputs[:, -1:]
        return hole * output + (1 - hole) * inputs[:, :-1]

    def to_picture(self, inputs: Tensor, output: Tensor) -> Tensor:
        """Return the picture with its holes filled, in [0, 1]."""
        return self.compose(inputs, output).clamp(0, 1)

    def to_picture_uncertainty(self, inputs: Tensor, deviation: Tensor) -> Tensor:
        """Return the standard deviation in the holes, and 0 elsewhere."""
        return inputs[:, -1:] * deviation


def mask_out(x: Tensor, hole: Tensor) -> Tensor:
    """Return pictures that are mid-grey in their holes, with the holes as one more channel."""
    return torch.cat([x * (1 - hole) + 0.5 * hole, hole], dim=1)


def sample_holes(count: int, height: int, width: int, device: torch.device) -> Tensor:
    """Return 1 in the holes and 0 elsewhere, (count, 1, height, width)."""
    numbers = torch.rand(count, HOLES, 5, device=device)
    present = numbers[..., 4] <= torch.cat(
        [numbers.new_ones(1), numbers.new_full((HOLES - 1,), 0.5)]
    )
    rows = _mask_spans(height, numbers[..., 0], numbers[..., 1])
    columns = _mask_spans(width, numbers[..., 2], numbers[..., 3])
    cut = rows.unsqueeze(-1) & columns.unsqueeze(-2) & present[..., None, None]
    return cut.any(1, keepdim=True).float()


def _mask_spans(length: int, size: Tensor, place: Tensor) -> Tensor:
    """Return a mask of the pixels in spans, from sizes and places in [0, 1], (..., length)."""
    span = 1 + (size * LARGEST * length).floor()
    start = (place * (length - span + 1)).floor()
    at = torch.arange(length, device=size.device)
    return (at >= start.unsqueeze(-1)) & (at < (start + span).unsqueeze(-1))
