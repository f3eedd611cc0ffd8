"""Segmentation: a picture in, the class of every pixel out."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution

from immersion.batch import VOID
from immersion.check import UserError
from immersion.tasks.base import TASKS, Pair, Task


@TASKS.register("segment")
@dataclass(frozen=True)
class Segment(Task):
    """y = the class of every pixel, from 0 to K - 1; void pixels weigh nothing.

    Args:
        classes: K.
        weights: How much a pixel of each class counts; empty where all count alike.

    Raises:
        UserError: There are fewer than two classes, or the weights are not K.

    Example:
        >>> y = torch.tensor([[[0, 1], [-1, 1]]])
        >>> pair = Segment(2, weights=(0.5, 2.0)).pair(torch.rand(1, 3, 2, 2), y)
        >>> pair.target.shape, pair.weight.tolist()
        (torch.Size([1, 1, 2, 2]), [[[[0.5, 2.0], [0.0, 2.0]]]])
    """

    title: ClassVar[str] = "What is where"
    judged: ClassVar[str] = "classes"
    of_classes: ClassVar[bool] = True
    turns: ClassVar[Sequence[int]] = (0, 4)  # a street has an above and a below

    classes: int = 2
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse numbers that do not fit together."""
        object.__setattr__(self, "weights", tuple(self.weights))  # JSON makes lists of tuples
        if self.classes < 2:
            raise UserError("there are too few classes", "at least 2", self.classes)
        if self.weights and len(self.weights) != self.classes:
            raise UserError("weights do not fit", f"{self.classes} of them", len(self.weights))

    @property
    def said(self) -> str:
        """Return what the channels of an output are."""
        return "the probability of each class"

    def channels(self, colours: int) -> tuple[int, int]:
        """Return the picture's channels, and one: the number of a class."""
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
        return Pair(x, target, sum(w * (target == k) for k, w in enumerate(self.weights)))

    def base(self, given: Tensor) -> None:
        """Return None: logits are added to nothing."""

    def answer(self, p: Distribution) -> Tensor:
        """Return the likeliest class of every pixel, (B, 1, H, W)."""
        return p.mode

    def finish(self, given: Tensor, output: Tensor) -> Tensor:
        """Return classes as a picture: two in black and white with void grey, more in colours.

        Args:
            given: The input, which tells nothing here.
            output: (B, 1, H, W), class numbers or void.

        Returns:
            (B, 1, H, W) of two classes, otherwise (B, 3, H, W).
        """
        numbers = output.long()
        if self.classes == 2:
            return torch.where(numbers == VOID, 0.5, numbers.float())
        colours = palette(self.classes).to(output.device)
        return colours[numbers.squeeze(1)].permute(0, 3, 1, 2)  # void is -1: the last colour

    def protocols(self) -> dict[str, Task]:
        """Return the one way to decide: the likeliest class, whatever the weights were."""
        return {"argmax": self}


def balanced(frequencies: Sequence[float]) -> tuple[float, ...]:
    """Return weights of classes by median-frequency balancing: median f / f_c.

    f_c is the number of pixels of class c over the number of all pixels in the pictures that have
    any of it; a class that has none weighs 1.

    Reference:
        Eigen & Fergus 2015, section 6.3.2, https://arxiv.org/abs/1411.4734

    Example:
        >>> balanced((0.5, 0.25, 0.125, 0.0))
        (0.5, 1.0, 2.0, 1.0)
    """
    middle = median([f for f in frequencies if f] or [1.0])
    return tuple(middle / f if f else 1.0 for f in frequencies)


def palette(classes: int) -> Tensor:
    """Return the colour of each class and of void, (K + 1, 3) in [0, 1].

    The bits of a class's number, three at a time, are the highest bits of red, green and blue;
    void is number 255.

    Reference:
        Everingham et al. 2010, The Pascal Visual Object Classes challenge, its colour map,
        https://doi.org/10.1007/s11263-009-0275-4

    Example:
        >>> (palette(3) * 255).tolist()
        [[0.0, 0.0, 0.0], [128.0, 0.0, 0.0], [0.0, 128.0, 0.0], [224.0, 224.0, 192.0]]
    """
    number = torch.tensor([*range(classes), 255])
    colours = torch.zeros(classes + 1, 3, dtype=torch.int64)
    for triple in range(3):
        for channel in range(3):
            colours[:, channel] |= (number >> (3 * triple + channel) & 1) << (7 - triple)
    return colours / 255
