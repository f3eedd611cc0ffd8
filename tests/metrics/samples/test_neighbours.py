"""Blockwise distances and neighbours against plain loops."""

import pytest
import torch

from immersion.metrics.samples import neighbours


def sets(dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(n, 4, dtype=torch.float64, generator=generator) for n in (23, 31))
    return (a + 1000).to(dtype), (b + 1000).to(dtype)  # far from 0: where digits are lost


def exact(a, b):
    return (a.double()[:, None] - b.double()[None]).square().sum(2)


@pytest.mark.parametrize("block", [1, 31, 100, 10**6])
def test_every_row_is_met_once_and_every_distance_is_right(monkeypatch, block):
    monkeypatch.setattr(neighbours, "BLOCK", block)
    a, b = sets()
    met, parts = [], []
    for rows, part in neighbours.compute_squared_distances(a, b):
        met += range(rows.start, rows.stop)
        parts.append(part)
        assert part.numel() <= max(block, len(b))
    assert met == list(range(len(a)))
    assert torch.allclose(torch.cat(parts), exact(a, b), rtol=1e-9)


@pytest.mark.parametrize("block", [1, 100])
def test_nearest_and_radii(monkeypatch, block):
    monkeypatch.setattr(neighbours, "BLOCK", block)
    a, b = sets()
    a[5] = b[7]
    distances, indices = neighbours.find_nearest(a, b)
    assert torch.equal(indices, exact(a, b).argmin(1))
    assert torch.allclose(distances, exact(a, b).min(1).values.sqrt(), rtol=1e-12)
    assert distances[5] == 0 and indices[5] == 7
    for k in (1, 4):
        expected = exact(a, a).sort(1).values[:, k].sqrt()
        assert torch.allclose(neighbours.compute_radii(a, k), expected, rtol=1e-9)


def test_nearest_takes_pictures_in_single_precision():
    a, b = sets(torch.float32)
    distances, indices = neighbours.find_nearest(a.reshape(-1, 1, 2, 2), b.reshape(-1, 1, 2, 2))
    assert torch.equal(indices, exact(a, b).argmin(1))
    assert torch.allclose(distances, exact(a, b).min(1).values.sqrt(), rtol=1e-12)
