"""Distance matrices and nearest neighbours."""

import pytest
import torch
from surfaces import RADIUS, linear, network, reparameterise, stereographic, warp

from immersion.check import UserError
from immersion.geometry import Manifold
from immersion.geometry.pairs import compute_distances, find_neighbours, measure_pairs


def sample(count=8, dim=2, scale=0.5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, dim, generator=generator, dtype=torch.float64)


def great_circles(manifold, a, b):
    cosine = manifold.points(a) @ manifold.points(b).T / RADIUS**2
    return RADIUS * cosine.clamp(-1, 1).acos()


def test_distances_on_the_sphere_are_of_second_order():
    manifold, z = Manifold(stereographic, 2), sample()
    exact = great_circles(manifold, z, z).fill_diagonal_(0)
    errors = []
    for segments in (40, 80, 160):
        found = compute_distances(manifold, z, segments=segments)
        assert found.converged.all()
        assert (found.lengths <= found.straight_lengths * (1 + 1e-9)).all()
        assert torch.equal(found.lengths, found.lengths.T)
        errors.append(float((found.lengths - exact).abs().max()))
    assert errors[-1] < 1e-4
    assert 3.8 < errors[1] / errors[2] < 4.2


def test_distances_between_two_sets():
    manifold, a, b = Manifold(stereographic, 2), sample(3), sample(4, seed=1)
    found = compute_distances(manifold, a, b, segments=100)
    torch.testing.assert_close(found.lengths, great_circles(manifold, a, b), rtol=1e-4, atol=0)


def test_flat_distances_are_euclidean():
    manifold, z = Manifold(linear, 3), sample(dim=3)
    found = compute_distances(manifold, z, segments=3)
    x = manifold.points(z)
    torch.testing.assert_close(found.lengths, torch.cdist(x, x), rtol=1e-10, atol=1e-12)


def test_distances_do_not_depend_on_the_latents():
    manifold, w = network(), sample(5, 3)
    matrix = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 0.5], [0.3, 0.0, 1.0]]).double()
    turned = Manifold(lambda w: manifold.g(w @ matrix), 3)
    expected = compute_distances(manifold, w @ matrix).lengths
    torch.testing.assert_close(compute_distances(turned, w).lengths, expected, rtol=1e-8, atol=0)
    expected = compute_distances(manifold, warp(w)).lengths
    found = compute_distances(reparameterise(manifold), w).lengths
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=0)


def test_batches_do_not_change_distances(monkeypatch):
    manifold, z = network(), sample(5, 3)
    expected = compute_distances(manifold, z)
    monkeypatch.setattr("immersion.geometry.pairs.VALUES", 1)
    found = compute_distances(manifold, z)
    torch.testing.assert_close(found.lengths, expected.lengths, rtol=1e-9, atol=0)
    assert torch.equal(found.converged, expected.converged)


def test_points_that_coincide_have_distance_zero():
    z = sample(3)
    found = compute_distances(Manifold(stereographic, 2), torch.cat([z, z[:1]]), segments=10)
    assert found.lengths[0, 3] == 0 and found.converged.all()
    assert measure_pairs(Manifold(stereographic, 2), z[:0], z[:0])[0].shape == (0,)


def test_neighbours_are_the_nearest_of_all():
    """On a rolled-up sheet, chords and distances have different nearest points."""

    def roll(z):
        angle, height = z.unbind(1)
        return torch.stack([angle * angle.cos() / 4, angle * angle.sin() / 4, height], 1)

    manifold = Manifold(roll, 2)
    z = torch.cat([6 + 10 * sample(30, 1).abs(), sample(30, 1, seed=1)], 1)
    found = find_neighbours(manifold, z[:5], z[5:], 3, segments=30)
    lengths = compute_distances(manifold, z[:5], z[5:], segments=30).lengths
    expected = lengths.topk(3, largest=False)
    torch.testing.assert_close(found.lengths, expected.values, rtol=1e-6, atol=0)
    assert torch.equal(found.indices, expected.indices)
    assert 15 < found.compared < lengths.numel()
    chords = torch.cdist(manifold.points(z[:5]), manifold.points(z[5:]))
    assert not torch.equal(chords.topk(3, largest=False).indices, expected.indices)


def test_errors_are_sentences():
    manifold, z = Manifold(stereographic, 2), sample(3)
    with pytest.raises(UserError, match="1 to 3, received 4"):
        find_neighbours(manifold, z, z, 4)
    with pytest.raises(UserError, match="do not fit the map"):
        compute_distances(manifold, z, sample(3, 3))
