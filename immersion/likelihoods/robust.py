"""Likelihoods with heavy tails: a few wild values do not rule the fit."""

import math

from torch import Tensor
from torch.distributions import Independent
from torch.distributions import StudentT as TorchStudentT
from torch.nn.functional import softplus

from immersion.check import UserError
from immersion.likelihoods.base import LIKELIHOODS, Likelihood, refuse
from immersion.likelihoods.gaussian import FLOOR


@LIKELIHOODS.register("student-t")
class StudentT(Likelihood):
    r"""Student's t: log p(x|h) = sum_i log t_nu((x_i - m_i) / s_i) - log s_i.

    h holds the location m and then a raw scale r of each value; s = `FLOOR` + softplus(r). The
    degrees of freedom nu are given, one number for all values: learned ones drift to infinity
    wherever the data are Gaussian. The pull of a residual e on m is (nu + 1) e / (nu s^2 + e^2),
    which falls to 0 for a wild value; a Gaussian's e / s^2 does not.

    Args:
        event_shape: Shape of one example.
        degrees_of_freedom: nu, above 2 so that the variance s^2 nu / (nu - 2) exists.

    Raises:
        UserError: If nu is not above 2 and finite.

    Reference:
        Lange, Little & Taylor 1989, Robust statistical modeling using the t distribution,
        Journal of the American Statistical Association 84(408), section 2

    Example:
        >>> import torch
        >>> p = StudentT((2,))(torch.zeros(3, 4))
        >>> p.log_prob(torch.full((3, 2), 1e4)).shape
        torch.Size([3])
    """

    numbers = 2
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
        nu = location.new_tensor(self.degrees_of_freedom)
        t = TorchStudentT(nu, location, FLOOR + softplus(raw), validate_args=False)
        return self.independent(t)

    def check(self, x: Tensor) -> None:
        """Raise a `UserError` unless every value is finite."""
        if not x.isfinite().all():
            refuse("the Student t likelihood", "finite values", x)
