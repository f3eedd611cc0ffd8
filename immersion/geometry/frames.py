"""Orthonormal frames of tangent spaces, Dg(z) = QR, and the inverse of Dg on its image.

The inverse of the metric is never formed: G^-1 Dg' = R^-1 Q', whose rounding errors grow with the
condition number of Dg and not with its square.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.geometry.manifold import CHUNK, Manifold, check_latents


@dataclass(frozen=True)
class Frames:
    """Frames of N tangent spaces.

    Args:
        q: (N, D, d), orthonormal columns that span the image of Dg.
        r: (N, d, d), upper triangular, with Dg = QR.
    """

    q: Tensor
    r: Tensor

    def push_forward(self, v: Tensor) -> Tensor:
        """Return Dg v, (N, D), of latent vectors, (N, d)."""
        return _multiply(self.q, self.to_frame(v))

    def pull_back(self, x: Tensor) -> Tensor:
        """Return R^-1 Q' x, (N, d), of x, (N, D): Dg maps it to the tangential part of x."""
        return self.to_latents(_multiply(self.q.mT, x))

    def to_frame(self, v: Tensor) -> Tensor:
        """Return R v, (N, d): orthonormal coordinates of latent vectors, (N, d)."""
        return _multiply(self.r, v)

    def to_latents(self, c: Tensor) -> Tensor:
        """Return R^-1 c, (N, d): latent vectors of orthonormal coordinates, (N, d)."""
        return torch.linalg.solve_triangular(self.r, c.unsqueeze(-1), upper=True).squeeze(-1)


def compute_frames(manifold: Manifold, z: Tensor) -> Frames:
    """Return frames of the tangent spaces at z, (N, d).

    Raises:
        UserError: Dg has not full rank, or is not finite, at a point.

    Example:
        >>> frames = compute_frames(Manifold(lambda z: 2 * z, 2), torch.ones(1, 2))
        >>> frames.pull_back(torch.tensor([[2.0, 4.0]]))
        tensor([[1., 2.]])
    """
    check_latents(z, manifold.dim)
    return factor(manifold.jacobian(z.contiguous()))


def factor(jacobian: Tensor) -> Frames:
    """Return the frames of Jacobians, (N, D, d).

    Raises:
        UserError: One of them has not rank d: its smallest singular value is at most D eps times
            the largest, for eps the rounding error of its precision.
    """
    if jacobian.shape[1] < jacobian.shape[2]:
        dims = tuple(jacobian.shape[1:])
        raise UserError("the map has fewer values than latents", "D >= d", f"(D, d) = {dims}")
    if not jacobian.isfinite().all():
        bad = int((~jacobian.flatten(1).isfinite().all(1)).sum())
        raise UserError(f"the Jacobian is not finite at {bad} of {len(jacobian)} points")
    q, r = torch.linalg.qr(jacobian)
    values = torch.linalg.svdvals(r)
    least = jacobian.shape[1] * torch.finfo(r.dtype).eps * values[:, 0]
    singular = values[:, -1] <= least
    if singular.any():
        worst = int(values[:, -1].argmin())
        raise UserError(
            f"the Jacobian has not full rank at {int(singular.sum())} of {len(values)} points, so "
            "that the metric has no inverse",
            f"a smallest singular value above {float(least[worst]):.2g}",
            f"{float(values[worst, -1]):.2g}",
            "leave these points out, or drop latents that the map does not depend on",
        )
    return Frames(q, r)


def map_rows(
    manifold: Manifold, compute: Callable[..., Tensor], *rows: Tensor, size: int
) -> Tensor:
    """Return compute(*rows) of chunks of rows, so that it takes bounded memory.

    Args:
        manifold: The map.
        compute: A function of chunks, whose rows are independent.
        rows: Latents, (N, d), then other tensors of N rows.
        size: Columns of length D that a row takes in memory.

    Raises:
        UserError: The latents do not fit the map, or the result is not finite.
    """
    z = check_latents(rows[0], manifold.dim)
    if any(row.shape != z.shape for row in rows[1:]):
        shapes = [tuple(row.shape) for row in rows[1:]]
        raise UserError("the vectors do not fit the latents", tuple(z.shape), shapes)
    ambient = manifold.points(z[:1]).shape[1]
    length = max(1, CHUNK // (ambient * size))
    # Forward-mode differentiation refuses expanded tensors.
    chunks = zip(*(row.contiguous().split(length) for row in rows), strict=True)
    result = torch.cat([compute(*chunk) for chunk in chunks])
    if not result.isfinite().all():
        bad = int((~result.reshape(len(z), -1).isfinite().all(1)).sum())
        raise UserError(
            f"derivatives of the map are not finite at {bad} of {len(z)} points",
            remedy="leave these points out, or use a map that is differentiable twice",
        )
    return result


def _multiply(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)
