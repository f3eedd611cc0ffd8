"""A likelihood with heavy tails, which limits the influence of outliers."""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Chi2, Distribution, Independent
from torch.nn.functional import softplus

from immersion.check import UserError
from immersion.likelihoods.base import LIKELIHOODS, Likelihood, SampleShape, raise_outside_support
from immersion.likelihoods.gaussian import FLOOR


@LIKELIHOODS.register("student-t")
class StudentT(Likelihood):
    r"""Student's t: log p(x|h) = sum_i log t_nu((x_i - m_i) / s_i) - log s_i.

    h has the locations m and then raw scales r, (..., 2 * C, H, W); s = `FLOOR` + softplus(r). The
    degrees of freedom nu are fixed, one number for all values: learned ones drift to infinity
    if the data are Gaussian. The gradient in m of a residual e is (nu + 1) e / (nu s^2 + e^2),
    which tends to 0 for an outlier; a Gaussian's, e / s^2, does not.

    Args:
        event_shape: Shape of one example.
        degrees_of_freedom: nu, above 2 so that the variance s^2 nu / (nu - 2) exists.

    Raises:
        UserError: Nu is not above 2 and finite.

    Reference:
        Lange, Little & Taylor 1989, Robust statistical modeling using the t distribution,
        Journal of the American Statistical Association 84(408), section 2

    Example:
        >>> p = StudentT((2,))(torch.zeros(3, 4))
        >>> p.log_prob(torch.full((3, 2), 1e4)).shape
        torch.Size([3])
    """

    parameters_per_value = 2
    values = frozenset({"unit", "real"})

    def __init__(self, event_shape: tuple[int, ...], degrees_of_freedom: float = 4.0) -> None:
        super().__init__(event_shape)
        if not 2 < degrees_of_freedom < math.inf:
            raise UserError(
                "the degrees of freedom of student-t are out of range",
                "a number above 2",
                degrees_of_freedom,
                "pass a larger number; 4 is usual, and --likelihood gaussian is the limit",
            )
        self.degrees_of_freedom = degrees_of_freedom

    def forward(self, h: Tensor) -> Independent:
        """Return p(x|h) from locations and raw scales, (..., 2 * C, H, W)."""
        location, raw = self.split(h)
        t = StudentTDistribution(self.degrees_of_freedom, location, FLOOR + softplus(raw))
        return self.make_independent(t)

    def check(self, x: Tensor) -> None:
        """Raise UserError unless every value is finite."""
        if not x.isfinite().all():
            raise_outside_support("the Student t likelihood", "finite values", x)


class StudentTDistribution(Distribution):
    """Student's t with nu > 2 degrees of freedom, given as a number.

    PyTorch's version has a tensor nu, and tests for each value whether mean and variance exist,
    which waits for the device.

    Args:
        nu: Degrees of freedom.
        location: Location, any shape.
        scale: Scale, the same shape.
    """

    arg_constraints: ClassVar[dict] = {}

    def __init__(self, nu: float, location: Tensor, scale: Tensor) -> None:
        super().__init__(location.shape, validate_args=False)
        self.nu, self.location, self.scale = nu, location, scale

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the log density of each value, in nats."""
        nu, y = self.nu, (x - self.location) / self.scale
        constant = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - math.log(nu * math.pi) / 2
        return constant - self.scale.log() - (nu + 1) / 2 * torch.log1p(y.square() / nu)

    @property
    def mean(self) -> Tensor:
        """The location."""
        return self.location

    @property
    def variance(self) -> Tensor:
        """The square of the scale times nu / (nu - 2)."""
        return self.scale.square() * (self.nu / (self.nu - 2))

    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        """Sample Gaussians of random scales, (*sample_shape, ...)."""
        with torch.no_grad():
            nu = self.scale.new_full(self._extended_shape(sample_shape), self.nu)
            wide = (nu / Chi2(nu, validate_args=False).sample()).sqrt()
            return self.location + self.scale * wide * torch.randn_like(wide)
