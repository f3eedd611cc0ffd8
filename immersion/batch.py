"""The interface of data and training: splits of examples, and batches for objectives."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from immersion.random import use_seed

"""Ways to make grey levels binary: not at all, sampled for every batch or once, or at one half."""

VALUES = 2**20
"""Most values in a batch of `iterate_batches`: limits the memory of an evaluation."""

VOID = -1
"""Class of pixels that have none; no loss or metric counts them."""


class Batch(NamedTuple):
    """One batch of examples.

    Args:
        x: (B, *shape), float32.
        y: (B,) int64 labels, or (B, H, W) classes of pixels; None where the data have none.
        step: () int64, number of preceding training steps; a tensor on the batch's device, so
            that warm-ups can be captured in a CUDA graph.
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
        """Return x, (B, *shape) float32, and labels, (B,) int64 or None, of some examples.

        Under dynamic binarization x is sampled in every call, from PyTorch's global generator.
        """

    def to(self, device: torch.device) -> "Split":
        """Return the split with its memory on `device`; a streamed split returns itself."""


def choose_batch_size(split: Split) -> int:
    """Return the batch size of `iterate_batches`."""
    with torch.random.fork_rng(devices=[]):
        example, _ = split.batch(torch.arange(1))
    return max(1, min(1000, VALUES // example.numel()))


def iterate_batches(split: Split, seed: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield all batches (x, y) of a split in order: 1,000 examples each, fewer of large images.

    Args:
        split: The examples.
        seed: Seed of dynamic binarization: the same images for every metric.
    """
    size = choose_batch_size(split)
    for start in range(0, len(split), size):
        with use_seed(seed, "whole", start):
            batch = split.batch(torch.arange(start, min(start + size, len(split))))
        yield batch
