"""The contract of a task, and the registry of its family."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from torch import Tensor
from torch.distributions import Distribution

from immersion.registry import Registry

TASKS: Registry[type["Task"]] = Registry("task", "immersion.tasks")


class Pair(NamedTuple):
    """What a network is given and what it is to say.

    Args:
        input: (B, C_in, H, W), float32.
        target: (B, C_out, s H, s W): levels, chroma, or classes; s is the task's scale.
        weight: How much each value of the target counts, of a shape that broadcasts to it; None
            where all count alike.
    """

    input: Tensor
    target: Tensor
    weight: Tensor | None = None


class Task(ABC):
    """A function from clean pictures to pairs (input, target), and from an output to a picture.

    A member is a frozen dataclass whose fields are the task's settings: a recipe's arguments, as
    run.json keeps them. What it draws comes from PyTorch's global generator, which the engine
    seeds for every step.

    Attributes:
        title: What has been done to a picture, for a person.
        given: What the channels of an input are.
        judged: What outputs are measured as: levels, holes, luma, chroma or classes.
        of_classes: Whether targets are classes, and masks are what it learns from.
        told: Whether the network is told how strong the noise is.
        noisy: Whether a person wants to know how much noise a picture has.
        turns: Ways, as `turned` numbers them, of turning and mirroring a picture that are as good
            as any other: what an ensemble takes the mean over.
        fills: Whether it makes what is transparent.
        shortest: Pixels of the shorter side of what a network is shown of a whole picture: larger
            ones are shrunk, and the answer enlarged; 0 shows them as they are.
    """

    title: ClassVar[str]
    given: ClassVar[str] = "levels in [0, 1]"
    judged: ClassVar[str] = "levels"
    of_classes: ClassVar[bool] = False
    told: bool = False
    noisy: ClassVar[bool] = False
    turns: ClassVar[Sequence[int]] = range(8)
    fills: ClassVar[bool] = False
    shortest: ClassVar[int] = 0

    @property
    def said(self) -> str:
        """Return what the channels of an output are."""
        return "levels, to be clipped to [0, 1]"

    @property
    def scale(self) -> int:
        """Return s, the side of an output in units of the input's."""
        return 1

    @abstractmethod
    def channels(self, colours: int) -> tuple[int, int]:
        """Return (C_in, C_out) for pictures of `colours` channels.

        Raises:
            UserError: The task is not for such pictures.
        """

    @abstractmethod
    def pair(self, x: Tensor, y: Tensor | None) -> Pair:
        """Return a pair made from clean pictures.

        Args:
            x: (B, C, H, W) in [0, 1].
            y: (B, H, W) int64 classes where the data have them, else None.
        """

    def prepare(
        self, picture: Tensor, strength: float | None = None, hole: Tensor | None = None
    ) -> Tensor:
        """Return what the network is given of a user's pictures.

        Args:
            picture: (B, C, H, W) in [0, 1].
            strength: Of their noise, in its own unit, for a network that is told; else unused.
            hole: (B, 1, H, W), 1 where pixels are missing, for a network that fills them.
        """
        return picture

    @abstractmethod
    def base(self, given: Tensor) -> Tensor | None:
        """Return what a network's output is added to, (B, C_out, s H, s W), or None: nothing.

        A network that starts near zero starts with this as its answer.
        """

    def shown(self, given: Tensor) -> Tensor:
        """Return an input as a picture: what there was before."""
        base = self.base(given)
        return given if base is None else self.finish(given, base)

    def answer(self, p: Distribution) -> Tensor:
        """Return the one output that is shown of p(target | input), (B, C_out, s H, s W)."""
        return p.mean

    @property
    def several(self) -> bool:
        """Return whether p(target | input) holds several answers, of which one can be drawn."""
        return False

    def drawn(self, p: Distribution) -> Tensor:
        """Return one of several answers, drawn from PyTorch's global generator."""
        return self.answer(p)

    def composed(self, given: Tensor, output: Tensor) -> Tensor:
        """Return an output with what is known of it put in, of its shape: what is judged as real.

        A target is its own composition.
        """
        return output

    def finish(self, given: Tensor, output: Tensor) -> Tensor:
        """Return a picture, (B, C, s H, s W) in [0, 1], from an input and an answer."""
        return output.clamp(0, 1)

    def doubt(self, given: Tensor, deviation: Tensor) -> Tensor:
        """Return the standard deviation of the picture, (B, C_out, s H, s W), from the output's.

        In units of the picture's range.
        """
        return deviation

    @abstractmethod
    def protocols(self) -> dict[str, "Task"]:
        """Return the settings that results are reported for: name -> the task, fixed to them."""

    def clean(self) -> "Task":
        """Return the task on clean pictures, where it learns from others."""
        return self
