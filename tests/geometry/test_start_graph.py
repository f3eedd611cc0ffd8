"""Starts of geodesics through a graph."""

import numpy as np
import pytest
import torch
from scipy.sparse.csgraph import connected_components
from surfaces import linear, network

from immersion.check import UserError
from immersion.geometry import Manifold
from immersion.geometry.curves import compute_lengths, draw_lines
from immersion.geometry.geodesics import find_geodesics
from immersion.geometry.start_graph import build_start_graph, find_starts


def sample(count=8, dim=2, scale=0.5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(count, dim, generator=generator, dtype=torch.float64)


def hill(z):
    """A steep hill: the straight line over its top is a geodesic, but not the shortest."""
    return torch.cat([z, 3 * (-4 * z.square().sum(1, keepdim=True)).exp()], 1)


def grid(count=13, side=1.5):
    line = torch.linspace(-side, side, count, dtype=torch.float64)
    return torch.cartesian_prod(line, line)


def test_edges_have_the_lengths_of_their_images():
    manifold, z = network(), sample(30, 3)
    graph = build_start_graph(manifold, z, neighbours=4, segments=6)
    weights = graph.weights.toarray()
    assert np.array_equal(weights, weights.T)
    assert (np.count_nonzero(weights, 1) >= 4).all()
    distances = torch.cdist(z, z).fill_diagonal_(torch.inf)
    for row, near in enumerate(distances.topk(4, largest=False).indices):
        lines = draw_lines(z[row].expand(4, -1), z[near], 6)
        expected = compute_lengths(manifold, lines)
        torch.testing.assert_close(torch.from_numpy(weights[row, near]), expected)


def test_the_way_round_a_hill():
    manifold = Manifold(hill, 2)
    a = torch.tensor([[-1.2, 0.0], [-1.2, 0.05]], dtype=torch.float64)
    starts = find_starts(manifold, build_start_graph(manifold, grid()), a, -a)
    assert starts.through_graph.all()
    torch.testing.assert_close(starts.curves[:, 0], a)
    torch.testing.assert_close(starts.curves[:, -1], -a)
    torch.testing.assert_close(starts.lengths, compute_lengths(manifold, starts.curves))
    over = find_geodesics(manifold, a, -a)
    round_it = find_geodesics(manifold, a, -a, start=starts.curves)
    assert (round_it.lengths <= starts.lengths + 1e-9).all()
    assert (starts.lengths < starts.straight_lengths).all()
    # By symmetry, the straight line of the first pair stays a geodesic.
    assert round_it.lengths[0] < 0.6 * over.lengths[0]
    assert round_it.converged.all()


def test_lengths_of_paths_are_those_of_dijkstra():
    """On a plane with a lattice, the shortest paths along its edges are known."""
    manifold = Manifold(lambda z: torch.cat([z, 0 * z], 1), 2)
    z = torch.cartesian_prod(torch.arange(4.0), torch.arange(4.0)).double()
    starts = find_starts(manifold, build_start_graph(manifold, z, neighbours=4), z[:1], z[-1:])
    # Straight is shortest where the map is linear, so that the start is the line itself.
    assert not starts.through_graph.any()
    torch.testing.assert_close(starts.curves, draw_lines(z[:1], z[-1:], 50))


def test_no_start_is_longer_than_the_straight_line():
    manifold, z = network(), sample(40, 3, scale=1.0)
    starts = find_starts(manifold, build_start_graph(manifold, z), z[:10], z[10:20])
    assert (starts.lengths <= starts.straight_lengths).all()
    found = find_geodesics(manifold, z[:10], z[10:20], start=starts.curves)
    assert (found.lengths <= starts.lengths * (1 + 1e-9)).all()


def test_a_graph_in_pieces_leaves_straight_lines():
    z = torch.cat([sample(6), 50 + sample(6)])
    manifold = Manifold(hill, 2)
    graph = build_start_graph(manifold, z, neighbours=2)
    assert connected_components(graph.weights)[0] >= 2
    starts = find_starts(manifold, graph, z[:2], z[6:8], segments=10)
    assert not starts.through_graph.any()


def test_batched_is_one_by_one():
    manifold, z = Manifold(hill, 2), grid()
    graph, a, b = build_start_graph(manifold, z), sample(5), 2 * sample(5, seed=1)
    rows = zip(a.split(1), b.split(1), strict=True)
    single = [find_starts(manifold, graph, *row).curves for row in rows]
    torch.testing.assert_close(find_starts(manifold, graph, a, b).curves, torch.cat(single))


def test_points_that_coincide_and_errors():
    manifold, z = Manifold(linear, 3), sample(6, 3)
    twice = torch.cat([z, z])
    graph = build_start_graph(manifold, twice, neighbours=3)
    starts = find_starts(manifold, graph, z[:1], z[:1], segments=5)
    assert starts.lengths.max() == 0 and starts.curves.isfinite().all()
    with pytest.raises(UserError, match="more than 6, received 6; pass fewer"):
        build_start_graph(manifold, z, neighbours=6)
    with pytest.raises(UserError, match="differ in shape"):
        find_starts(manifold, graph, z, z[:1])
