"""Gaussian likelihoods: one mean a value, and four definitions of the scale.

Every scale is at least `FLOOR`. Without it the density is unbounded: a decoder that reproduces one
pixel exactly has infinite likelihood as its scale tends to 0, and training diverges.
"""

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal
from torch.nn.functional import softplus

from immersion.check import UserError
from immersion.likelihoods.base import LIKELIHOODS, Likelihood, SampleShape, raise_outside_support

FLOOR = 1e-3
"""The smallest scale. Rounding to levels k/255 has standard deviation 1/(255 sqrt 12) = 0.0011:
a narrower density would describe the storage format, not the image."""


def make_normal(likelihood: Likelihood, mean: Tensor, sigma: Tensor, bounded: bool) -> Independent:
    """Return N(mean, sigma^2), with the sigmoid of the mean if it is bounded.

    Args:
        likelihood: Likelihood with the event shape.
        mean: (..., *event_shape).
        sigma: (..., *event_shape), or ().
        bounded: Whether to map the mean to (0, 1).
    """
    mean = mean.sigmoid() if bounded else mean
    return likelihood.make_independent(Normal(mean, sigma.to(mean.dtype), validate_args=False))


def check_real(x: Tensor) -> None:
    """Raise UserError unless x is finite."""
    if not x.isfinite().all():
        raise_outside_support("a Gaussian likelihood", "finite values", x)


@LIKELIHOODS.register("gaussian")
class Gaussian(Likelihood):
    r"""A mean and a scale for each value: log p(x|h) = sum_i log N(x_i; m_i, sigma_i^2).

    h has the means m and then s, (..., 2 * C, H, W); sigma = `FLOOR` + softplus(s).

    Args:
        event_shape: Shape of one example.
        bounded: If True, the mean is the sigmoid of m, in (0, 1), as in the reference for faces.

    Reference:
        Kingma & Welling 2014, Auto-Encoding Variational Bayes, appendix C.2, equation (12),
        https://arxiv.org/abs/1312.6114

    Example:
        >>> likelihood = Gaussian((1, 2, 2))
        >>> likelihood.parameter_shape
        (2, 2, 2)
        >>> p = likelihood(torch.zeros(5, 2, 2, 2))
        >>> p.log_prob(torch.zeros(5, 1, 2, 2)).shape
        torch.Size([5])
    """

    parameters_per_value = 2
    values = frozenset({"unit", "real"})
    boundable = True
    predicts_scale = True

    def __init__(self, event_shape: tuple[int, ...], bounded: bool = False) -> None:
        super().__init__(event_shape)
        self.bounded = bounded

    def forward(self, h: Tensor) -> Independent:
        """Return p(x|h) from means and raw scales, (..., 2 * C, H, W)."""
        mean, raw = self.split(h)
        return make_normal(self, mean, FLOOR + softplus(raw), self.bounded)

    def check(self, x: Tensor) -> None:
        """Raise UserError unless every value is finite."""
        check_real(x)


@LIKELIHOODS.register("gaussian-fixed")
class GaussianFixed(Likelihood):
    r"""A fixed scale: log p(x|h) = -|x - h|^2 / (2 sigma^2) - D log(sigma sqrt(2 pi)).

    h has one mean a value, (..., C, H, W). With sigma = 1, -log p is half the squared error of an
    autoencoder plus a constant; images in [0, 1] need a sigma near 0.1, or `gaussian-optimal`,
    which estimates it.

    Args:
        event_shape: Shape of one example.
        sigma: Scale of every value, in the units of x; at least `FLOOR`.
        bounded: If True, the mean is s(h), in (0, 1).

    Raises:
        UserError: Sigma is below `FLOOR` or not finite.

    Reference:
        Kingma & Welling 2014, appendix C.2, https://arxiv.org/abs/1312.6114

    Example:
        >>> p = GaussianFixed((2,))(torch.zeros(3, 2))
        >>> (p.log_prob(torch.ones(3, 2)) - p.log_prob(torch.zeros(3, 2)))[0].item()
        -1.0
    """

    parameters_per_value = 1
    values = frozenset({"unit", "real"})
    boundable = True

    def __init__(
        self, event_shape: tuple[int, ...], sigma: float = 1.0, bounded: bool = False
    ) -> None:
        super().__init__(event_shape)
        if not FLOOR <= sigma < math.inf:
            remedy = "pass a larger sigma, or --likelihood gaussian-optimal, which estimates it"
            raise UserError(
                "the scale of gaussian-fixed is out of range",
                f"a number of at least {FLOOR}",
                sigma,
                remedy,
            )
        self.sigma, self.bounded = sigma, bounded

    def forward(self, h: Tensor) -> Independent:
        """Return p(x|h) from means, (..., *event_shape)."""
        (mean,) = self.split(h)
        return make_normal(self, mean, mean.new_full((), self.sigma), self.bounded)

    def check(self, x: Tensor) -> None:
        """Raise UserError unless every value is finite."""
        check_real(x)


