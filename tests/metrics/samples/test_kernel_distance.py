"""The kernel distance against sums written out pair by pair."""

import numpy as np
import pytest
import torch

from immersion.check import UserError
from immersion.metrics.samples.kernel_distance import compute_kernel_distance, compute_squared_mmd


def draws(n, seed, shift=0.0, size=5):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, size, dtype=torch.float64, generator=generator) + shift


def kernel(x, y):
    return (sum(a * b for a, b in zip(x, y, strict=True)) / len(x) + 1) ** 3


def by_pairs(a, b):
    def within(s):
        return np.mean([kernel(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j])

    return within(a) + within(b) - 2 * np.mean([kernel(x, y) for x in a for y in b])


def test_squared_mmd_is_the_sum_over_pairs():
    a, b = draws(13, 0), draws(9, 1, 0.5)
    expected = by_pairs(a.tolist(), b.tolist())
    assert compute_squared_mmd(a, b).item() == pytest.approx(expected, rel=1e-10)
    assert compute_squared_mmd(a.float(), b.float()).item() == pytest.approx(expected, rel=1e-5)


def test_every_example_is_used_once(monkeypatch):
    """The subsets' sizes add up, and no example is in two of them."""
    from immersion.metrics.samples import kernel_distance as module

    a, b = draws(47, 0), draws(35, 1)
    seen = []
    own = module.compute_squared_mmd
    monkeypatch.setattr(
        module, "compute_squared_mmd", lambda x, y: seen.append((x, y)) or own(x, y)
    )
    estimate = compute_kernel_distance(a, b, seed=3)
    assert estimate.examples == len(seen) == 10
    for whole, parts in ((a, [x for x, _ in seen]), (b, [y for _, y in seen])):
        together = torch.cat(parts)
        assert sorted(together[:, 0].tolist()) == sorted(whole[:, 0].tolist())
        assert {len(part) for part in parts} <= {len(whole) // 10, len(whole) // 10 + 1}
    values = torch.stack([own(x, y) for x, y in seen])
    assert estimate.value == pytest.approx(values.mean().item())
    assert estimate.standard_error == pytest.approx(values.std().item() / 10**0.5)


def test_subsets_hold_a_thousand_where_there_are_enough():
    assert (
        compute_kernel_distance(draws(11_000, 0, size=1), draws(11_500, 1, size=1)).examples == 11
    )


def test_it_is_unbiased_and_its_error_bar_covers():
    estimates = [
        compute_kernel_distance(draws(200, s), draws(200, 500 + s), s) for s in range(100)
    ]
    values = np.array([e.value for e in estimates])
    assert abs(values.mean()) < 3 * values.std() / 10
    within = [abs(e.value) < 2.26 * e.standard_error for e in estimates]  # t with 9 degrees
    assert 88 <= sum(within) <= 100


def test_too_few_examples_are_refused():
    with pytest.raises(UserError, match="too few real examples"):
        compute_kernel_distance(draws(19, 0), draws(100, 1))
    with pytest.raises(UserError, match="2 examples or more"):
        compute_squared_mmd(draws(1, 0), draws(5, 1))
