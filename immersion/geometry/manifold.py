"""The image of a differentiable map, as a manifold with the metric of the space around it."""

from collections.abc import Callable

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.geometry import differentials
from immersion.geometry.differentials import Map

CHUNK = 1 << 22
"""Values of a Jacobian that are computed at once: 32 MiB in float64."""


class Manifold:
    """The image of g: R^d -> R^D with the metric G(z) = Dg(z)' Dg(z) that g pulls back.

    It is an immersed manifold where Dg has rank d. Latents are (N, d) in g's precision; float64 is
    advised, since lengths and curvatures are differences of nearby values.

    Args:
        g: A differentiable map of batches, (N, d) -> (N, *shape), whose rows are independent: a
            network in evaluation mode.
        dim: d.

    Raises:
        UserError: g does not return one finite row for each row of latents.

    Example:
        >>> def sphere(z):
        ...     u, v = z.unbind(1)
        ...     return torch.stack([u.cos() * v.cos(), u.cos() * v.sin(), u.sin()], 1)
        >>> z = torch.tensor([[0.0, 0.0], [torch.pi / 3, 1.0]], dtype=torch.float64)
        >>> Manifold(sphere, 2).metric_matrix(z)[1].round(decimals=4)
        tensor([[1.0000, 0.0000],
                [0.0000, 0.2500]], dtype=torch.float64)
    """

    def __init__(self, g: Callable[[Tensor], Tensor], dim: int) -> None:
        self.g: Map = lambda z: g(z).flatten(1)
        self.dim = dim

    def points(self, z: Tensor) -> Tensor:
        """Return g(z), (N, D)."""
        return self._in_chunks(self.g, z)

    def jacobian(self, z: Tensor) -> Tensor:
        """Return Dg(z), (N, D, d)."""
        return self._in_chunks(lambda rows: differentials.jacobian(self.g, rows), z)

    def metric_matrix(self, z: Tensor) -> Tensor:
        """Return G(z) = Dg(z)' Dg(z), (N, d, d)."""

        def multiply(rows: Tensor) -> Tensor:
            j = differentials.jacobian(self.g, rows)
            return j.mT @ j

        return self._in_chunks(multiply, z)

    def singular_values(self, z: Tensor) -> Tensor:
        """Return the singular values of Dg(z), (N, d), the largest first.

        From a QR decomposition of the Jacobian, not from G, whose rounding errors hide values
        below the square root of the precision.
        """

        def decompose(rows: Tensor) -> Tensor:
            r = torch.linalg.qr(differentials.jacobian(self.g, rows), mode="r").R
            return torch.linalg.svdvals(r)

        return self._in_chunks(decompose, z)

    def rank(self, z: Tensor, tolerance: float | None = None) -> Tensor:
        """Return the numerical rank of Dg(z), (N,) int64.

        Args:
            z: (N, d).
            tolerance: Singular values up to this fraction of the largest count as 0; by default
                D times the rounding error of z's precision.
        """
        values = self.singular_values(z)
        if tolerance is None:
            tolerance = self._ambient_dim(z) * torch.finfo(z.dtype).eps
        return (values > tolerance * values[:, :1]).sum(1)

    def condition_number(self, z: Tensor) -> Tensor:
        """Return the largest singular value of Dg(z) over the smallest, (N,)."""
        values = self.singular_values(z)
        return values[:, 0] / values[:, -1]

    def log_volume(self, z: Tensor) -> Tensor:
        """Return log sqrt det G(z), (N,): the log of the magnification factor, in nats.

        Reference:
            Bishop, Svensen & Williams 1997, Magnification factors for the GTM algorithm
        """
        return self.singular_values(z).log().sum(1)

    def _ambient_dim(self, z: Tensor) -> int:
        return self.g(z[:1]).shape[1]

    def _in_chunks(self, compute: Map, z: Tensor) -> Tensor:
        """Return compute(z) for chunks of rows, so that Jacobians take bounded memory.

        Raises:
            UserError: The latents do not fit the map, or the result is not finite.
        """
        check_latents(z, self.dim)
        rows = max(1, CHUNK // (self._ambient_dim(z) * self.dim))
        return torch.cat([compute(part) for part in z.split(rows)])


def check_latents(z: Tensor, dim: int) -> Tensor:
    """Return z; raise `UserError` unless it is (N, d), floating point and finite."""
    if z.ndim != 2 or z.shape[1] != dim or not z.is_floating_point():
        raise UserError(
            "the latents do not fit the map", f"floats of shape (N, {dim})", (z.dtype, *z.shape)
        )
    if not z.isfinite().all():
        raise UserError("there are latents that are not finite", received=z[~z.isfinite()][:3])
    return z
