"""Taylor models of a network's values on cells of latents, with bounds on the errors' derivatives.

On a cell z = c + r t a value is u(t) = p(t) + e(t): a polynomial p and an error with
|e| <= errors[0] and |de / dt_j| <= errors[j]. An affine map W acts on p exactly and on the bounds
by |W|; an activation adds what its Taylor polynomial leaves out.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.geometry.certificate.activations import Activation
from immersion.geometry.certificate.polynomials import Monomials, Shape

SLACK = 2.0**-44
"""Bound on rounding errors of an activation's Taylor polynomial, relative to its terms.

The polynomials have fewer than 2^7 operations a term, and elementary functions are assumed exact
to 4 units in the last place.
"""

INFLATE = 1 + 2.0**-20
"""Factor for sums of bounds, which have fewer than 2^30 terms, all of them positive."""


@dataclass(frozen=True)
class TaylorModel:
    """Polynomials with error bounds, for N cells and values of shape F.

    Args:
        coefficients: (M, N, *F).
        errors: (1 + d, N, *F), bounds on |e| and on |de / dt_j|.
        rounding: (N, *F), bound on the rounding errors of affine maps, both in e and in its
            derivatives, transported by absolute values. Included in `errors`.
    """

    coefficients: Tensor
    errors: Tensor
    rounding: Tensor


@dataclass(frozen=True)
class Linearisation:
    """An activation on N cells as v = slopes u + source, |d source / dt_j| <= sources[j].

    Args:
        slopes: (N, *F).
        sources: (d, N, *F), bounds on what the polynomials do not contain.
    """

    slopes: Tensor
    sources: Tensor


def start_model(centers: Tensor, radii: Tensor, basis: Monomials) -> TaylorModel:
    """Return the model of the latents themselves, z = c + r t, for cells (N, d) each."""
    coefficients = centers.new_zeros(len(basis.exponents), *centers.shape)
    coefficients[0] = centers
    for j in range(basis.dim):
        coefficients[1 + j, :, j] = radii[:, j]
    zeros = torch.zeros_like(centers)
    return TaylorModel(coefficients, zeros.expand(1 + basis.dim, *zeros.shape), zeros)


def apply_activation(
    u: TaylorModel, activation: Activation, basis: Monomials, shape: Shape
) -> tuple[TaylorModel, Linearisation]:
    r"""Return the model of v = f(u), and its linearisation.

    With a = p - p(0), |a| <= A, |da / dt_j| <= A_j, K the degree and derivatives bounded over all
    values of u:

    .. math::
        |f(p + e) - \sum_{i \le K} f_i a^i| \le |f'| |e| + \max|f^{(K+1)}| A^{K+1} / (K+1)!

    and the derivative along t_j, less f'(p(0)) de / dt_j, is at most

    .. math::
        D |e_j| + \max|f''| A_j |e| + \max|f^{(K+1)}| A^K A_j / K!

    with D = max |f' - f'(p(0))|; terms of a^i above the degree are added to both.
    """
    degree = basis.degree
    a = u.coefficients.clone()
    center, a[0] = u.coefficients[0], 0
    parts, slope_parts = basis.measure(a, shape)
    reach, slopes = parts.sum(0) * INFLATE, slope_parts.sum(1) * INFLATE
    radius = (reach + u.errors[0]) * INFLATE + center.abs() * 2.0**-50
    low, high = center - radius, center + radius
    (least, most), *others = activation.enclose(low, high, [1, 2, degree + 1])
    bend, last = (torch.maximum(-lower, upper) for lower, upper in others)
    derivatives = activation.derive(center, degree)
    expansion = [value / math.factorial(i) for i, value in enumerate(derivatives)]
    if activation.kinked:
        # The polynomial is of degree 1 near the kink; elsewhere the general one.
        crosses = (low <= 0) & (high >= 0)
        middle = (least + most) / 2
        expansion[1] = torch.where(crosses, middle, expansion[1])
        for i in range(2, degree + 1):
            expansion[i] = torch.where(crosses, 0.0, expansion[i])
    slope = expansion[1]
    spread = torch.maximum(most - slope, slope - least) * INFLATE + SLACK
    value_tail, slope_tail = _sum_tails(expansion, parts, slope_parts, degree)
    lagrange = last * reach.pow(degree) / math.factorial(degree)
    value_error = lagrange * reach / (degree + 1)
    slope_error = lagrange * slopes + bend * slopes * u.errors[0]
    if activation.kinked:
        value_error = torch.where(crosses, spread * reach, value_error)
        slope_error = torch.where(crosses, spread * slopes, slope_error)
    floor = _measure_rounding(expansion, reach, slopes, degree)
    value_error = value_error + value_tail + floor + spread * u.errors[0]
    sources = slope_error + slope_tail + floor + spread * u.errors[1:]
    added = torch.cat([value_error.unsqueeze(0), sources]) * INFLATE
    size = slope.abs()
    model = TaylorModel(
        _compose(expansion, a, basis), (size * u.errors + added) * INFLATE, size * u.rounding
    )
    return model, Linearisation(slope, added[1:])


def _compose(expansion: list[Tensor], a: Tensor, basis: Monomials) -> Tensor:
    """Return the coefficients of sum_i f_i a^i up to the degree."""
    result = expansion[1] * a
    power = a
    for i in range(2, basis.degree + 1):
        power = basis.multiply(power, a, least=i - 1)
        result.addcmul_(expansion[i], power)
    result[0] = expansion[0]
    return result


def _sum_tails(
    expansion: list[Tensor], parts: Tensor, slope_parts: Tensor, degree: int
) -> tuple[Tensor, Tensor]:
    """Return bounds on the terms of sum_i f_i a^i above the degree, and on their derivatives.

    Args:
        expansion: K + 1 tensors f_i.
        parts: (K, ...) bounds on the parts of a, of degree 1 to K.
        slope_parts: (d, K, ...) bounds on the parts of da / dt_j, of degree 0 to K - 1.
        degree: K.
    """
    value_tail, slope_tail = torch.zeros_like(parts[0]), torch.zeros_like(slope_parts[:, 0])
    # Sums of the parts of a of at least a degree, and of its derivatives.
    above = parts.flip(0).cumsum(0).flip(0)
    slope_above = slope_parts.flip(1).cumsum(1).flip(1)
    power = {n + 1: parts[n] for n in range(degree)}  # bounds on the parts of a^(i - 1)
    for i in range(2, degree + 1):
        size = expansion[i].abs()
        for n, bound in power.items():
            slope_tail += i * size * bound * slope_above[:, max(0, degree - n)] if n else 0
            value_tail += size * bound * above[max(0, degree - n)]
        if i < degree:
            following: dict[int, Tensor] = {}
            for n, bound in power.items():
                for m in range(1, degree + 1):
                    product = bound * parts[m - 1]
                    following[n + m] = (
                        following[n + m] + product if n + m in following else product
                    )
            power = following
    return value_tail, slope_tail


def _measure_rounding(
    expansion: list[Tensor], reach: Tensor, slopes: Tensor, degree: int
) -> Tensor:
    """Return a bound on rounding errors of the composition and of its derivatives, (N, *F)."""
    # Derivatives of the seven activations up to order 5 are below 120 in absolute value.
    growth = 1 + reach + slopes.amax(0)
    return SLACK * (expansion[0].abs() + 128 * growth.pow(degree + 1))
