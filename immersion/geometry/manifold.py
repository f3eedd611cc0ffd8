"""The image of a differentiable map, as a manifold with the metric of the space around it."""

import copy
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from immersion.check import UserError
from immersion.geometry import differentials
from immersion.geometry.differentials import Map

CHUNK = 1 << 22
"""Values of a Jacobian that are computed at once: 32 MiB in float64."""


@runtime_checkable
class Decodes(Protocol):
    """A model with codes, such as `immersion.models.Decoder`."""

    latent_dim: int

    def decode(self, z: Tensor) -> Distribution:
        """Return p(x|z) for z, (N, d)."""


class Manifold:
    """The image of g: R^d -> R^D with the metric G(z) = Dg(z)' Dg(z) that g pulls back.

    It is an immersed manifold where Dg has rank d. Latents are (N, d) in g's precision; float64 is
    advised, since lengths and curvatures are differences of nearby values.

    Args:
        g: A differentiable map of batches, (N, d) -> (N, *shape), whose rows are independent: a
            network in evaluation mode. Or a model with codes: then g(z) is E[x|z], computed by a
            copy of the model in float64.
        dim: d; of a model its own.
        uncertain: If True, of a model: g(z) is the pair of the mean and the standard deviation of
            p(x|z), so that G = J_mean' J_mean + J_std' J_std, the expected metric of the random
            map z -> x (Arvanitidis et al. 2018, theorem 1, https://arxiv.org/abs/1710.11379).

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

    def __init__(
        self,
        g: Callable[[Tensor], Tensor] | Decodes,
        dim: int | None = None,
        *,
        uncertain: bool = False,
    ) -> None:
        if isinstance(g, Decodes):
            self.g, dim = _decode_in_float64(g, uncertain), g.latent_dim
        elif dim is None or uncertain:
            raise UserError("a function needs dim, the number of latents, and has no uncertainty")
        else:
            function = g
            self.g = lambda z: function(z).flatten(1)
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
        return self.count_rank(self.singular_values(z), z, tolerance)

    def count_rank(self, values: Tensor, z: Tensor, tolerance: float | None = None) -> Tensor:
        """Return the numerical rank at z from its singular values, (N, d), as `rank` does."""
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
        # Forward-mode differentiation refuses expanded tensors.
        return torch.cat([compute(part) for part in z.contiguous().split(rows)])


def _decode_in_float64(model: Decodes, uncertain: bool) -> Map:
    """Return z -> E[x|z], or with the standard deviation, (N, D) or (N, 2 D)."""
    wide = copy.deepcopy(model)
    if isinstance(wide, nn.Module):
        wide.double().eval().requires_grad_(False)

    def decode(z: Tensor) -> Tensor:
        p = wide.decode(z)
        if not uncertain:
            return p.mean.flatten(1)
        return torch.cat([p.mean.flatten(1), p.stddev.flatten(1)], 1)

    return decode


def check_latents(z: Tensor, dim: int) -> Tensor:
    """Return z; raise `UserError` unless it is (N, d), floating point and finite."""
    if z.ndim != 2 or z.shape[1] != dim or not z.is_floating_point():
        raise UserError(
            "the latents do not fit the map", f"floats of shape (N, {dim})", (z.dtype, *z.shape)
        )
    if not z.isfinite().all():
        raise UserError("there are latents that are not finite", received=z[~z.isfinite()][:3])
    return z
