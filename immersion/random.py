"""Seeded streams: every draw is a function of (seed, stream, step), never of what ran before.

A training step is reseeded from (seed, stream, step) and the data order from (seed, epoch), so a
killed run continues bit for bit, and changing how often a run is evaluated changes nothing else.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive_seed(seed: int, stream: str, step: int = 0) -> int:
    """Return a 63-bit seed for one step of one named stream.

    Neighbouring seeds, streams and steps give unrelated numbers (BLAKE2b of the three).

    Example:
        >>> derive_seed(0, "train", 7) == derive_seed(0, "train", 7) != derive_seed(0, "train", 8)
        True
    """
    digest = hashlib.blake2b(f"{seed}/{stream}/{step}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def reseed(seed: int, stream: str, step: int = 0) -> None:
    """Seed PyTorch's global generators (all devices) for one step of one named stream."""
    number = derive_seed(seed, stream, step)
    # torch.manual_seed does the same, but notes the call stack for devices that are not there,
    # which a small network's step would feel.
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(number)


@contextmanager
def use_seed(seed: int, stream: str, step: int = 0) -> Iterator[None]:
    """Run a block under a seeded generator and give the caller's generators back untouched.

    `torch.distributions` takes no generator, so seeding happens around it.

    Example:
        >>> with use_seed(0, "draw"):
        ...     a = torch.randn(3)
        >>> with use_seed(0, "draw"):
        ...     b = torch.randn(3)
        >>> torch.equal(a, b)
        True
    """
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    with torch.random.fork_rng(devices=devices):
        reseed(seed, stream, step)
        yield


def make_generator(seed: int, stream: str, step: int = 0) -> torch.Generator:
    """Return a CPU generator of its own for functions that take one."""
    return torch.Generator().manual_seed(derive_seed(seed, stream, step))
