"""Derivatives of batched maps g: (N, d) -> (N, D), by forward-mode automatic differentiation.

Row n of g(z) must depend on row n of z alone, as it does for a network in evaluation mode. Then
one forward pass with a tangent differentiates all rows at once.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jvp, vmap

Map = Callable[[Tensor], Tensor]
"""A batched map, (N, d) -> (N, D)."""


def push_forward(g: Map, z: Tensor, v: Tensor) -> Tensor:
    """Return Dg(z) v, (N, D): the tangent vectors of the image that v, (N, d), is mapped to.

    Example:
        >>> z = torch.tensor([[3.0, 4.0]])
        >>> push_forward(lambda z: z.square(), z, torch.tensor([[1.0, 0.0]]))
        tensor([[6., 0.]])
    """
    return jvp(g, (z,), (v,))[1]


def differentiate_twice(g: Map, z: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Return D^2 g(z)[u, v], (N, D), for u and v, (N, d).

    Example:
        >>> z, u = torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 0.0]])
        >>> differentiate_twice(lambda z: z**3, z, u, u)
        tensor([[18.,  0.]])
    """
    # u is an input with a tangent of zeros: without one, PyTorch takes a slower way.
    still = torch.zeros_like(u)
    return jvp(lambda w, moved: push_forward(g, w, moved), (z, u), (v, still))[1]


def jacobian(g: Map, z: Tensor) -> Tensor:
    """Return Dg(z), (N, D, d), by one tangent for each of the d coordinates.

    Example:
        >>> z = torch.tensor([[3.0, 4.0]])
        >>> jacobian(lambda z: torch.stack([z[:, 0] * z[:, 1], z[:, 0]], 1), z)
        tensor([[[4., 3.],
                 [1., 0.]]])
    """
    return vmap(lambda v: push_forward(g, z, v), out_dims=-1)(_make_basis(z))


def second_derivatives(g: Map, z: Tensor) -> Tensor:
    """Return D^2 g(z), (N, D, d, d), from its d (d + 1) / 2 different columns.

    Example:
        >>> second_derivatives(lambda z: z.prod(1, keepdim=True), torch.tensor([[3.0, 4.0]]))
        tensor([[[[0., 1.],
                  [1., 0.]]]])
    """
    d, basis = z.shape[1], _make_basis(z)
    row, column = torch.triu_indices(d, d, device=z.device)
    pairs = vmap(lambda u, v: differentiate_twice(g, z, u, v))(basis[row], basis[column])
    place = torch.zeros(d, d, dtype=torch.long, device=z.device)
    place[row, column] = place[column, row] = torch.arange(len(row), device=z.device)
    return pairs.permute(1, 2, 0)[..., place]


def _make_basis(z: Tensor) -> Tensor:
    """Return the coordinate vectors for all rows, (d, N, d)."""
    identity = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
    return identity.unsqueeze(1).expand(-1, len(z), -1)
