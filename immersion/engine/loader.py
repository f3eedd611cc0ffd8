"""The order of batches, and loading them onto the device."""

import signal
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from immersion.batch import Split
from immersion.check import UserError
from immersion.random import make_generator, reseed

READERS = 2
"""Worker processes that read a streamed split ahead."""


class BatchOrder:
    """An endless sequence of epochs, each a permutation of all examples, cut into batches.

    A batch is a function of (seed, number) alone. A batch that begins near the end of an epoch
    ends in the next one, so that no example is left out and all batches have the same size.

    Args:
        length: Number of examples.
        batch_size: Examples a batch, at most `length`.
        seed: Seed of the permutations.
        device: Device of the indices.

    Example:
        >>> order = BatchOrder(5, 2, seed=0)
        >>> sorted(torch.cat([order(number) for number in range(5)]).tolist())  # two epochs
        [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    """

    def __init__(
        self, length: int, batch_size: int, seed: int, device: torch.device | str = "cpu"
    ) -> None:
        self.length, self.batch_size, self.seed, self.device = length, batch_size, seed, device
        self.permutations: dict[int, Tensor] = {}

    def __call__(self, number: int) -> Tensor:
        """Return the indices of the examples in batch `number`, (batch_size,) int64."""
        epoch, start = divmod(number * self.batch_size, self.length)
        indices = self._permutation(epoch)[start : start + self.batch_size]
        missing = self.batch_size - len(indices)
        return torch.cat([indices, self._permutation(epoch + 1)[:missing]]) if missing else indices

    def _permutation(self, epoch: int) -> Tensor:
        if epoch not in self.permutations:
            shuffled = torch.randperm(
                self.length, generator=make_generator(self.seed, "order", epoch)
            )
            recent = {e: p for e, p in self.permutations.items() if e == epoch - 1}
            self.permutations = {**recent, epoch: shuffled.to(self.device)}
        return self.permutations[epoch]


def load_batches(
    split: Split, order: BatchOrder, numbers: Iterable[int], seed: int, device: torch.device
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield (x, labels) on the device for each batch number.

    The random numbers of a batch (dynamic binarization) are seeded by its number, whichever
    process reads it.
    """
    if split.resident:
        for number in numbers:
            reseed(seed, "data", number)
            yield split.batch(order(number))
        return
    jobs = ((number, order(number)) for number in numbers)
    loader = DataLoader(
        _BatchDataset(split, seed),
        sampler=_Jobs(jobs),
        batch_size=None,
        num_workers=READERS,
        pin_memory=device.type == "cuda",
        worker_init_fn=_ignore_interrupts,
    )
    for loaded in loader:
        if isinstance(loaded, UserError):
            raise loaded
        x, y = loaded
        yield x.to(device, non_blocking=True), None if y is None else y.to(device)


def mirror_batches(
    batches: Iterable[tuple[Tensor, Tensor | None]], numbers: Iterable[int], seed: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Mirror each image horizontally with probability 1/2, seeded by the batch's number.

    Args:
        batches: (x, labels) with x (B, C, H, W).
        numbers: Batch numbers.
        seed: Seed of the random choice.
    """
    for number, (x, y) in zip(numbers, batches, strict=True):
        mirror = torch.rand(len(x), generator=make_generator(seed, "mirror", number)) < 0.5
        yield torch.where(mirror.to(x.device).view(-1, 1, 1, 1), x.flip(-1), x), y


def _ignore_interrupts(worker: int) -> None:
    """Leave Ctrl-C to the main process, which finishes the current step first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Jobs:
    """An iterator in the form that a DataLoader takes as a sampler."""

    def __init__(self, jobs: Iterator[tuple[int, Tensor]]) -> None:
        self.jobs = jobs

    def __iter__(self) -> Iterator[tuple[int, Tensor]]:
        return self.jobs


class _BatchDataset(Dataset):
    """A split read in worker processes: one item is one batch."""

    def __init__(self, split: Split, seed: int) -> None:
        self.split, self.seed = split, seed

    def __getitem__(self, job: tuple[int, Tensor]) -> tuple[Tensor, Tensor | None] | UserError:
        number, indices = job
        reseed(self.seed, "data", number)
        try:
            return self.split.batch(indices)
        except UserError as error:  # raised here, it would print the worker's traceback
            return error
