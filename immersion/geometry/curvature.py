"""Curvature of the image of g, from its first and second derivatives.

Gauss's equation gives the Riemann tensor from the second fundamental form, so that no third
derivatives are needed. Indices are of latents: i, j, k, l from 1 to d.

References:
    do Carmo 1992, Riemannian Geometry, chapters 2 and 6
    Lee 2018, Introduction to Riemannian Manifolds, second edition, chapters 5, 7 and 8
"""

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.geometry.differentials import differentiate_twice, jacobian, second_derivatives
from immersion.geometry.frames import Frames, factor, map_rows
from immersion.geometry.manifold import Manifold


def compute_christoffel_symbols(manifold: Manifold, z: Tensor) -> Tensor:
    """Return Gamma^k_ij = sum_l G^kl <d_l g, d_i d_j g>, (N, d, d, d), indexed [n, k, i, j].

    It equals 1/2 sum_l G^kl (d_i G_jl + d_j G_il - d_l G_ij), for G = Dg' Dg.

    Raises:
        UserError: Dg has not full rank at a point.

    Example:
        >>> circle = lambda angle: torch.cat([angle.cos(), angle.sin()], 1)
        >>> polar = Manifold(lambda z: z[:, :1] * circle(z[:, 1:]), 2)
        >>> z = torch.tensor([[2.0, 0.0]], dtype=torch.float64)  # radius and angle
        >>> compute_christoffel_symbols(polar, z)[0, 0, 1, 1]  # minus the radius
        tensor(-2., dtype=torch.float64)

    Reference:
        do Carmo 1992, chapter 2, equation (10); Lee 2018, corollary 5.11
    """

    def compute(part: Tensor) -> Tensor:
        frames = factor(jacobian(manifold.g, part))
        return _pull_back(frames, second_derivatives(manifold.g, part))

    return map_rows(manifold, compute, z, size=manifold.dim**2)


def compute_second_fundamental_form(manifold: Manifold, z: Tensor) -> Tensor:
    """Return II_ij = d_i d_j g - sum_k Gamma^k_ij d_k g, (N, D, d, d): normal to the image.

    Raises:
        UserError: Dg has not full rank at a point.

    Example:
        >>> bowl = Manifold(lambda z: torch.cat([z, z.square().sum(1, keepdim=True)], 1), 2)
        >>> compute_second_fundamental_form(bowl, torch.zeros(1, 2))[0, 2]
        tensor([[2., 0.],
                [0., 2.]])

    Reference:
        do Carmo 1992, chapter 6, section 2; Lee 2018, theorem 8.2 (the Gauss formula)
    """
    return map_rows(manifold, lambda part: _second_form(manifold, part), z, size=manifold.dim**2)


def compute_riemann_tensor(manifold: Manifold, z: Tensor) -> Tensor:
    """Return R_ijkl = <II_il, II_jk> - <II_ik, II_jl>, (N, d, d, d, d).

    The sign is that of positive R_ijji on spheres.

    Raises:
        UserError: Dg has not full rank at a point.

    Example:
        >>> saddle = Manifold(lambda z: torch.cat([z, z[:, :1] * z[:, 1:]], 1), 2)
        >>> compute_riemann_tensor(saddle, torch.zeros(1, 2))[0, 0, 1, 1, 0]
        tensor(-1.)

    Reference:
        Gauss's equation: do Carmo 1992, chapter 6, proposition 3.1; Lee 2018, theorem 8.5
    """

    def compute(part: Tensor) -> Tensor:
        form = _second_form(manifold, part)
        products = torch.einsum("naij,nakl->nijkl", form, form)
        return products.permute(0, 1, 3, 4, 2) - products.permute(0, 1, 3, 2, 4)

    return map_rows(manifold, compute, z, size=manifold.dim**2)


