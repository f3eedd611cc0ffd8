"""Segmentation: from a picture to the class of every pixel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.distributions import Distribution

from immersion.batch import VOID
from immersion.check import UserError
from immersion.spec import Spec
from immersion.tasks.base import TASKS, Pair, Presentation, Task


@TASKS.register("segment")
@dataclass(frozen=True)
class Segment(Task):
    """y = the class of every pixel, from 0 to K - 1; void pixels have weight 0.

    Args:
        classes: K.
        weights: Weight of a pixel of each class; empty if all weigh the same.

    Raises:
        UserError: There are fewer than two classes, or the weights are not K.

    Reference:
        Long, Shelhamer & Darrell 2015, section 3, https://arxiv.org/abs/1411.4038

    Example:
        >>> y = torch.tensor([[[0, 1], [-1, 1]]])
        >>> pair = Segment(2, weights=(0.5, 2.0)).pair(torch.rand(1, 3, 2, 2), y)
        >>> pair.target.shape, pair.weight.tolist()
        (torch.Size([1, 1, 2, 2]), [[[[0.5, 2.0], [0.0, 2.0]]]])
    """

    metrics: ClassVar[str] = "classes"

    classes: int = 2
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Validate the number of classes and of weights."""
        object.__setattr__(self, "weights", tuple(self.weights))  # JSON makes lists of tuples
        if self.classes < 2:
            raise UserError("there are too few classes", "at least 2", self.classes)
        if self.weights and len(self.weights) != self.classes:
            raise UserError("weights do not fit", f"{self.classes} of them", len(self.weights))

    @classmethod
    def from_arguments(cls, spec: Spec, arguments: Mapping[str, Any]) -> Self:
        """Return the task for the classes of the data, balanced if the recipe call asks for it."""
        balanced = arguments.get("balance") == "median" and spec.frequencies
        return cls(len(spec.classes), balance_classes(spec.frequencies) if balanced else ())

    @property
    def presentation(self) -> "SegmentPresentation":
        """Return the presentation of classes."""
        return SegmentPresentation(self.classes)

    def channels(self, colours: int) -> tuple[int, int]:
        """Return (C, 1): a target is the number of a class."""
        return colours, 1

    def pair(self, x: Tensor, y: Tensor | None) -> Pair:
        """Return (picture, classes), and the weight of every pixel.

        Raises:
            UserError: There are no masks.
        """
        if y is None:
            raise UserError("segmentation learns from masks", "pictures with masks", "none")
        target = y.unsqueeze(1)
        if not self.weights:
            return Pair(x, target, (target != VOID).to(x.dtype))
        # No table of weights on the device: a step that is captured may not copy one there.
        weight = torch.zeros_like(target, dtype=x.dtype)
        for number, w in enumerate(self.weights):
            weight = weight + w * (target == number)
        return Pair(x, target, weight)

    def protocols(self) -> dict[str, Task]:
        """Return the one decision rule: the most likely class, for any weights."""
        return {"argmax": self}


class SegmentPresentation(Presentation):
    """Levels as input, classes as output.

    Args:
        classes: K.
    """

    title = "Segmentation"
    output_format = "the probability of each class"
    orientations = (0, 4)  # a street has an above and a below

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def baseline(self, inputs: Tensor) -> None:
        """Return None: logits have no baseline."""

    def estimate(self, p: Distribution) -> Tensor:
        """Return the most likely class of every pixel, (B, 1, H, W)."""
        return p.mode

    def to_picture(self, inputs: Tensor, output: Tensor) -> Tensor:
        """Return classes as an image: two in black and white with void grey, more in colours.

        Args:
            inputs: Unused.
            output: (B, 1, H, W), class numbers or void.

        Returns:
            (B, 1, H, W) for two classes, otherwise (B, 3, H, W).
        """
        numbers = output.long()
        if self.classes == 2:
            return torch.where(numbers == VOID, 0.5, numbers.float())
        colours = make_palette(self.classes).to(output.device)
        return colours[numbers.squeeze(1)].permute(0, 3, 1, 2)  # void is -1: the last colour


def balance_classes(frequencies: Sequence[float]) -> tuple[float, ...]:
    """Return weights of classes by median-frequency balancing: median f / f_c.

    f_c is the number of pixels of class c over the number of all pixels in the pictures that have
    the class; a class without pixels weighs 1.

    Reference:
        Eigen & Fergus 2015, section 6.3.2, https://arxiv.org/abs/1411.4734

    Example:
        >>> balance_classes((0.5, 0.25, 0.125, 0.0))
        (0.5, 1.0, 2.0, 1.0)
    """
    middle = median([f for f in frequencies if f] or [1.0])
    return tuple(middle / f if f else 1.0 for f in frequencies)


def make_palette(classes: int) -> Tensor:
    """Return the colour of each class and of void, (K + 1, 3) in [0, 1].

    The bits of a class's number, three at a time, are the highest bits of red, green and blue;
    void is number 255.

    Reference:
        Everingham et al. 2010, The Pascal Visual Object Classes challenge, its colour map,
        https://doi.org/10.1007/s11263-009-0275-4

    Example:
        >>> (make_palette(3) * 255).tolist()
        [[0.0, 0.0, 0.0], [128.0, 0.0, 0.0], [0.0, 128.0, 0.0], [224.0, 224.0, 192.0]]
    """
    number = torch.tensor([*range(classes), 255])
    colours = torch.zeros(classes + 1, 3, dtype=torch.int64)
    for triple in range(3):
        for channel in range(3):
            colours[:, channel] |= (number >> (3 * triple + channel) & 1) << (7 - triple)
    return colours / 255
