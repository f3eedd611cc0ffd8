"""The score-function gradient of an expectation under the distribution that is being learned.

The other way, reparameterisation, needs no code: draw with `q.rsample` and backpropagate.
"""

from typing import Literal

from torch import Tensor

from immersion.check import UserError

Baseline = float | Literal["leave-one-out"]


def score_function(value: Tensor, log_q: Tensor, baseline: Baseline = 0.0) -> Tensor:
    """Return `value` itself, with the gradient (value - b) grad log q + grad value.

    Its mean over draws z ~ q is an unbiased gradient of E_q[f(z)], and no derivative of f in z is
    needed. A baseline b that does not depend on the draw leaves the mean unchanged and lowers the
    variance.

    Args:
        value: f(z) at z drawn without gradient, (S, ...).
        log_q: log q(z) at the same z, (S, ...), differentiable in the parameters of q.
        baseline: A constant b, or `leave-one-out`: for each sample the mean of f over the others
            (S >= 2).

    Raises:
        UserError: `leave-one-out` with one sample.

    Reference:
        Kingma & Welling 2014, section 2.2, https://arxiv.org/abs/1312.6114; leave-one-out: Kool,
        van Hoof & Welling 2019, https://openreview.net/forum?id=r1lgTGL5DE

    Example:
        The gradient of E[(z - c)^2], z ~ N(mu, 1), with respect to mu is 2 (mu - c).

        >>> import torch
        >>> from torch.distributions import Normal
        >>> seed = torch.manual_seed(0)
        >>> mu = torch.zeros(1, requires_grad=True)
        >>> q = Normal(mu, 1.0)
        >>> z = q.sample((200_000,))
        >>> f = score_function((z - 1.0) ** 2, q.log_prob(z), "leave-one-out")
        >>> f.mean().backward()
        >>> round(mu.grad.item(), 1)
        -2.0
    """
    advantage = (value - _baseline(value, baseline)).detach()
    # The bracket is zero in value and grad log q in gradient.
    return value + advantage * (log_q - log_q.detach())


def _baseline(value: Tensor, baseline: Baseline) -> Tensor | float:
    if baseline != "leave-one-out":
        return baseline
    samples = len(value)
    if samples < 2:
        raise UserError(
            "the leave-one-out baseline compares draws of the same example",
            "at least 2 samples",
            samples,
            "pass --samples 2 or more",
        )
    return (value.sum(0) - value) / (samples - 1)
