"""Parallel transport of tangent vectors along discretised curves."""

from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.geometry.exponential import check_velocities
from immersion.geometry.frames import compute_frames
from immersion.geometry.manifold import Manifold, check_latents


@dataclass(frozen=True)
class Transported:
    """Tangent vectors that have been transported to the ends of curves.

    Args:
        vectors: (B, d), in latents: Dg of them is tangent to the image at the curves' ends.
        errors: (B,) estimates of the distance to the exact vectors, relative to their length: from
            the difference to the transport along every other point of the curves, and the order
            of the method.
    """

    vectors: Tensor
    errors: Tensor


def transport_vectors(manifold: Manifold, curves: Tensor, v: Tensor) -> Transported:
    r"""Return the parallel transport of v along curves, of second order in their segments.

    From a point to the next, tangent spaces are mapped by the isometry that is closest to the
    projection: with frames Dg = QR, it is Q_{t+1} O Q_t', for O the orthogonal polar factor of
    Q_{t+1}' Q_t. The lengths of vectors and the angles between them are kept exactly, and the
    transport back is its inverse.

    Args:
        manifold: The map.
        curves: (B, T + 1, d) latents.
        v: (B, d) latent vectors at the curves' starts.

    Raises:
        UserError: The vectors do not fit the curves, Dg has not full rank at a point of a curve,
            or neighbouring tangent spaces are perpendicular.

    Example:
        >>> def sphere(z):
        ...     u, v = z.unbind(1)
        ...     return torch.stack([u.cos() * v.cos(), u.cos() * v.sin(), u.sin()], 1)
        >>> longitude = torch.linspace(0, 2 * torch.pi, 201, dtype=torch.float64)
        >>> circle = torch.stack([torch.full_like(longitude, torch.pi / 6), longitude], 1)[None]
        >>> north = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
        >>> turned = transport_vectors(Manifold(sphere, 2), circle, north).vectors
        >>> turned.round(decimals=3)  # by 2 pi sin(latitude): the area of the cap is pi
        tensor([[-1., -0.]], dtype=torch.float64)

    Reference:
        do Carmo 1992, Riemannian Geometry, chapter 2, proposition 2.6, for the transport;
        Singer & Wu 2012, Vector diffusion maps, section 2, https://arxiv.org/abs/1102.0075, for
        the isometry
    """
    q, r = _compute_frames_along(manifold, curves, v)
    start = (r[:, 0] @ v.unsqueeze(-1)).squeeze(-1)
    fine = _turn_by_isometries(q, start)
    coarse = _turn_by_isometries(_skip(q), start)
    return Transported(_to_latents(r[:, -1], fine), _compare(fine, coarse, start, order=2))


def project_vectors(manifold: Manifold, curves: Tensor, v: Tensor) -> Transported:
    """Return the translation of v along curves by algorithm 2 of Shao, Kumar & Fletcher.

    u_0 = Dg(z_0) v; then, for t = 1, ..., T, with the singular value decomposition
    Dg(z_t) = U S V': u_t = U U' u_{t-1}, scaled to the length of u_{t-1}. The result is
    V S^-1 U' u_T. It is of first order in 1/T; `transport_vectors` is of second order.

    Args:
        manifold: The map.
        curves: (B, T + 1, d) latents.
        v: (B, d) latent vectors at the curves' starts.

    Raises:
        UserError: As `transport_vectors`.

    Example:
        >>> plane = Manifold(lambda z: torch.cat([z, z], 1), 2)
        >>> curves = torch.rand(1, 5, 2, dtype=torch.float64)
        >>> v = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
        >>> project_vectors(plane, curves, v).vectors.round(decimals=6)
        tensor([[1., 2.]], dtype=torch.float64)

    Reference:
        Shao, Kumar & Fletcher 2017, algorithm 2, https://arxiv.org/abs/1711.08014
    """
    _check(manifold, curves, v)
    jacobians = manifold.jacobian(curves.flatten(0, 1)).unflatten(0, curves.shape[:2])
    compute_frames(manifold, curves.flatten(0, 1))  # raises where a singular value is 0
    u, s, vh = torch.linalg.svd(jacobians, full_matrices=False)
    start = (jacobians[:, 0] @ v.unsqueeze(-1)).squeeze(-1)
    fine, coarse = _project_and_scale(u, start), _project_and_scale(_skip(u), start)
    coordinates = (u[:, -1].mT @ fine.unsqueeze(-1)) / s[:, -1].unsqueeze(-1)
    vectors = (vh[:, -1].mT @ coordinates).squeeze(-1)
    return Transported(vectors, _compare(fine, coarse, start, order=1))


def _check(manifold: Manifold, curves: Tensor, v: Tensor) -> None:
    if curves.ndim != 3 or curves.shape[1] < 2:
        raise UserError(
            "the curves have the wrong shape",
            f"(B, T + 1, {manifold.dim}) with T of 1 or more",
            tuple(curves.shape),
        )
    check_latents(curves.flatten(0, 1), manifold.dim)
    check_velocities(curves[:, 0], v, manifold)


def _compute_frames_along(manifold: Manifold, curves: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Return Q, (B, T + 1, D, d), and R, (B, T + 1, d, d), at the points of curves."""
    _check(manifold, curves, v)
    frames = compute_frames(manifold, curves.flatten(0, 1))
    return frames.q.unflatten(0, curves.shape[:2]), frames.r.unflatten(0, curves.shape[:2])


def _turn_by_isometries(q: Tensor, c: Tensor) -> Tensor:
    """Return coordinates c, (B, d), in the first frame transported to those in the last."""
    left, cosines, right = torch.linalg.svd(q[:, 1:].mT @ q[:, :-1])
    if (cosines[..., -1] <= torch.finfo(q.dtype).eps ** 0.5).any():
        raise UserError(
            "neighbouring tangent spaces of a curve are perpendicular",
            remedy="use curves of more segments",
        )
    turns = left @ right
    for t in range(turns.shape[1]):
        c = (turns[:, t] @ c.unsqueeze(-1)).squeeze(-1)
    return c


def _project_and_scale(bases: Tensor, u: Tensor) -> Tensor:
    """Return vectors u, (B, D), projected to one tangent space after the other, (B, D)."""
    for t in range(1, bases.shape[1]):
        basis = bases[:, t]
        projected = (basis @ (basis.mT @ u.unsqueeze(-1))).squeeze(-1)
        length = projected.norm(dim=1, keepdim=True).clamp(min=torch.finfo(u.dtype).tiny)
        u = u.norm(dim=1, keepdim=True) / length * projected
    return u


def _skip(x: Tensor) -> Tensor:
    """Return every other entry of x, (B, T + 1, ...), with both ends."""
    return torch.cat([x[:, :-1:2], x[:, -1:]], 1)


def _compare(fine: Tensor, coarse: Tensor, start: Tensor, order: int) -> Tensor:
    """Return Richardson's estimate of the relative error of fine, (B,)."""
    length = start.norm(dim=1).clamp(min=torch.finfo(start.dtype).tiny)
    return (fine - coarse).norm(dim=1) / length / (2**order - 1)


def _to_latents(r: Tensor, c: Tensor) -> Tensor:
    return torch.linalg.solve_triangular(r, c.unsqueeze(-1), upper=True).squeeze(-1)