@LIKELIHOODS.register("gaussian-shared")
class GaussianShared(Likelihood):
    """A learned scale for all values: log p(x|h) = sum_i log N(x_i; h_i, sigma^2).

    h has one mean a value, (..., C, H, W); sigma = `FLOOR` + exp(log_sigma). `log_sigma` is a
    parameter of the likelihood, 0 at the start, trained with those of the networks. At the optimum
    sigma^2 is the mean squared error over the training data.

    Args:
        event_shape: Shape of one example.
        bounded: If True, the mean is s(h), in (0, 1).

    Reference:
        Rybkin, Daniilidis & Levine 2021, Simple and effective VAE training with calibrated
        decoders, the shared sigma, https://arxiv.org/abs/2006.13202

    Example:
        >>> round(GaussianShared((2,))(torch.zeros(3, 2)).stddev[0, 0].item(), 6)
        1.001
    """

    parameters_per_value = 1
    values = frozenset({"unit", "real"})
    boundable = True

    def __init__(self, event_shape: tuple[int, ...], bounded: bool = False) -> None:
        super().__init__(event_shape)
        self.bounded = bounded
        self.log_sigma = nn.Parameter(torch.zeros(()))

    def forward(self, h: Tensor) -> Independent:
        """Return p(x|h) from means, (..., *event_shape)."""
        (mean,) = self.split(h)
        return make_normal(self, mean, FLOOR + self.log_sigma.to(mean.dtype).exp(), self.bounded)

    def check(self, x: Tensor) -> None:
        """Raise UserError unless every value is finite."""
        check_real(x)


@LIKELIHOODS.register("gaussian-optimal")
class GaussianOptimal(Likelihood):
    """The best scale for a batch: log p(x|h) = sum_i log N(x_i; h_i, sigma^2).

    sigma^2 is the mean of (x - h)^2 over batch and values; h has one mean a value,
    (..., C, H, W). In training mode `log_prob` uses the maximum-likelihood
    sigma of its argument x (with the gradient through it) and updates a running variance. In
    evaluation mode sigma^2 is the running variance, so that the density is normalised and does
    not depend on x. Samples always use the running variance. The running variance is the mean over
    the first 100 batches and then an exponential average with rate 0.01; it starts at 1, is in the
    state dict, and uses no random numbers, so that a resumed run is the same bit for bit.

    Args:
        event_shape: Shape of one example.
        bounded: If True, the mean is s(h), in (0, 1).

    Reference:
        Rybkin, Daniilidis & Levine 2021, Simple and effective VAE training with calibrated
        decoders, the optimal sigma, https://arxiv.org/abs/2006.13202

    Example:
        >>> likelihood = GaussianOptimal((2,))
        >>> _ = likelihood(torch.zeros(3, 2)).log_prob(torch.full((3, 2), 0.5))
        >>> likelihood.eval()(torch.zeros(3, 2)).stddev[0, 0].item()
        0.5
    """

    parameters_per_value = 1
    values = frozenset({"unit", "real"})
    boundable = True
    variance: Tensor
    updates: Tensor

    def __init__(self, event_shape: tuple[int, ...], bounded: bool = False) -> None:
        super().__init__(event_shape)
        self.bounded = bounded
        self.register_buffer("variance", torch.ones(()))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def forward(self, h: Tensor) -> Distribution:
        """Return p(x|h) from means, (..., *event_shape)."""
        (mean,) = self.split(h)
        running = make_normal(self, mean, self.variance.sqrt(), self.bounded)
        return BatchNormal(running, self.observe) if self.training else running

    def observe(self, residual: Tensor) -> Tensor:
        """Return sigma, (), of residuals x - h, and update the running variance.

        Args:
            residual: x - h, (..., *event_shape).
        """
        variance = residual.square().mean().clamp(min=FLOOR**2)
        with torch.no_grad():
            self.updates += 1
            rate = self.updates.to(self.variance.dtype).reciprocal().clamp(min=0.01)
            self.variance.lerp_(variance.to(self.variance.dtype), rate)
        return variance.sqrt()

    def check(self, x: Tensor) -> None:
        """Raise UserError unless every value is finite."""
        check_real(x)


class BatchNormal(Distribution):
    """A Gaussian whose `log_prob` estimates the scale from its argument.

    Args:
        running: Distribution of the mean and of samples, at the running scale.
        observe: Function from residuals x - mean, (..., *event_shape), to the scale, ().
    """

    arg_constraints: ClassVar[dict] = {}

    def __init__(self, running: Independent, observe: Callable[[Tensor], Tensor]) -> None:
        super().__init__(running.batch_shape, running.event_shape, validate_args=False)
        self.running, self.observe = running, observe

    @property
    def mean(self) -> Tensor:
        """The mean, (..., *event_shape)."""
        return self.running.mean

    @property
    def variance(self) -> Tensor:
        """The running variance, (..., *event_shape)."""
        return self.running.variance

    def rsample(self, sample_shape: SampleShape = ()) -> Tensor:
        """Sample at the running scale, (*sample_shape, ..., *event_shape)."""
        return self.running.rsample(sample_shape)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log p(x|h), (...), in nats, at the maximum-likelihood scale of x."""
        sigma = self.observe(x - self.mean)
        values = Normal(self.mean, sigma, validate_args=False)
        dimensions = len(self.event_shape)
        return Independent(values, dimensions, validate_args=False).log_prob(x)
