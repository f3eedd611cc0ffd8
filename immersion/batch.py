"""What passes from data to training: splits, and the batch that an objective is given."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from immersion.random import use_seed

VALUES = 2**20
"""Values in a batch of `iterate_batches`: bounds the memory of an evaluation, not its result."""

VOID = -1
"""The class of a pixel that has none, or that counts nowhere."""


class Batch(NamedTuple):
    """One batch of examples.

    Args:
        x: (B, *shape), float32.
        y: (B,) int64 labels, or (B, H, W) classes of pixels; None where the data have none.
        step: () int64, the number of training steps made before this one; a tensor on the
            batch's device, so that warm-ups can be captured in a CUDA graph.
    """

    x: Tensor
    y: Tensor | None
    step: Tensor


class Split(Protocol):
    """Examples by index: what the engine and the evaluation read."""

    @property
    def resident(self) -> bool:
        """Return whether `batch` reads memory, not files.

        The engine moves a resident split to the device and indexes there; otherwise it reads
        ahead in worker processes.
        """

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return x, (B, *shape) float32, and labels, (B,) int64 or None, of the examples asked.

        Under dynamic binarization x is drawn anew from PyTorch's global generator.
        """

    def to(self, device: torch.device) -> "Split":
        """Return the split with its memory on `device`; a streamed split returns itself."""


def choose_batch_size(split: Split) -> int:
    """Return how many examples at a time `iterate_batches` yields."""
    with torch.random.fork_rng(devices=[]):
        example, _ = split.batch(torch.arange(1))
    return max(1, min(1000, VALUES // example.numel()))


def iterate_batches(split: Split, seed: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield a whole split in order, in batches of up to 1,000 examples, fewer of large images.

    Dynamic binarization is drawn from `seed`: the same images whatever is done with them.
    """
    size = choose_batch_size(split)
    for start in range(0, len(split), size):
        with use_seed(seed, "whole", start):
            batch = split.batch(torch.arange(start, min(start + size, len(split))))
        yield batch
