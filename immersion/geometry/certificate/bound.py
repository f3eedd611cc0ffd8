"""Lower bounds on the smallest singular value of a network's Jacobian on cells of latents."""

from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.geometry.certificate.layers import EPSILON, Step, Tape
from immersion.geometry.certificate.matrices import MARGIN, compute_singular_value_bound
from immersion.geometry.certificate.polynomials import Monomials, Shape, monomials
from immersion.geometry.certificate.taylor import INFLATE, TaylorModel, start_model

PARTS = 64
"""Most boxes that a cell's polynomials are bounded on."""


@dataclass(frozen=True)
class CellBounds:
    """Bounds on N cells.

    Args:
        bounds: (N,) proved lower bounds on the smallest singular value of Dg on each cell; 0 where
            nothing is proved.
        values: (N,) its values at the centres, to rounding: upper bounds on its minimum.
        effects: (N, d) sizes of the nonlinear terms that contain each latent.
    """

    bounds: Tensor
    values: Tensor
    effects: Tensor


def compute_bounds(
    steps: list[Step],
    centers: Tensor,
    radii: Tensor,
    basis: Monomials,
    shape: Shape,
    parts: int = PARTS,
) -> CellBounds:
    r"""Return lower bounds on the smallest singular value of Dg on cells.

    Dg is projected on the d singular vectors at the centre, Q, since
    sigma_min(Dg) >= sigma_min(Q'Dg) for orthonormal columns Q. The d x d matrix Q'Dg is a
    polynomial in t plus an error

    .. math::
        |(Q'Dg - P)_{ij}| \le \sum_l |Q_i' L_l| s_{lj} / r_j

    where L_l is the Jacobian, at the centre, of the output in the values after activation l, by
    one backward pass for each of the d rows, and s_l is what its Taylor polynomial leaves out.
    Terms of both signs cancel in L_l, which products of absolute values would add up.

    Args:
        steps: The network.
        centers, radii: (N, d) cells.
        basis: Monomials of the Taylor models.
        shape: Boxes or balls.
        parts: Most boxes on which the polynomials of a box are bounded, where it is not proved as
            one. With 1, every matrix in the convex hull of Q'Dg on a proved cell is regular, so
            that g is one-to-one on the cell.

    Reference:
        Moore, Kearfott & Cloud 2009, Introduction to Interval Analysis, chapter 6 (mean value
        forms); Makino & Berz 2003, Taylor models and other validated functional inclusion methods;
        Weyl 1912 for sigma_min.
    """
    # A cell is a little larger than stated, so that no point is lost between rounded neighbours.
    radii = radii * INFLATE + centers.abs() * 2 * EPSILON
    tape = Tape(basis, shape, [])
    model = start_model(centers, radii, basis)
    for step in steps:
        model = step.propagate(model, tape)
    model = TaylorModel(
        model.coefficients.flatten(2), model.errors.flatten(2), model.rounding.flatten(1)
    )
    frame, values, axes = _find_frame(model.coefficients[1 : 1 + basis.dim], radii)
    polynomial = torch.einsum("nid,mnd->mni", frame, model.coefficients)
    errors = _compute_errors(steps, tape, model, frame)
    scale = radii.unsqueeze(1)
    # In singular coordinates of both sides the matrix at the centre is diagonal.
    slopes = basis.differentiate(polynomial).permute(1, 2, 3, 0) / scale @ axes  # (M', N, d, d)
    errors = (errors / scale) @ axes.abs()
    low = monomials(basis.dim, basis.degree - 1) if basis.degree > 1 else None
    bounds = _compute_part_bounds(slopes, errors, low, shape, 1)
    side = int(parts ** (1 / basis.dim) + 1e-9)
    again = (bounds <= 0).nonzero()[:, 0]
    if low is not None and shape == "box" and side > 1 and len(again):
        bounds[again] = _compute_part_bounds(slopes[:, again], errors[again], low, shape, side)
    # Axes are orthogonal to rounding only.
    eye = torch.eye(basis.dim, dtype=axes.dtype)
    skew = (axes.mT @ axes - eye).abs().sum(-1).amax(-1)
    return CellBounds(bounds / (1 + skew), values, _measure_effects(polynomial, basis))


