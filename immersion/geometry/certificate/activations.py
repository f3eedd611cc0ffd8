"""Activations with their derivatives, and bounds on these over intervals.

A derivative's range over an interval is between its least and its largest value at the ends and at
its extrema inside, which are roots of the next derivative.
"""

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from immersion.check import UserError

HIGHEST = 5
"""Highest derivative that is bounded."""

Range = tuple[Tensor, Tensor]


class Activation:
    """A function R -> R with derivatives.

    Args:
        derive: From u and k, the derivatives of order 0 to k at u: k + 1 tensors.
        roots: For each order k from 0 to `HIGHEST`, the places of the extrema of the k-th
            derivative.
        kinked: If True, the function is only Lipschitz-differentiable, or less, at 0, and bounds
            on an interval round 0 use its slopes alone.
    """

    def __init__(
        self,
        derive: Callable[[Tensor, int], list[Tensor]],
        roots: list[list[float]],
        kinked: bool = False,
    ) -> None:
        self.derive, self.roots, self.kinked = derive, roots, kinked
        self._extrema = [
            [(root, derive(torch.tensor(root).double(), k)[k].item()) for root in places]
            for k, places in enumerate(roots)
        ]

    def enclose(self, low: Tensor, high: Tensor, orders: list[int]) -> list[Range]:
        """Return the ranges of derivatives, by order, over [low, high].

        The range of the slope includes both slopes at a kink; the other derivatives of a function
        with a kink are those of its two sides.

        Example:
            >>> low, high = torch.tensor([-1.0]).double(), torch.tensor([2.0]).double()
            >>> [(least, most)] = build_activation(nn.Tanh()).enclose(low, high, [1])
            >>> least.round(decimals=4).item(), most.item()
            (0.0707, 1.0)
        """
        at_low, at_high = (self.derive(end, max(orders)) for end in (low, high))
        ranges = []
        for k in orders:
            least = torch.minimum(at_low[k], at_high[k])
            most = torch.maximum(at_low[k], at_high[k])
            for root, value in self._extrema[k]:
                # A root is known to rounding only: its neighbourhood counts as inside.
                inside = (low <= root + 1e-9) & (high >= root - 1e-9)
                least = torch.where(inside, least.clamp(max=value), least)
                most = torch.where(inside, most.clamp(min=value), most)
            ranges.append((least, most))
        return ranges


def build_activation(module: nn.Module) -> Activation | None:
    """Return the activation of a module, or None if it is not one.

    Raises:
        UserError: It is GELU's approximation by tanh, whose derivatives are not known here.
    """
    if isinstance(module, nn.GELU) and module.approximate != "none":
        raise UserError(
            "GELU by tanh cannot be certified", "approximate='none'", module.approximate
        )
    if isinstance(module, nn.Softplus) and module.beta != 1:
        raise UserError("this Softplus cannot be certified", "beta 1", module.beta)
    if isinstance(module, nn.ELU):
        return _elu(float(module.alpha))
    if isinstance(module, nn.ReLU | nn.LeakyReLU):
        return _rectifier(float(getattr(module, "negative_slope", 0.0)))
    smooth = {
        nn.Tanh: _derive_tanh,
        nn.Sigmoid: _derive_sigmoid,
        nn.Softplus: _derive_softplus,
        nn.SiLU: _derive_silu,
        nn.GELU: _derive_gelu,
    }
    return _build_smooth(smooth[type(module)]) if type(module) in smooth else None


@cache
def _build_smooth(derive: Callable[[Tensor, int], list[Tensor]]) -> Activation:
    return Activation(derive, _find_extrema(derive))


def _find_extrema(derive: Callable[[Tensor, int], list[Tensor]]) -> list[list[float]]:
    """Return the roots of the derivatives of order 1 to HIGHEST + 1, by bisection.

    The five functions are analytic, and on |u| > 15 each derivative is an exponential times a
    polynomial without roots there; the tests count the roots.
    """
    places = torch.linspace(-15, 15.001, 6001, dtype=torch.float64)
    found = []
    for k in range(1, HIGHEST + 2):
        values = derive(places, k)[k]
        at = ((values[:-1] > 0) != (values[1:] > 0)).nonzero()[:, 0]
        low, high = places[at], places[at + 1]
        for _ in range(60):
            middle = (low + high) / 2
            left = (derive(middle, k)[k] > 0) == (derive(low, k)[k] > 0)
            low, high = torch.where(left, middle, low), torch.where(left, high, middle)
        found.append(low.tolist())
    return found


