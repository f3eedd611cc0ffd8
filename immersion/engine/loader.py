"""Which examples a batch holds, and how they reach the device."""

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
    """The endless row of epochs, each a permutation of all examples, cut into batches.

    A batch is a function of (seed, number) alone. One that begins near the end of an epoch ends in
    the next, so that no example is ever left out and all batches have the same size.

    Args:
        length: Number of examples.
        batch_size: Examples a batch, at most `length`.
        seed: Seed of the permutations.
        device: Where the indices are wanted.

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
        """Return the examples of batch `number`, (batch_size,) int64."""
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

    The draws of a batch (dynamic binarization) are seeded by its number, wherever it is read.
    """
    if split.resident:
        for number in numbers:
            reseed(seed, "data", number)
            yield split.batch(order(number))
        return
    jobs = ((number, order(number)) for number in numbers)
    reader = DataLoader(
        _Reader(split, seed),
        sampler=_Jobs(jobs),
        batch_size=None,
        num_workers=READERS,
        pin_memory=device.type == "cuda",
        worker_init_fn=_ignore_interrupts,
    )
    for read in reader:
        if isinstance(read, UserError):
            raise read
        x, y = read
        yield x.to(device, non_blocking=True), None if y is None else y.to(device)


def mirror_batches(
    batches: Iterable[tuple[Tensor, Tensor | None]], numbers: Iterable[int], seed: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Turn left and right round in about every other image, by coins of the batch's number.

    Args:
        batches: (x, labels) with x (B, C, H, W).
        numbers: Their numbers.
        seed: Of the coins.
    """
    for number, (x, y) in zip(numbers, batches, strict=True):
        heads = torch.rand(len(x), generator=make_generator(seed, "mirror", number)) < 0.5
        yield torch.where(heads.to(x.device).view(-1, 1, 1, 1), x.flip(-1), x), y


def _ignore_interrupts(worker: int) -> None:
    """Leave Ctrl-C to the main process, which finishes the step in hand first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Jobs:
    """An iterator in the form that a DataLoader takes as a sampler."""

    def __init__(self, jobs: Iterator[tuple[int, Tensor]]) -> None:
        self.jobs = jobs

    def __iter__(self) -> Iterator[tuple[int, Tensor]]:
        return self.jobs


class _Reader(Dataset):
    """Runs in the worker processes: one item is one whole batch."""

    def __init__(self, split: Split, seed: int) -> None:
        self.split, self.seed = split, seed

    def __getitem__(self, job: tuple[int, Tensor]) -> tuple[Tensor, Tensor | None] | UserError:
        number, indices = job
        reseed(self.seed, "data", number)
        try:
            return self.split.batch(indices)
        except UserError as error:  # raised here, it would reach the user as a worker's traceback
            return error
