"""What a data set is: a description that recipes read, and three splits that the engine reads."""

from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from immersion.batch import Split

Values = Literal["binary", "unit", "counts", "real"]
Binarize = Literal["none", "dynamic", "static", "threshold"]


@dataclass(frozen=True)
class Spec:
    """What a recipe may know of the data; it is written to `run.json` as it stands.

    Args:
        name: The registry's name, or the user's path.
        shape: Shape of one example: (C, H, W) for an image, (D,) for a row of a table.
        values: `binary` (0 and 1), `unit` (grey or colour levels k/255 in [0, 1]), `counts`
            (0, 1, 2, ...), `real`.
        classes: Names of the labels 0, 1, ..., empty where there are none.
        binarize: How the field usually makes these data binary; `none` where it does not.
        shift, scale: What was subtracted from each column of a table and what it was divided by;
            empty where the values are as in the file.
        frequencies: Of each class that pixels have, in training: its pixels over all pixels of the
            pictures that have any of it; empty where pixels have no classes.
    """

    name: str
    shape: tuple[int, ...]
    values: Values
    classes: tuple[str, ...] = ()
    binarize: Binarize = "none"
    shift: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    frequencies: tuple[float, ...] = ()

    @property
    def dimensions(self) -> int:
        """Return D, the number of values in one example."""
        return int(torch.Size(self.shape).numel())

    @property
    def image(self) -> bool:
        """Return whether an example is an image, (C, H, W)."""
        return len(self.shape) == 3


@dataclass(frozen=True)
class MemorySplit:
    """A split held in memory as it lies in the files: bytes stay bytes until they are batched.

    Args:
        x: (N, *shape), uint8 for levels 0..255 (`values` unit), 0/1 and counts; else float32.
        y: (N,) int64 labels, or None.
        values: As in `Spec`.
        dynamic: Whether a batch is a fresh draw x ~ Bernoulli(level).
    """

    x: Tensor
    y: Tensor | None
    values: Values
    dynamic: bool = False
    resident: bool = field(default=True, init=False)

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return x, (B, *shape) float32, and labels, (B,) or None."""
        x = to_float(self.x[indices], self.values)
        if self.dynamic:
            x = sample_bernoulli(x)
        return x, None if self.y is None else self.y[indices]

    def to(self, device: torch.device) -> "MemorySplit":
        """Return the split with its tensors on `device`."""
        y = None if self.y is None else self.y.to(device)
        return replace(self, x=self.x.to(device), y=y)


def to_float(x: Tensor, values: Values) -> Tensor:
    """Return stored values as float32: levels 0..255 of a `unit` split become k/255."""
    if values == "unit" and x.dtype == torch.uint8:
        return x.float().div_(255)
    return x.float()


def sample_bernoulli(levels: Tensor) -> Tensor:
    """Return x ~ Bernoulli(level), drawn from PyTorch's global generator.

    On a CPU it is much faster than `torch.bernoulli`.
    """
    return (torch.rand_like(levels) < levels).float()


@dataclass(frozen=True)
class Dataset:
    """A named data set in three splits.

    Args:
        spec: The description that recipes read.
        train, validation, test: The splits. The test split chooses nothing.
        checksums: File name -> `sha256:...`, of what was read; for synthetic data, of the values.
        note: One sentence for the user on where the data came from.
    """

    spec: Spec
    train: Split
    validation: Split
    test: Split
    checksums: dict[str, str]
    note: str = ""