def _derive_polynomially(s: Tensor, flow: list[float], start: list[float], k: int) -> list[Tensor]:
    """Return p_1(s), ..., p_k(s), with p_1 = start and p_{i+1} = p_i' flow."""
    results, polynomial = [], start
    for _ in range(k):
        value = torch.zeros_like(s)
        for coefficient in reversed(polynomial):
            value = value * s + coefficient
        results.append(value)
        polynomial = _differentiate_along(polynomial, flow)
    return results


def _differentiate_along(polynomial: list[float], flow: list[float]) -> list[float]:
    """Return the coefficients of p' f."""
    result = [0.0] * (len(polynomial) + len(flow) - 2)
    for i, a in enumerate(polynomial[1:]):
        for j, b in enumerate(flow):
            result[i + j] += (i + 1) * a * b
    return result


def _derive_tanh(u: Tensor, k: int) -> list[Tensor]:
    t = u.tanh()
    return [t, *_derive_polynomially(t, [1, 0, -1], [1, 0, -1], k)]


def _derive_sigmoid(u: Tensor, k: int) -> list[Tensor]:
    s = u.sigmoid()
    # By symmetry the derivatives are evaluated at u <= 0, where s (1 - s) keeps its digits.
    values = _derive_polynomially((-u.abs()).sigmoid(), [0, 1, -1], [0, 1, -1], k)
    sign = torch.where(u > 0, -1.0, 1.0).to(u)
    return [s, *(value * sign if i % 2 else value for i, value in enumerate(values))]


def _derive_softplus(u: Tensor, k: int) -> list[Tensor]:
    value = u.clamp(min=0) + torch.log1p((-u.abs()).exp())
    return [value, *(_derive_sigmoid(u, k - 1) if k else [])]


def _derive_silu(u: Tensor, k: int) -> list[Tensor]:
    s = _derive_sigmoid(u, k)
    return [u * s[0], *(u * s[i] + i * s[i - 1] for i in range(1, k + 1))]


def _derive_gelu(u: Tensor, k: int) -> list[Tensor]:
    density = (-u.square() / 2).exp() / math.sqrt(2 * math.pi)
    below = torch.special.ndtr(u)
    results = [u * below, below + u * density]
    polynomial = [2.0, 0.0, -1.0]  # of phi'' = (2 - u^2) density; p_{i+1} = p_i' - u p_i
    for _ in range(2, k + 1):
        value = torch.zeros_like(u)
        for coefficient in reversed(polynomial):
            value = value * u + coefficient
        results.append(value * density)
        raised = [0.0, *polynomial]
        lowered = [*[i * a for i, a in enumerate(polynomial)][1:], 0.0, 0.0]
        polynomial = [a - b for a, b in zip(lowered, raised, strict=True)]
    return results[: k + 1]


_KINK = [[], [-1e-300, 1e-300], *[[] for _ in range(HIGHEST - 1)]]
"""Places of extrema of a function with a kink at 0: its slopes on both sides."""


def _elu(alpha: float) -> Activation:
    def derive(u: Tensor, k: int) -> list[Tensor]:
        positive = u > 0
        slope = alpha * u.clamp(max=0).exp()
        one, zero = torch.ones_like(u), torch.zeros_like(u)
        results = [torch.where(positive, u, slope - alpha), torch.where(positive, one, slope)]
        results += [torch.where(positive, zero, slope)] * (k - 1)
        return results[: k + 1]

    return Activation(derive, _KINK, kinked=True)


def _rectifier(slope: float) -> Activation:
    def derive(u: Tensor, k: int) -> list[Tensor]:
        slopes = torch.where(u > 0, torch.ones_like(u), slope)  # in u's precision
        return [u * slopes, slopes, *[torch.zeros_like(u)] * (k - 1)][: k + 1]

    return Activation(derive, _KINK, kinked=True)