def _find_frame(columns: Tensor, radii: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the singular vectors and the smallest singular value of the Jacobian at the centres.

    Args:
        columns: (d, N, D), dg / dt_j at the centres.
        radii: (N, d).

    Returns:
        Left vectors as rows Q', (N, d, D), orthonormal to rounding and of norm at most 1; the
        smallest values, (N,); right vectors as columns, (N, d, d).
    """
    jacobian = (columns.movedim(0, -1) / radii.unsqueeze(1)).nan_to_num(0.0, 0.0, 0.0)
    orthogonal, triangle = torch.linalg.qr(jacobian)
    left, values, right = torch.linalg.svd(triangle)
    frame = (orthogonal @ left).mT
    norm = (frame @ frame.mT).abs().sum(-1).amax(-1).sqrt() + frame.shape[-1] * EPSILON
    frame = frame / norm.clamp(min=1.0).reshape(-1, 1, 1) * (1 - 4 * EPSILON)
    return frame, values[:, -1], right.mT


def _compute_errors(steps: list[Step], tape: Tape, model: TaylorModel, frame: Tensor) -> Tensor:
    """Return bounds on the errors of Q' dg / dt_j, (N, d, d), by one backward pass a row of Q'."""
    size = frame.abs()
    terms = (tape.terms + frame.shape[-1] + 64) * EPSILON
    # Rounding of the backward passes: less than `terms` of their products of absolute values.
    errors = torch.einsum("nid,jnd->nij", size, model.errors[1:]) * (2 * terms)
    amount = model.coefficients.abs().sum(0) * tape.basis.degree
    flat = torch.einsum("nid,nd->ni", size, model.rounding + amount * terms)
    errors = errors + flat.unsqueeze(-1)
    if not tape.linearisations:
        return errors * INFLATE
    sources: list[Tensor] = []
    x = torch.zeros(len(frame), tape.basis.dim, dtype=torch.float64)
    with torch.enable_grad():
        linearisations = iter(tape.linearisations)
        for step in steps:
            x = step.transport(x, linearisations, sources)
    x = x.flatten(1)
    for i in range(tape.basis.dim):
        last = i + 1 == tape.basis.dim
        gradients = torch.autograd.grad(x, sources, frame[:, i], retain_graph=not last)
        for gradient, linearisation in zip(gradients, tape.linearisations, strict=True):
            weights = gradient.abs().flatten(1)
            left_out = linearisation.sources.flatten(2)
            errors[:, i] += torch.einsum("nf,jnf->nj", weights, left_out)
    return errors * INFLATE


def _compute_part_bounds(
    slopes: Tensor, errors: Tensor, basis: Monomials | None, shape: Shape, parts: int
) -> Tensor:
    """Return the least of the bounds on parts^d boxes of each cell, (N,).

    Args:
        slopes: (M', N, d, d) coefficients of the projected Jacobian.
        errors: (N, d, d) bounds on what they leave out.
        basis: Monomials of the coefficients, or None if there is the constant only.
        shape: The cells' shape; parts are boxes.
        parts: Number of boxes along each latent.
    """
    if basis is None:
        return compute_singular_value_bound(slopes[0], errors)
    if parts > 1:
        _, maps = basis.subdivide(parts)
        slopes = torch.einsum("smk,knij->msnij", maps, slopes).flatten(1, 2)
        errors = errors.repeat(len(maps), 1, 1)
    # The size of the terms at the cell's centre times the rounding of their sums.
    noise = slopes.abs().sum(0) * (256 * EPSILON)
    spread = basis.measure(slopes, shape)[0].sum(0) / MARGIN
    bounds = compute_singular_value_bound(slopes[0], spread + errors + noise)
    return bounds.unflatten(0, (parts**basis.dim, -1)).amin(0)


def _measure_effects(polynomial: Tensor, basis: Monomials) -> Tensor:
    """Return sums of |coefficients| of the nonlinear terms in each latent, (N, d)."""
    if basis.degree == 1:
        return polynomial[1:].square().sum(-1).sqrt().T
    exponents = torch.tensor(basis.exponents, dtype=torch.float64)
    nonlinear = exponents * (exponents.sum(1, keepdim=True) > 1)
    return torch.einsum("mj,mni->nj", nonlinear, polynomial.abs())
