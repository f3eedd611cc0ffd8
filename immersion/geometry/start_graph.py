"""Curves to start geodesics from: shortest paths in a graph over given latents.

A geodesic that starts from a straight line stays in its basin. A path through the data can lead to
a shorter one, such as round the other side of a hill.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree
from torch import Tensor

from immersion.check import UserError, check_at_least
from immersion.geometry.curves import compute_lengths, draw_lines, resample
from immersion.geometry.geodesics import SEGMENTS
from immersion.geometry.manifold import CHUNK, Manifold, check_latents


@dataclass(frozen=True)
class StartGraph:
    """Latents that are joined to their nearest ones by straight edges.

    Args:
        latents: (N, d).
        weights: Sparse (N, N), the lengths of the edges' images.
        neighbours: Number of nearest latents that each is joined to.
        segments: Segments by which edges are measured.
    """

    latents: Tensor
    weights: csr_array
    neighbours: int
    segments: int


@dataclass(frozen=True)
class Starts:
    """Curves to start geodesics from.

    Args:
        curves: (B, T + 1, d), for `find_geodesics(start=...)`.
        lengths: (B,) lengths of their images.
        straight_lengths: (B,) lengths of the images of the straight lines: none is shorter.
        through_graph: (B,) whether the curve is a path through the graph, not the straight line.
    """

    curves: Tensor
    lengths: Tensor
    straight_lengths: Tensor
    through_graph: Tensor


def build_start_graph(
    manifold: Manifold, latents: Tensor, *, neighbours: int = 10, segments: int = 8
) -> StartGraph:
    """Return the graph of latents and their nearest ones, with the lengths of the edges' images.

    Nearest is in latents, since edges are straight there.

    Args:
        manifold: The map.
        latents: (N, d), such as encoded data.
        neighbours: k, less than N.
        segments: Segments by which edges are measured.

    Raises:
        UserError: The latents do not fit the map, or there are no more than k.

    Example:
        >>> z = torch.linspace(0, 1, 5, dtype=torch.float64).reshape(-1, 1)
        >>> graph = build_start_graph(Manifold(lambda z: 2 * z, 1), z, neighbours=2)
        >>> float(graph.weights[0, 1])
        0.5
    """
    check_latents(latents, manifold.dim)
    check_at_least(1, neighbours=neighbours, segments=segments)
    count = len(latents)
    if neighbours >= count:
        what = "there are too few latents for the graph"
        raise UserError(what, f"more than {neighbours}", count, "pass fewer neighbours")
    _, near = cKDTree(latents.cpu().numpy()).query(latents.cpu().numpy(), neighbours + 1)
    edges = np.stack([np.repeat(np.arange(count), neighbours + 1), near.ravel()], 1)
    edges = np.unique(np.sort(edges[edges[:, 0] != edges[:, 1]], 1), axis=0)
    first, second = (latents[torch.from_numpy(ends)] for ends in edges.T)
    lengths = _measure_edges(manifold, first, second, segments)
    rows, columns = np.concatenate([edges, edges[:, ::-1]]).T
    weights = coo_array((np.tile(lengths, 2), (rows, columns)), (count, count)).tocsr()
    return StartGraph(latents, weights, neighbours, segments)


def find_starts(
    manifold: Manifold, graph: StartGraph, a: Tensor, b: Tensor, *, segments: int = SEGMENTS
) -> Starts:
    """Return the shortest paths from a to b through a graph, or straight lines if shorter.

    The ends are joined to their nearest latents of the graph.

    Args:
        manifold: The map.
        graph: From `build_start_graph`.
        a, b: (B, d) ends.
        segments: T.

    Raises:
        UserError: The ends do not fit the map or one another.

    Example:
        >>> def hill(z):
        ...     height = 3 * (-4 * z.square().sum(1, keepdim=True)).exp()
        ...     return torch.cat([z, height], 1)
        >>> line = torch.linspace(-1.5, 1.5, 13, dtype=torch.float64)
        >>> manifold = Manifold(hill, 2)
        >>> graph = build_start_graph(manifold, torch.cartesian_prod(line, line))
        >>> ends = torch.tensor([[[-1.2, 0.0]], [[1.2, 0.0]]], dtype=torch.float64)
        >>> starts = find_starts(manifold, graph, *ends)
        >>> bool(starts.lengths < 0.6 * starts.straight_lengths)  # round the hill, not over it
        True

    Reference:
        Tenenbaum, de Silva & Langford 2000, A global geometric framework for nonlinear
        dimensionality reduction, https://doi.org/10.1126/science.290.5500.2319
    """
    for ends in (a, b):
        check_latents(ends, manifold.dim)
    if a.shape != b.shape:
        raise UserError("a and b differ in shape", tuple(a.shape), tuple(b.shape))
    lines = draw_lines(a, b, segments)
    straight = compute_lengths(manifold, lines)
    nodes = torch.cat([graph.latents.to(a), a, b])
    weights = _join_ends(manifold, graph, a, b)
    count, pairs = len(graph.latents), len(a)
    starts = np.arange(count, count + pairs)
    reach, previous = dijkstra(weights, indices=starts, return_predecessors=True)
    curves = lines.clone()
    for row in range(pairs):
        if np.isfinite(reach[row, count + pairs + row]):
            path = _walk_back(previous[row], count + pairs + row)
            curves[row] = _draw(manifold, nodes[path], graph.segments, segments)
    lengths = compute_lengths(manifold, curves)
    shorter = lengths < straight
    keep = shorter.reshape(-1, 1, 1)
    return Starts(torch.where(keep, curves, lines), lengths.minimum(straight), straight, shorter)


def _join_ends(manifold: Manifold, graph: StartGraph, a: Tensor, b: Tensor) -> csr_array:
    """Return the graph with edges from each end a into it, and from it to each end b."""
    count, pairs = len(graph.latents), len(a)
    tree = cKDTree(graph.latents.cpu().numpy())
    own = np.repeat(np.arange(pairs), graph.neighbours)
    rows, columns, lengths = [], [], []
    for ends, offset, outward in ((a, count, True), (b, count + pairs, False)):
        _, near = tree.query(ends.cpu().numpy(), np.arange(1, graph.neighbours + 1))
        latents = graph.latents.to(a)[torch.from_numpy(near.ravel())]
        lengths.append(_measure_edges(manifold, ends[own], latents, graph.segments))
        pair = (offset + own, near.ravel())
        rows.append(pair[0] if outward else pair[1])
        columns.append(pair[1] if outward else pair[0])
    inner = graph.weights.tocoo()
    data = np.concatenate([inner.data, *lengths])
    place = (np.concatenate([inner.coords[0], *rows]), np.concatenate([inner.coords[1], *columns]))
    return coo_array((data, place), (count + 2 * pairs,) * 2).tocsr()


def _measure_edges(manifold: Manifold, a: Tensor, b: Tensor, segments: int) -> np.ndarray:
    """Return the lengths of the images of straight edges, (E,), in bounded memory."""
    size = max(1, CHUNK // ((segments + 1) * manifold.points(a[:1]).shape[1]))
    parts = zip(a.split(size), b.split(size), strict=True)
    lengths = torch.cat([compute_lengths(manifold, draw_lines(*part, segments)) for part in parts])
    # scipy takes a length of 0 for a missing edge.
    return lengths.double().clamp(min=1e-300).cpu().numpy()


def _walk_back(previous: np.ndarray, end: int) -> list[int]:
    """Return the nodes of the path to an end, from its start."""
    path = [end]
    while previous[path[-1]] >= 0:
        path.append(int(previous[path[-1]]))
    return path[::-1]


def _draw(manifold: Manifold, nodes: Tensor, each: int, segments: int) -> Tensor:
    """Return the path through nodes, (M, d), at equal lengths of its image, (segments + 1, d)."""
    lines = draw_lines(nodes[:-1], nodes[1:], each)
    fine = torch.cat([lines[:, :-1].flatten(0, 1), nodes[-1:]])
    chords = manifold.points(fine).diff(dim=0).norm(dim=1)
    places = torch.cat([torch.zeros_like(chords[:1]), chords.cumsum(0)])
    return resample(fine.unsqueeze(0), places.unsqueeze(0), segments)[0]
