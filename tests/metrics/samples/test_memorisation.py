"""Copies, strangers and honest draws, told apart by their nearest training examples."""

import numpy as np
import pytest
import torch

from immersion.check import NonFinite
from immersion.metrics.samples.memorisation import compute_memorisation, estimate_share_below


def draws(n, seed, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 1, 2, 2, generator=generator) * scale


def by_loops(drawn, held_out, train):
    def distance(x):
        return min(float(np.linalg.norm((x - t).numpy())) for t in train.double())

    a, b = ([distance(x) for x in side.double()] for side in (drawn, held_out))
    pairs = [1.0 if x < y else 0.5 if x == y else 0.0 for x in a for y in b]
    return np.array(a), np.array(b), np.mean(pairs)


def test_the_statistics_are_their_definitions():
    drawn, held_out, train = draws(20, 0, 0.9), draws(30, 1), draws(50, 2)
    drawn[:3] = train[:3]
    held_out[:2] = train[10:12]  # ties at a distance of 0
    found = compute_memorisation(drawn, held_out, train)
    a, b, share = by_loops(drawn, held_out, train)
    assert found["nearer_than_held_out"].value == pytest.approx(share, abs=1e-12)
    for name, values in (("nearest_drawn", a), ("nearest_held_out", b)):
        assert found[name].value == pytest.approx(values.mean(), rel=1e-9)
        error = values.std(ddof=1) / len(values) ** 0.5
        assert found[name].standard_error == pytest.approx(error, rel=1e-9)


def test_the_standard_error_is_the_jackknife_s():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.rand(60, generator=generator), torch.rand(40, generator=generator) + 0.2
    variance = 0.0
    for side, other, swap in ((a, b, False), (b, a, True)):
        left = []
        for i in range(len(side)):
            rest = side[torch.arange(len(side)) != i]
            pair = (other, rest) if swap else (rest, other)
            left.append(estimate_share_below(*pair).value)
        variance += np.var(left) * (len(side) - 1) ** 2 / (len(side) - 1)
    assert estimate_share_below(a, b).standard_error == pytest.approx(variance**0.5, rel=1e-9)


def test_honest_draws_score_one_half_and_the_error_bar_covers():
    estimates = [
        compute_memorisation(draws(100, s), draws(100, 300 + s), draws(200, 600 + s))[
            "nearer_than_held_out"
        ]
        for s in range(60)
    ]
    assert np.mean([e.value for e in estimates]) == pytest.approx(0.5, abs=0.02)
    assert sum(abs(e.value - 0.5) < 2 * e.standard_error for e in estimates) >= 52


def test_copies_score_one_and_strangers_zero():
    held_out, train = draws(100, 0), draws(200, 1)
    copies = compute_memorisation(train[:50] + 1e-4, held_out, train)["nearer_than_held_out"]
    strangers = compute_memorisation(draws(50, 2) + 50, held_out, train)["nearer_than_held_out"]
    assert (copies.value, strangers.value) == (1.0, 0.0)


def test_values_that_are_not_finite_are_refused():
    broken = draws(10, 0)
    broken[4] = float("inf")
    with pytest.raises(NonFinite, match="drawn features are not finite for 1 of 10"):
        compute_memorisation(broken, draws(10, 1), draws(10, 2))
