"""Inference options: the prediction, the files that are written, and the computation."""

from dataclasses import dataclass
from typing import Literal

import torch

from immersion.check import UserError, check_at_least
from immersion.precision import parse_device, resolve_device, resolve_precision

Existing = Literal["refuse", "replace", "keep"]
"""Treatment of output files that exist."""


@dataclass(frozen=True)
class PredictionOptions:
    """Prediction options.

    Args:
        uncertainty: If True, half the width of the 90 % interval of each pixel is written next
            to each picture: 16-bit grey levels, of which 65,535 are the whole range. Not available
            for classes, nor for the bundled colouriser.
        ensemble: If True, the mean over the eight rotations and reflections of a picture is taken
            (for classes, over it and its mirror image): as many times slower, slightly better.
        draws: Number of samples written in place of the point estimate: picture-1.png,
            picture-2.png, ... in the output folder.
        strength: Noise level, in the unit of the training, for a network with a level map; by
            default the estimated sigma.
    """

    uncertainty: bool = False
    ensemble: bool = False
    draws: int = 0
    strength: float | None = None

    def __post_init__(self) -> None:
        """Validate the combination and the numbers."""
        check_at_least(0, draws=self.draws)
        if self.ensemble and self.draws:
            raise UserError("--ensemble and --draws exclude each other", remedy="pass one")


@dataclass(frozen=True)
class FileOptions:
    """Output options.

    Args:
        ending: Ending of all output files, such as .png; by default that of each input, or .png
            for classes.
        page: If True, before-after.html is written next to the outputs: one file with the centre
            of each of the first pictures before and after, and a slider.
        overwrite: If True, existing output files are replaced.
        skip_existing: If True, pictures whose output files all exist are skipped, to resume a long
            command.
    """

    ending: str | None = None
    page: bool = False
    overwrite: bool = False
    skip_existing: bool = False

    def __post_init__(self) -> None:
        """Validate the combination."""
        if self.overwrite and self.skip_existing:
            raise UserError(
                "--overwrite and --skip-existing exclude each other", remedy="pass one"
            )

    @property
    def existing(self) -> Existing:
        """Return the treatment of existing output files."""
        return "replace" if self.overwrite else "keep" if self.skip_existing else "refuse"


@dataclass(frozen=True)
class ComputeOptions:
    """Computation options.

    Args:
        tile: Side of the tiles that a picture is processed in; smaller tiles take less memory. By
            default a fast size for the network.
        precision: auto (bfloat16 if the processor has it natively), bfloat16 or float32.
        backend: torch, or openvino, which starts in a few seconds and is then faster on a CPU
            (pip install '.[openvino]').
        device: auto (CUDA if there is a CUDA device), cpu, cuda, cuda:1, mps, or any other of
            PyTorch; OpenVINO runs on the CPU.
    """

    tile: int | None = None
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    backend: Literal["torch", "openvino"] = "torch"
    device: str = "auto"

    def __post_init__(self) -> None:
        """Validate."""
        parse_device(self.device)
        if self.tile is not None:
            check_at_least(16, tile=self.tile)

    def resolve_device(self) -> torch.device:
        """Return the device of the computation."""
        return resolve_device("cpu" if self.backend == "openvino" else self.device)

    def resolve_precision(self) -> torch.dtype:
        """Return the precision of the network."""
        return resolve_precision(self.precision, self.resolve_device())


@dataclass(frozen=True)
class InferenceOptions:
    """Options of one picture's prediction.

    Args:
        ensemble: If True, the mean over the task's orientations is taken.
        side: Side of a tile in pixels of the input; None for a fast size for the network.
        precision: Precision of the convolutions.
        strength: Noise level of the picture, for a network with a level map.
        backend: torch or openvino.
        draw: Which of several answers, 0, 1, ...; None for the point estimate.
    """

    ensemble: bool = False
    side: int | None = None
    precision: torch.dtype = torch.float32
    strength: float | None = None
    backend: str = "torch"
    draw: int | None = None

    @classmethod
    def combine(cls, prediction: PredictionOptions, compute: ComputeOptions) -> "InferenceOptions":
        """Return the options of a call of `immersion apply`."""
        return cls(
            ensemble=prediction.ensemble,
            side=compute.tile,
            precision=compute.resolve_precision(),
            strength=prediction.strength,
            backend=compute.backend,
        )
