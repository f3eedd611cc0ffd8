"""Seeded streams: the same numbers from the same (seed, stream, step), and nobody else's."""

import hashlib
import itertools

import pytest
import torch

from immersion.random import derive_seed, make_generator, reseed, use_seed


def test_derive_is_blake2b_of_the_three():
    """Written out: a change of it would break every run that is to be continued."""
    for seed, stream, step in ((0, "train", 0), (123, "order", 7), (-1, "", 10**12)):
        digest = hashlib.blake2b(f"{seed}/{stream}/{step}".encode(), digest_size=8).digest()
        assert derive_seed(seed, stream, step) == int.from_bytes(digest, "big") // 2
    assert derive_seed(0, "train", 0) == 3168021335108090602


def test_neighbours_are_unrelated():
    grid = itertools.product(range(20), ("train", "data", "order", "1", "train/1"), range(50))
    seeds = [derive_seed(*where) for where in grid]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    bits = torch.tensor([[seed >> i & 1 for i in range(63)] for seed in seeds]).float()
    assert (bits.mean(0) - 0.5).abs().max() < 5 * 0.5 / len(seeds) ** 0.5


def test_reseed_makes_a_step_a_function_of_its_number():
    reseed(0, "train", 5)
    expected = torch.randn(4)
    torch.randn(100)
    reseed(0, "train", 5)
    assert torch.equal(torch.randn(4), expected)
    reseed(0, "train", 6)
    assert not torch.equal(torch.randn(4), expected)


def test_seeded_gives_the_caller_s_generator_back():
    torch.manual_seed(0)
    expected = torch.randn(2, 3)
    torch.manual_seed(0)
    first = torch.randn(3)
    with use_seed(1, "draw"):
        inside = torch.randn(3)
    assert torch.equal(torch.stack([first, torch.randn(3)]).flatten(), expected.flatten())
    with use_seed(1, "draw"):
        assert torch.equal(torch.randn(3), inside)


def test_seeded_gives_it_back_after_an_error_too():
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), use_seed(1, "draw"):
        torch.randn(3)
        raise RuntimeError
    assert torch.equal(torch.get_rng_state(), before)


def test_generators_are_independent():
    before = torch.get_rng_state()
    first, second = (torch.randn(3, generator=make_generator(0, "weights", 2)) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)
    with use_seed(0, "weights", 2):
        assert torch.equal(torch.randn(3), first)
