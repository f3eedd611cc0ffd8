"""The largest ball, or box, round each point on which a network is proved an immersion."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from immersion.geometry.certificate.bound import compute_bounds
from immersion.geometry.certificate.certify import (
    CHUNK,
    Outputs,
    compile_steps,
    measure_width,
    select_degree,
)
from immersion.geometry.certificate.polynomials import Shape, monomials
from immersion.geometry.manifold import check_latents

SMALLEST, LARGEST = 2.0**-24, 2.0**10
"""Radii between which the largest proved one is searched."""


@dataclass(frozen=True)
class CertifiedRadii:
    """What is proved round N points.

    Args:
        radii: (N,) proved radii: of balls, or half the sides of cubes; 0 where none is proved.
        bounds: (N,) lower bounds on the smallest singular value of Dg within them.
        values: (N,) the smallest singular values at the points, to rounding.
    """

    radii: Tensor
    bounds: Tensor
    values: Tensor


def certify_radius(
    network: nn.Module,
    z: Tensor,
    *,
    shape: Shape = "ball",
    outputs: Outputs = "logits",
    degree: int | None = None,
    precision: float = 0.02,
) -> CertifiedRadii:
    """Return radii within which g is proved an immersion round each point, by bisection.

    A ball is one cell here, without subdivision, so that the whole set of Jacobians in it is
    proved regular in one convex set: g is one-to-one on each ball too.

    Args:
        network: g: (N, d) -> (N, ...), of layers that `compile_network` supports.
        z: (N, d) points.
        shape: Balls |z' - z| <= r, or boxes |z'_j - z_j| <= r.
        outputs: The outputs whose Jacobian is bounded.
        degree: Degree of the Taylor polynomials, 1 to 4; by default 3 for up to 3 latents, 2 up to
            6, else 1.
        precision: Relative precision of the bisection.

    Raises:
        UserError: The points do not fit the network, or a layer is not supported.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> network = nn.Sequential(nn.Linear(8, 50), nn.Tanh(), nn.Linear(50, 100))
        >>> found = certify_radius(network, torch.zeros(2, 8))
        >>> bool((found.radii > 0.02).all() and (found.bounds <= found.values).all())
        True
    """
    check_latents(z, z.shape[-1])
    steps = compile_steps(network, outputs)
    z = z.double()
    basis = monomials(z.shape[1], select_degree(degree, z.shape[1]))
    rows = max(1, CHUNK // (measure_width(steps, z[:1]) * len(basis.exponents)))

    def evaluate(points: Tensor, radii: Tensor) -> tuple[Tensor, Tensor]:
        pairs = zip(points.split(rows), radii.split(rows), strict=True)
        found = [
            compute_bounds(steps, some, r.unsqueeze(1).expand_as(some), basis, shape, parts=1)
            for some, r in pairs
        ]
        return torch.cat([each.bounds for each in found]), torch.cat(
            [each.values for each in found]
        )

    _, values = evaluate(z, torch.full_like(z[:, 0], SMALLEST))
    low, high = torch.zeros_like(values), torch.full_like(values, torch.inf)
    bounds, trial = torch.zeros_like(values), torch.full_like(values, 0.125)
    # The radius is doubled or halved until it is between a proved one and one that is not.
    while True:
        active = ((low == 0) | (high > low * (1 + precision))) & (trial >= SMALLEST)
        active &= trial <= LARGEST
        at = active.nonzero()[:, 0]
        if not len(at):
            return CertifiedRadii(low, bounds, values)
        found, _ = evaluate(z[at], trial[at])
        proved = found > 0
        low[at] = torch.where(proved, trial[at], low[at])
        bounds[at] = torch.where(proved, found, bounds[at])
        high[at] = torch.where(proved, high[at], trial[at])
        between = (low * high).sqrt()
        trial = torch.where(low == 0, high / 2, torch.where(high.isinf(), low * 2, between))