def compute_sectional_curvature(manifold: Manifold, z: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Return (<II(u, u), II(v, v)> - |II(u, v)|^2) / (|u|^2 |v|^2 - <u, v>^2), (N,).

    Three second derivatives along directions are taken, and not all d (d + 1) / 2.

    Args:
        manifold: The map.
        z: (N, d) points.
        u, v: (N, d) latent vectors that span the planes.

    Raises:
        UserError: Dg has not full rank at a point, or u and v are parallel.

    Example:
        >>> saddle = Manifold(lambda z: torch.cat([z, z[:, :1] * z[:, 1:]], 1), 2)
        >>> axes = torch.eye(2).split(1)
        >>> compute_sectional_curvature(saddle, torch.zeros(1, 2), *axes)
        tensor([-1.])

    Reference:
        do Carmo 1992, chapter 6, theorem 2.5; Lee 2018, proposition 8.29
    """

    def compute(part: Tensor, first: Tensor, second: Tensor) -> Tensor:
        frames = factor(jacobian(manifold.g, part))
        p, q = (frames.to_latents(axis) for axis in _span(frames, first, second))
        pp, pq, qq = (
            _normal_part(frames, differentiate_twice(manifold.g, part, *vectors))
            for vectors in ((p, p), (p, q), (q, q))
        )
        return (pp * qq).sum(1) - pq.square().sum(1)

    if manifold.dim < 2:
        raise UserError("curves have no sectional curvature", "2 or more latents", manifold.dim)
    return map_rows(manifold, compute, z, u, v, size=manifold.dim + 6)


def compute_ricci_tensor(manifold: Manifold, z: Tensor) -> Tensor:
    """Return Ric_jk = sum_il G^il R_ijkl, (N, d, d).

    Raises:
        UserError: Dg has not full rank at a point.

    Reference:
        Lee 2018, chapter 7, section Ricci and scalar curvatures
    """

    def compute(part: Tensor) -> Tensor:
        frames, form = _orthonormal_form(manifold, part)
        trace = form.diagonal(dim1=-2, dim2=-1).sum(-1)
        ricci = torch.einsum("na,najk->njk", trace, form)
        ricci = ricci - torch.einsum("naij,naik->njk", form, form)
        return frames.r.mT @ ricci @ frames.r

    return map_rows(manifold, compute, z, size=manifold.dim**2)


def compute_scalar_curvature(manifold: Manifold, z: Tensor) -> Tensor:
    """Return the scalar curvature, (N,): sum_jk G^jk Ric_jk = |tr II|^2 - |II|^2.

    It is the sum of the sectional curvatures of all ordered pairs of an orthonormal basis: 2 / r^2
    for a sphere of dimension 2.

    Raises:
        UserError: Dg has not full rank at a point.

    Reference:
        Lee 2018, proposition 8.32
    """

    def compute(part: Tensor) -> Tensor:
        _, form = _orthonormal_form(manifold, part)
        trace = form.diagonal(dim1=-2, dim2=-1).sum(-1)
        return trace.square().sum(1) - form.square().sum((1, 2, 3))

    return map_rows(manifold, compute, z, size=manifold.dim**2)


def compute_gauss_curvature(manifold: Manifold, z: Tensor) -> Tensor:
    """Return the Gauss curvature K of a surface, (N,): half its scalar curvature.

    Raises:
        UserError: There are not two latents, or Dg has not full rank at a point.

    Example:
        >>> saddle = Manifold(lambda z: torch.cat([z, z[:, :1] * z[:, 1:]], 1), 2)
        >>> compute_gauss_curvature(saddle, torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
        tensor([-1.0000, -0.1111])

    Reference:
        Lee 2018, theorem 8.27 (Gauss's Theorema Egregium) and chapter 8, sectional curvatures
    """
    if manifold.dim != 2:
        raise UserError(
            "Gauss curvature is of surfaces",
            "2 latents",
            manifold.dim,
            "compute scalar or sectional curvatures",
        )
    return compute_scalar_curvature(manifold, z) / 2


def compute_mean_curvature_vector(manifold: Manifold, z: Tensor) -> Tensor:
    """Return H = 1/d sum_ij G^ij II_ij, (N, D): minus x / r^2 on a sphere of radius r.

    Raises:
        UserError: Dg has not full rank at a point.

    Example:
        >>> bowl = Manifold(lambda z: torch.cat([z, z.square().sum(1, keepdim=True)], 1), 2)
        >>> compute_mean_curvature_vector(bowl, torch.zeros(1, 2))
        tensor([[0., 0., 2.]])

    Reference:
        do Carmo 1992, chapter 6, exercise 3
    """

    def compute(part: Tensor) -> Tensor:
        _, form = _orthonormal_form(manifold, part)
        return form.diagonal(dim1=-2, dim2=-1).mean(-1)

    return map_rows(manifold, compute, z, size=manifold.dim**2)


def compute_acceleration(manifold: Manifold, z: Tensor, v: Tensor) -> Tensor:
    """Return -Gamma(z)[v, v], (N, d): z'' of the geodesic through z with velocity v.

    Raises:
        UserError: Dg has not full rank at a point.
    """

    def compute(part: Tensor, velocity: Tensor) -> Tensor:
        frames = factor(jacobian(manifold.g, part))
        return -frames.pull_back(differentiate_twice(manifold.g, part, velocity, velocity))

    return map_rows(manifold, compute, z, v, size=manifold.dim + 1)


def _span(frames: Frames, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Return an orthonormal basis of the planes of u and v, in coordinates of frames, (N, d)."""
    basis, r = torch.linalg.qr(torch.stack([frames.to_frame(u), frames.to_frame(v)], -1))
    least = torch.finfo(r.dtype).eps ** 0.5 * r[..., 1].norm(dim=-1)
    parallel = (r[:, 1, 1].abs() <= least) | (r[:, 0, 0] == 0)
    if parallel.any():
        what = f"u and v span no plane at {int(parallel.sum())} of {len(u)} points"
        raise UserError(what, "vectors that are not parallel")
    return basis[..., 0], basis[..., 1]


def _second_form(manifold: Manifold, z: Tensor) -> Tensor:
    """Return the second fundamental form, (N, D, d, d)."""
    frames = factor(jacobian(manifold.g, z))
    return _normal_part(frames, second_derivatives(manifold.g, z))


def _orthonormal_form(manifold: Manifold, z: Tensor) -> tuple[Frames, Tensor]:
    """Return frames, and the second fundamental form in them, (N, D, d, d)."""
    frames = factor(jacobian(manifold.g, z))
    form = _normal_part(frames, second_derivatives(manifold.g, z))
    eye = torch.eye(manifold.dim, dtype=z.dtype, device=z.device)
    inverse = torch.linalg.solve_triangular(frames.r, eye.expand_as(frames.r), upper=True)
    return frames, torch.einsum("nij,naik,nkl->najl", inverse, form, inverse)


def _pull_back(frames: Frames, second: Tensor) -> Tensor:
    """Return R^-1 Q' of second derivatives, (N, D, d, d): (N, d, d, d)."""
    tangential = frames.q.mT @ second.flatten(2)
    solved = torch.linalg.solve_triangular(frames.r, tangential, upper=True)
    return solved.unflatten(2, second.shape[2:])


def _normal_part(frames: Frames, x: Tensor) -> Tensor:
    """Return x - Q Q' x for x, (N, D, ...)."""
    columns = x.reshape(len(x), x.shape[1], -1)
    return (columns - frames.q @ (frames.q.mT @ columns)).reshape(x.shape)
