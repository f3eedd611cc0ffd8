"""A split that stays in its files: images are decoded when a batch asks for them."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from immersion.data.binarize import to_bits
from immersion.data.dataset import Binarize, to_float
from immersion.data.images import decode


@dataclass(frozen=True)
class StreamedSplit:
    """A split of image files, for those that do not fit in memory.

    The engine reads it in worker processes, a batch at a time.

    Args:
        paths: The files, one an example.
        y: (N,) int64 labels, or None.
        shape: (C, H, W).
        binarize: How levels become 0 and 1, drawn from PyTorch's global generator if `dynamic`.
        stream: The name of the random stream of a `static` draw.
    """

    paths: tuple[Path, ...]
    y: Tensor | None
    shape: tuple[int, ...]
    binarize: Binarize = "none"
    stream: str = ""
    resident: bool = field(default=False, init=False)

    def __len__(self) -> int:
        return len(self.paths)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return x, (B, *shape) float32, and labels, (B,) or None."""
        files = [decode(self.paths[i], self.shape) for i in indices.tolist()]
        x = to_float(torch.stack(files), "unit")
        if self.binarize != "none":
            x = to_bits(x, self.binarize, self.stream, indices)
        return x, None if self.y is None else self.y[indices]

    def to(self, device: torch.device) -> "StreamedSplit":
        """Return the split itself: it holds no values to move."""
        return self
