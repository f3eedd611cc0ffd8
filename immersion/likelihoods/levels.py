"""Likelihoods for levels 0, 1/(L-1), ..., 1, such as the values of 8-bit images (L = 256).

They give the probability of a level, so that nats a value over log 2 are bits/dim. The values of
an example, including the channels of a colour, are independent given h.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Categorical as TorchCategorical
from torch.distributions import Distribution, Independent
from torch.nn.functional import logsigmoid, softplus

from immersion.check import UserError
from immersion.likelihoods.base import LIKELIHOODS, Likelihood, SampleShape, raise_outside_support

EXPORTED = 30
"""Levels that are added at a time in an exported graph."""

HIGHEST = 7.0
"""The largest log scale of a logistic: at exp(7) only the two edge levels have mass."""


def check_levels(likelihood: str, levels: int, x: Tensor) -> None:
    """Raise UserError unless every value is a level k / (levels - 1)."""
    scaled = x * (levels - 1)
    if not ((x >= 0) & (x <= 1) & ((scaled - scaled.round()).abs() < 1e-3)).all():
        raise_outside_support(likelihood, f"levels k/{levels - 1} from 0 to 1", x)


def check_minimum(what: str, number: int, least: int) -> None:
    """Raise UserError unless an option is at least its minimum."""
    if number < least:
        raise UserError(f"too few {what}", f"at least {least}", number, "pass a larger number")


@LIKELIHOODS.register("logistic-mixture")
class LogisticMixture(Likelihood):
    r"""A mixture of discretised logistics: P(x) = sum_k w_k [s((x+d-m_k)/s_k) - s((x-d-m_k)/s_k)].

    d = 1 / (2 (levels - 1)) is half a bin; the bins of 0 and of 1 extend to infinity. For each
    value h has K logits of the weights, K raw locations and K raw log scales, (..., 3 K C, H, W);
    log p(x|h) is the sum of log P(x_i). Locations
    are m_k = (k + 1/2) / K + raw / 2 and log scales are near raw - log(4 K), so that h = 0 is
    nearly uniform; a scale is at least an eighth of a bin, where a bin can hold 96 % of the mass.

    Args:
        event_shape: Shape of one example.
        components: K, the number of logistics a value.
        levels: L, the number of levels of the data.

    Raises:
        UserError: There is no component, or there are fewer than two levels.

    Reference:
        Salimans et al. 2017, PixelCNN++, equation (2), https://arxiv.org/abs/1701.05517

    Example:
        >>> likelihood = LogisticMixture((1, 2, 2), components=3)
        >>> likelihood.parameter_shape
        (9, 2, 2)
        >>> p = likelihood(torch.zeros(5, 9, 2, 2))
        >>> p.log_prob(torch.ones(5, 1, 2, 2)).shape
        torch.Size([5])
    """

    values = frozenset({"unit"})
    discrete = True

    def __init__(
        self, event_shape: tuple[int, ...], components: int = 5, levels: int = 256
    ) -> None:
        super().__init__(event_shape)
        check_minimum("components", components, 1)
        check_minimum("levels", levels, 2)
        self.components, self.levels, self.parameters_per_value = (
            components,
            levels,
            3 * components,
        )

    def forward(self, h: Tensor) -> Independent:
        """Return p(x|h) from weights, locations and scales, (..., 3 * K * C, H, W)."""
        K, dim = self.components, -len(self.event_shape) - 1
        parameters = self.unpack(h).movedim(dim, -1).unflatten(-1, (3, K))
        logits, location, log_scale = parameters.unbind(-2)
        centres = (torch.arange(K, dtype=logits.dtype, device=h.device) + 0.5) / K
        lowest, start = -math.log(8 * (self.levels - 1)), -math.log(4 * K)
        log_scale = (lowest + softplus(log_scale + start - lowest)).clamp(max=HIGHEST)
        location = centres + location / 2
        return self.make_independent(LevelMixture(logits, location, log_scale, self.levels))

    def check(self, x: Tensor) -> None:
        """Raise UserError unless every value is one of the levels."""
        check_levels("the logistic mixture likelihood", self.levels, x)


@LIKELIHOODS.register("categorical")
class Categorical(Likelihood):
    """A separate probability for each level: P(x = k / (L - 1)) = softmax(h)_k.

    h has L logits a value, level 0 first, (..., L * C, H, W); log p(x|h) is the sum of log P(x_i).
    Neighbouring levels share nothing, so that it needs much data; `logistic-mixture` is nearly as
    flexible with 15 parameters.

    Args:
        event_shape: Shape of one example.
        levels: L, the number of levels of the data.

    Raises:
        UserError: There are fewer than two levels.

    Reference:
        van den Oord et al. 2016, Pixel recurrent neural networks, pixels as discrete variables,
        https://arxiv.org/abs/1601.06759

    Example:
        >>> p = Categorical((1, 2, 2), levels=4)(torch.zeros(5, 4, 2, 2))
        >>> p.log_prob(torch.ones(5, 1, 2, 2))[0].exp().item() == 4**-4
        True
    """

    values = frozenset({"unit"})
    discrete = True

    def __init__(self, event_shape: tuple[int, ...], levels: int = 256) -> None:
        super().__init__(event_shape)
        check_minimum("levels", levels, 2)
        self.levels = self.parameters_per_value = levels

    def forward(self, h: Tensor) -> Independent:
        """Return p(x|h) from logits, (..., levels * C, H, W)."""
        logits = self.unpack(h).movedim(-len(self.event_shape) - 1, -1)
        return self.make_independent(LevelCategorical(logits))

    def check(self, x: Tensor) -> None:
        """Raise UserError unless every value is one of the levels."""
        check_levels("the categorical likelihood", self.levels, x)


class LevelMixture(Distribution):
    """A mixture of logistics whose samples are rounded to a level and clipped to [0, 1].

    Args:
        logits: Logits of the weights, (..., K).
        location: m_k, (..., K).
        log_scale: log s_k, (..., K).
        levels: L.
    """

    arg_constraints: ClassVar[dict] = {}

    def __init__(self, logits: Tensor, location: Tensor, log_scale: Tensor, levels: int) -> None:
        super().__init__(logits.shape[:-1], validate_args=False)
        self.logits, self.location, self.log_scale = logits, location, log_scale
        self.steps = levels - 1

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log P(x) of each value, in nats.

        With a and b the ends of x's bin in units of the scale, s(a) - s(b) =
        s(a) s(-b) (1 - exp(b - a)): a product, so that small differences do not cancel.
        """
        level = (x * self.steps).round().unsqueeze(-1)
        inverse = torch.exp(-self.log_scale)
        a = ((level + 0.5) / self.steps - self.location) * inverse
        b = ((level - 0.5) / self.steps - self.location) * inverse
        bottom, top = level == 0, level == self.steps
        left = torch.where(bottom, 0, logsigmoid(-b))
        right = torch.where(top, 0, logsigmoid(a))
        width = torch.log(-torch.expm1(-inverse / self.steps))
        log_bin = left + right + torch.where(bottom | top, 0, width)
        return torch.logsumexp(self.logits.log_softmax(-1) + log_bin, -1)

    @property
    def mean(self) -> Tensor:
        """E[x], (...)."""
        return self.moments()[0]

    @property
    def variance(self) -> Tensor:
        """Var[x], (...)."""
        first, second = self.moments()
        return second - first.square()

    def moments(self) -> tuple[Tensor, Tensor]:
        """Return E[x] and E[x^2], (...), of the rounded and clipped values.

        E[x] = sum_{j >= 1} P(x >= level j) / (L - 1), level by level to save memory; in a graph
        that is exported several levels at a time, as each step of the loop is a part of the graph.
        """
        weights, inverse = self.logits.softmax(-1), torch.exp(-self.log_scale)
        first = second = torch.zeros_like(weights[..., 0])
        count = EXPORTED if torch.compiler.is_exporting() else 1
        for start in range(1, self.steps + 1, count):
            stop = min(start + count, self.steps + 1)
            j = torch.arange(start, stop, dtype=torch.float64, device=weights.device)
            edge = ((j - 0.5) / self.steps).to(weights).unsqueeze(-1)
            distance = (self.location.unsqueeze(-2) - edge) * inverse.unsqueeze(-2)
            reached = (weights.unsqueeze(-2) * torch.sigmoid(distance)).sum(-1)
            first = first + (reached / self.steps).sum(-1)
            second = second + (reached * ((2 * j - 1) / self.steps**2).to(weights)).sum(-1)
        return first, second

    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        """Sample levels, (*sample_shape, ...)."""
        with torch.no_grad():
            k = TorchCategorical(logits=self.logits, validate_args=False).sample(sample_shape)
            k, shape = k.unsqueeze(-1), (*k.shape, self.logits.shape[-1])
            location = self.location.expand(shape).gather(-1, k).squeeze(-1)
            scale = self.log_scale.exp().expand(shape).gather(-1, k).squeeze(-1)
            u = torch.rand_like(scale)
            logistic = location + scale * (torch.log(u) - torch.log1p(-u))
            return (logistic.clamp(0, 1) * self.steps).round() / self.steps


