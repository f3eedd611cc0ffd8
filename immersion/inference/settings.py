"""The settings of `immersion apply`: of the answer, of the files, of the machine."""

from dataclasses import dataclass
from typing import Literal

import torch

from immersion.check import UserError, check_at_least
from immersion.engine import Options
from immersion.inference.backends import BACKENDS
from immersion.inference.jobs import Existing
from immersion.inference.translate import Manner


@dataclass(frozen=True)
class Answer:
    """What is asked of the network.

    Args:
        uncertainty: Whether to write beside each picture half the width of the 90 % interval of
            each of its pixels: 16-bit grey levels, of which 65,535 are the whole range. Not of
            classes, nor of the colouriser that comes with the package.
        ensemble: Whether to take the mean over the eight ways of turning and mirroring a picture
            (of classes, over it and its mirror image): as many times as slow, and a little better.
        draws: How many of several plausible answers are drawn in place of the usual one: of
            picture.png they are picture-1.png, picture-2.png, ... in the folder of outputs.
        strength: Of the noise, in the unit of the training, for a network that is told it; by
            default sigma as it is estimated.
    """

    uncertainty: bool = False
    ensemble: bool = False
    draws: int = 0
    strength: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot go together, and numbers that mean nothing."""
        check_at_least(0, draws=self.draws)
        if self.ensemble and self.draws:
            raise UserError("--ensemble and --draws exclude each other", remedy="pass one")


@dataclass(frozen=True)
class Files:
    """What is written.

    Args:
        ending: Of all outputs, such as .png; by default each input's own, or .png of classes.
        page: Whether to write before-after.html beside the outputs: one file that shows the
            middle of each of the first pictures before and after, with a slider.
        overwrite: Whether outputs that exist are replaced.
        skip_existing: Whether pictures whose results are all there are left out: to go on where a
            long command was stopped.
    """

    ending: str | None = None
    page: bool = False
    overwrite: bool = False
    skip_existing: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot go together."""
        if self.overwrite and self.skip_existing:
            raise UserError(
                "--overwrite and --skip-existing exclude each other", remedy="pass one"
            )

    @property
    def existing(self) -> Existing:
        """Return what becomes of results that exist."""
        return "replace" if self.overwrite else "keep" if self.skip_existing else "refuse"


@dataclass(frozen=True)
class Compute:
    """What does the work, and how.

    Args:
        tile: Side of the tiles that a picture is worked on in: smaller ones take less memory; by
            default what is quick for the network.
        precision: auto (bfloat16 where the processor has it natively), bfloat16 or float32.
        backend: What does the network's work: torch, or openvino, which takes some seconds to
            begin and is then quicker on a processor (pip install 'immersion[openvino]').
        device: auto (CUDA where there is one), cpu or cuda; OpenVINO works on the CPU.
    """

    tile: int | None = None
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    backend: Literal["torch", "openvino"] = "torch"
    device: Literal["auto", "cpu", "cuda"] = "auto"

    def __post_init__(self) -> None:
        """Refuse tiles that are too small."""
        if self.tile is not None:
            check_at_least(16, tile=self.tile)

    def place(self) -> torch.device:
        """Return the device that the work is done on."""
        return Options(
            device="cpu" if self.backend == "openvino" else self.device
        ).resolve_device()

    def manner(self, answer: Answer) -> Manner:
        """Return how a picture is worked on."""
        precision = Options(precision=self.precision).resolve_precision(self.place())
        backend = BACKENDS[self.backend]
        return Manner(answer.ensemble, self.tile, precision, answer.strength, backend)
