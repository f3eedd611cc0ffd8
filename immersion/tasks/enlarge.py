"""Super-resolution: from a shrunk picture to the original."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.imaging.bicubic import enlarge_by_convolution, resize
from immersion.tasks.base import TASKS, Pair, Presentation, Task

FACTORS = (2, 3, 4)


@TASKS.register("enlarge")
@dataclass(frozen=True)
class Enlarge(Task):
    """y is x shrunk by MATLAB's antialiased bicubic kernel and rounded to 256 levels.

    Args:
        factor: 2, 3 or 4.

    Raises:
        UserError: Another factor.

    Reference:
        Timofte, De Smet & Van Gool 2014, A+, section 4.1, the field's usual protocol,
        https://doi.org/10.1007/978-3-319-16817-3_8

    Example:
        >>> import torch
        >>> pair = Enlarge(3).pair(torch.rand(2, 3, 48, 50), None)
        >>> pair.input.shape, pair.target.shape
        (torch.Size([2, 3, 16, 16]), torch.Size([2, 3, 48, 48]))
    """

    metrics: ClassVar[str] = "luma"

    factor: int = 2

    def __post_init__(self) -> None:
        """Validate the factor: 2, 3 and 4 have published results."""
        if self.factor not in FACTORS:
            raise UserError("the factor does not fit", "--factor 2, 3 or 4", self.factor)

    @property
    def presentation(self) -> "EnlargePresentation":
        """Return the presentation of enlarged pictures."""
        return EnlargePresentation(self.factor)

    def channels(self, colours: int) -> tuple[int, int]:
        """Return (C, C)."""
        return colours, colours

    def pair(self, x: Tensor, y: Tensor | None) -> Pair:
        """Return (small, large), the sides of x cropped to a multiple of the factor."""
        height, width = (length // self.factor * self.factor for length in x.shape[-2:])
        large = x[..., :height, :width]
        small = resize(large, 1 / self.factor).clamp(0, 1).mul(255).round().div(255)
        return Pair(small, large)

    def protocols(self) -> dict[str, Task]:
        """Return the task itself, whose network has one factor."""
        return {f"x{self.factor}": self}


class EnlargePresentation(Presentation):
    """Small levels as input, large levels as output.

    Args:
        factor: s.
    """

    title = "Enlarged"

    def __init__(self, factor: int) -> None:
        self.scale = factor

    def baseline(self, inputs: Tensor) -> Tensor:
        """Return the bicubic enlargement."""
        # An exported graph is for pictures of every size.
        enlarge = enlarge_by_convolution if torch.compiler.is_exporting() else resize
        return enlarge(inputs, self.scale)
