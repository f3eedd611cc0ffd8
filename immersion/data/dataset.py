"""A data set: a description that recipes read, and three splits that the engine reads."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from immersion.batch import Split
from immersion.spec import Spec, Values


@dataclass(frozen=True)
class MemorySplit:
    """A split held in memory as stored in its files: bytes stay bytes until they are batched.

    Args:
        x: (N, *shape), uint8 for levels 0..255 (`values` unit), 0/1 and counts; else float32, or
            float64 for a table that is not standardised yet.
        y: (N,) int64 labels, or None.
        values: As in `Spec`.
        dynamic: If True, each batch is a new sample x ~ Bernoulli(level).
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
    """Sample x ~ Bernoulli(level) from PyTorch's global generator.

    On a CPU this is much faster than `torch.bernoulli`.
    """
    return (torch.rand_like(levels) < levels).float()


@dataclass(frozen=True)
class Dataset:
    """A named data set in three splits.

    Args:
        spec: The description that recipes read.
        train, validation, test: The splits. Nothing is selected on the test split.
        checksums: File name -> `sha256:...` of its contents; for synthetic data, of the values.
        note: One sentence for the user on the origin of the data.
    """

    spec: Spec
    train: Split
    validation: Split
    test: Split
    checksums: dict[str, str]
    note: str = ""

    @property
    def memory_splits(self) -> tuple[MemorySplit, MemorySplit, MemorySplit] | None:
        """Return the training, validation and test splits if all are in memory, else None."""
        train, validation, test = self.train, self.validation, self.test
        if not isinstance(train, MemorySplit) or not isinstance(validation, MemorySplit):
            return None
        return (train, validation, test) if isinstance(test, MemorySplit) else None
