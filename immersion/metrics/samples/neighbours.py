"""Distances between two sets in blocks of rows, so that 10,000 x 10,000 of them need 64 MB."""

from collections.abc import Iterator

import torch
from torch import Tensor

BLOCK = 2**23
"""Distances held at a time; in float64, 64 MB."""


def compute_squared_distances(a: Tensor, b: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield (rows of a, |a_i - b_j|^2 for those rows and every j), in float64.

    By |a|^2 + |b|^2 - 2 a'b with b's mean taken off both, which leaves an absolute error of about
    1e-16 times the features' squared spread.

    Args:
        a: (N, F).
        b: (M, F).

    Example:
        >>> a, b = torch.tensor([[0.0, 0.0], [3.0, 0.0]]), torch.tensor([[3.0, 4.0]])
        >>> [block.tolist() for _, block in compute_squared_distances(a, b)]
        [[[25.0], [16.0]]]
    """
    b = b.double()
    centre = b.mean(0)
    b = b - centre
    norms = b.square().sum(1)
    size = max(1, BLOCK // len(b))
    for start in range(0, len(a), size):
        rows = slice(start, min(start + size, len(a)))
        part = a[rows].double() - centre
        block = torch.addmm(norms, part, b.T, alpha=-2).add_(part.square().sum(1, keepdim=True))
        yield rows, block.clamp_(min=0)


def find_nearest(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return the Euclidean distance from each of a to its nearest neighbour in b, and its index.

    Args:
        a: (N, *shape), examples of any shape; they are flattened.
        b: (M, *shape).

    Returns:
        Distances, (N,) in float64, exactly 0 for a copy; indices into b, (N,).

    Example:
        >>> a, b = torch.tensor([[1.0], [9.0]]), torch.tensor([[5.0], [9.0]])
        >>> distances, indices = find_nearest(a, b)
        >>> distances.tolist(), indices.tolist()
        ([4.0, 0.0], [0, 1])
    """
    a, b = a.flatten(1), b.flatten(1)
    distances, indices = [], []
    for rows, block in compute_squared_distances(a, b):
        found = block.argmin(1)
        # Taken again by subtraction: the difference of squares has no digits left near 0.
        distances.append((a[rows].double() - b[found].double()).norm(dim=1))
        indices.append(found)
    return torch.cat(distances), torch.cat(indices)


def compute_radii(x: Tensor, k: int) -> Tensor:
    """Return the distance from each example to its k-th nearest neighbour in the same set, (N,).

    Example:
        >>> compute_radii(torch.tensor([[0.0], [1.0], [3.0]]), 1).tolist()
        [1.0, 1.0, 2.0]
    """
    parts = []
    for rows, block in compute_squared_distances(x, x):
        own = torch.arange(rows.start, rows.stop)
        block[own - rows.start, own] = 0  # an example is its own nearest, to the last digit
        parts.append(block.topk(k + 1, largest=False).values[:, -1])
    return torch.cat(parts).sqrt()