class LevelCategorical(Distribution):
    """A categorical distribution over the levels 0, 1/(L-1), ..., 1.

    Args:
        logits: (..., L).
    """

    arg_constraints: ClassVar[dict] = {}

    def __init__(self, logits: Tensor) -> None:
        super().__init__(logits.shape[:-1], validate_args=False)
        self.logits = logits
        self.steps = logits.shape[-1] - 1
        self.level = torch.linspace(0, 1, self.steps + 1, dtype=logits.dtype, device=logits.device)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return log P(x) of each value, in nats."""
        level = (x * self.steps).round().long().unsqueeze(-1)
        log_probabilities = self.logits.log_softmax(-1)
        shape = torch.broadcast_shapes(level.shape[:-1], self.logits.shape[:-1])
        log_probabilities = log_probabilities.expand(*shape, -1)
        return log_probabilities.gather(-1, level.expand(*shape, 1)).squeeze(-1)

    @property
    def mean(self) -> Tensor:
        """E[x], (...)."""
        return (self.logits.softmax(-1) * self.level).sum(-1)

    @property
    def variance(self) -> Tensor:
        """Var[x], (...)."""
        centred = self.level - self.mean.unsqueeze(-1)
        return (self.logits.softmax(-1) * centred.square()).sum(-1)

    def sample(self, sample_shape: SampleShape = ()) -> Tensor:
        """Sample levels, (*sample_shape, ...)."""
        with torch.no_grad():
            k = TorchCategorical(logits=self.logits, validate_args=False).sample(sample_shape)
            return self.level[k]
