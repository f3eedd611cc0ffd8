"""The contracts of an image-to-image task: how pairs are made, and how outputs are presented."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

from torch import Tensor
from torch.distributions import Distribution

from immersion.registry import Registry
from immersion.spec import Spec
from immersion.tasks.noises import Noise

TASKS: Registry[type["Task"]] = Registry("task", "immersion.tasks")
"""A task is registered under the name of the recipe that trains networks for it."""


class Pair(NamedTuple):
    """A training pair.

    Args:
        input: Input of the network, (B, C_in, H, W), float32.
        target: (B, C_out, s H, s W): levels, chroma, or classes; s is the task's scale.
        weight: Weight of each value of the target, of a shape that broadcasts to it, or None if
            all weigh the same.
    """

    input: Tensor
    target: Tensor
    weight: Tensor | None = None


class Presentation:
    """The input of a network from an image, and an image from the network's output.

    The base class is the presentation of a network from levels to levels.

    Attributes:
        title: Title of the results, for the user.
        input_format: Description of the input's channels.
        output_format: Description of the output's channels.
        scale: s, the side of an output in units of the input's.
        classes: K, the number of classes of a value of the output, or 0 if outputs are levels.
        levels: Number of levels of a value of the output that have a probability each, so that one
            of several answers can be sampled; 0 if a value has a mean and a scale.
        level_map: The noise whose level is an input channel, or None.
        shows_noise: True if the noise level of an image is estimated and reported.
        fills_holes: True if the network fills transparent pixels.
        orientations: Orientations, as `rotate_and_flip` numbers them, that an ensemble averages.
        shorter_side: Length in pixels to which the shorter side is shrunk before the network; the
            output is enlarged. 0 keeps images as they are.
    """

    title: str = "Result"
    input_format: str = "levels in [0, 1]"
    output_format: str = "levels, to be clipped to [0, 1]"
    scale: int = 1
    classes: int = 0
    levels: int = 0
    level_map: Noise | None = None
    shows_noise: bool = False
    fills_holes: bool = False
    orientations: Sequence[int] = range(8)
    shorter_side: int = 0

    def prepare(
        self, picture: Tensor, strength: float | None = None, hole: Tensor | None = None
    ) -> Tensor:
        """Return the input of the network, (B, C_in, H, W).

        Args:
            picture: (B, C, H, W) in [0, 1].
            strength: Noise level in the noise's unit, for a network with a level map.
            hole: (B, 1, H, W), 1 where pixels are missing, for a network that fills holes.
        """
        return picture

    def baseline(self, inputs: Tensor) -> Tensor | None:
        """Return what a residual network's output is added to, (B, C_out, s H, s W), or None.

        The initial output of a network near zero is this baseline.
        """
        return inputs

    def show_input(self, inputs: Tensor) -> Tensor:
        """Return the input as an image: the state before."""
        baseline = self.baseline(inputs)
        return inputs if baseline is None else self.to_picture(inputs, baseline)

    def estimate(self, p: Distribution) -> Tensor:
        """Return the point estimate from p(target | input), (B, C_out, s H, s W): its mean."""
        return p.mean

    def sample(self, p: Distribution) -> Tensor:
        """Return one of several answers, by PyTorch's global generator."""
        return self.estimate(p)

    def compose(self, inputs: Tensor, output: Tensor) -> Tensor:
        """Return an output with the known part of the input put in, of the output's shape.

        A target is equal to its own composition.
        """
        return output

    def to_picture(self, inputs: Tensor, output: Tensor) -> Tensor:
        """Return an image, (B, C, s H, s W) in [0, 1], from an input and an output."""
        return output.clamp(0, 1)

    def to_picture_uncertainty(self, inputs: Tensor, deviation: Tensor) -> Tensor:
        """Return the standard deviation of the image, in units of its range, from the output's.

        Both are (B, C_out, s H, s W).
        """
        return deviation


class Task(ABC):
    """A function from clean images to training pairs, and the presentation of what is learned.

    A member is a frozen dataclass whose fields are the task's settings: a recipe's arguments, as
    `run.json` holds them. Random numbers are PyTorch's global ones, seeded by the engine at every
    step.

    Attributes:
        metrics: Metrics of the outputs: levels, holes, luma, chroma or classes.
    """

    metrics: ClassVar[str] = "levels"

    @classmethod
    def from_arguments(cls, spec: Spec, arguments: Mapping[str, Any]) -> Self:
        """Return the task of a recipe call.

        Args:
            spec: The training data.
            arguments: The recipe's, as `run.json` holds them.
        """
        return cls(**arguments.get("task", {}))

    @property
    @abstractmethod
    def presentation(self) -> Presentation:
        """Return the presentation of inputs and outputs."""

    @abstractmethod
    def channels(self, colours: int) -> tuple[int, int]:
        """Return (C_in, C_out) for images of `colours` channels.

        Raises:
            UserError: The task is not for such images.
        """

    @abstractmethod
    def pair(self, x: Tensor, y: Tensor | None) -> Pair:
        """Return a training pair.

        Args:
            x: Clean images, (B, C, H, W) in [0, 1].
            y: (B, H, W) int64 classes if the data have masks, else None.
        """

    @abstractmethod
    def protocols(self) -> dict[str, "Task"]:
        """Return the settings that results are reported for: name -> the task with them fixed."""

    def on_clean_pictures(self) -> "Task":
        """Return the same task for clean images, if it learns from others."""
        return self
