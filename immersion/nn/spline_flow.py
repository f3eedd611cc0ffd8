"""Normalizing flows of rational-quadratic splines, built with zuko (extra `flows`)."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, constraints

from immersion.check import check_installed

TRANSFORMS = 3
"""Coupling transformations of a flow."""

WIDTH = 64
"""Hidden units in each of the two layers of a transformation's network."""


def build_spline_flow(features: int, context: int = 0, base: nn.Module | None = None) -> nn.Module:
    """Return a flow z = T^-1(u; c), u ~ base, of 3 coupling transformations with splines.

    log p(z | c) = log p_base(T(z; c)) + log |det dT/dz|. Outside [-5, 5] a spline is the identity.

    Args:
        features: d, the dimension of z.
        context: Number of values in c; 0 for an unconditional flow.
        base: A module c -> distribution of u, event shape (d,); by default N(0, I).

    Returns:
        A lazy distribution: its call, with c of shape (..., context) if any, returns p(z | c).

    Raises:
        UserError: zuko is not installed.

    Reference:
        Durkan et al. 2019, Neural spline flows, https://arxiv.org/abs/1906.04032; zuko:
        https://zuko.readthedocs.io
    """
    check_installed("flows", ("zuko",))
    validates = Distribution._validate_args
    import zuko  # optional; it also switches the validation of all distributions off

    Distribution.set_default_validate_args(validates)
    hidden = (WIDTH, WIDTH)
    flow: nn.Module = zuko.flows.NSF(
        features,
        context,
        transforms=TRANSFORMS,
        hidden_features=hidden,
        passes=2,
        activation=nn.SiLU,
    )
    return flow if base is None else zuko.lazy.Flow(flow.transform, base)


class FullPrecision(Distribution):
    """A distribution that computes outside of autocast: densities need float32 or wider.

    A lazy distribution evaluates its networks when it is sampled or its density is computed, which
    may be inside an autocast region.

    Args:
        p: Any distribution over R^d.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012 (torch's convention)
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, p: Distribution) -> None:
        super().__init__(p.batch_shape, p.event_shape, validate_args=False)
        self.p = p

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log-density, (*sample, *batch), in nats."""
        with torch.autocast(value.device.type, enabled=False):
            return self.p.log_prob(value)

    def rsample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """Return reparameterised samples, (*sample_shape, *batch, *event)."""
        with torch.autocast("cuda", enabled=False), torch.autocast("cpu", enabled=False):
            return self.p.rsample(torch.Size(sample_shape))

    def transform_noise(self, noise: Tensor) -> Tensor:
        """Return the sample z = T^-1(mu + sigma noise) of a flow, for noise of N(0, I).

        Args:
            noise: (*sample, *batch, d).

        Example:
            >>> flow = FullPrecision(build_spline_flow(2)())
            >>> flow.transform_noise(torch.zeros(5, 2)).shape
            torch.Size([5, 2])
        """
        flow: Any = self.p
        gaussian = flow.base.base_dist
        return flow.transform.inv(gaussian.loc + gaussian.scale * noise)

    @property
    def has_noise(self) -> bool:
        """Return whether `transform_noise` exists: of a flow with a Gaussian base."""
        base = getattr(self.p, "base", None)
        return isinstance(base, Independent) and isinstance(base.base_dist, Normal)
