"""Precision, recall, density and coverage against loops over their definitions."""

import numpy as np
import pytest
import torch

from immersion.check import UserError
from immersion.metrics.samples import neighbours
from immersion.metrics.samples.coverage import compute_coverage


def draws(n, seed, shift=0.0, size=4):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, size, dtype=torch.float64, generator=generator) + shift


def by_loops(real, drawn, k):
    real, drawn = real.numpy(), drawn.numpy()

    def balls(x):
        return [sorted(np.linalg.norm(x - centre, axis=1))[k] for centre in x]

    def inside(points, centres, radii):
        return np.array(
            [
                [np.linalg.norm(p - c) <= r for c, r in zip(centres, radii, strict=True)]
                for p in points
            ]
        )

    drawn_in_real = inside(drawn, real, balls(real))
    real_in_drawn = inside(real, drawn, balls(drawn))
    return {
        "precision": drawn_in_real.any(1),
        "recall": real_in_drawn.any(1),
        "density": drawn_in_real.sum(1) / k,
        "coverage": drawn_in_real.any(0),
    }


@pytest.mark.parametrize(("k", "m", "shift"), [(5, 60, 0.5), (3, 45, 0.0), (1, 70, 1.0)])
@pytest.mark.parametrize("block", [100, 10**6])
def test_the_four_shares_are_their_definitions(monkeypatch, k, m, shift, block):
    monkeypatch.setattr(neighbours, "BLOCK", block)
    real, drawn = draws(60, 0), draws(m, 1, shift)
    found = compute_coverage(real, drawn, k)
    expected = by_loops(real, drawn, k)
    assert list(found) == list(expected)
    for name, values in expected.items():
        assert found[name].value == pytest.approx(values.mean(), abs=1e-12)
        error = values.astype(float).std(ddof=1) / len(values) ** 0.5
        assert found[name].standard_error == pytest.approx(error, rel=1e-9)
        assert found[name].examples == len(values)


def test_coverage_of_equal_distributions_is_known():
    """P(none of M drawn ones in the ball of k real neighbours) = 2^-k for N = M, large."""
    measured = [
        compute_coverage(draws(300, s), draws(300, 900 + s), 2)["coverage"].value
        for s in range(20)
    ]
    assert np.mean(measured) == pytest.approx(1 - 2**-2, abs=0.015)


def test_copies_and_strangers():
    real = draws(50, 0)
    same, far = compute_coverage(real, real.clone()), compute_coverage(real, real + 100)
    assert [same[name].value for name in ("precision", "recall", "coverage")] == [1, 1, 1]
    assert all(share.value == 0 for share in far.values())


def test_collapse_is_seen_by_recall_and_coverage_and_not_by_precision():
    real = draws(200, 0)
    collapsed = real[:1] + 1e-3 * draws(200, 1)
    found = compute_coverage(real, collapsed)
    assert found["precision"].value == 1
    assert found["recall"].value <= 0.01
    assert found["coverage"].value < 0.2


def test_no_more_examples_than_neighbours_is_refused():
    with pytest.raises(UserError, match="too few drawn examples: expected more than 5"):
        compute_coverage(draws(50, 0), draws(5, 1))
