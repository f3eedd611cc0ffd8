"""The conditional VAE: an image-to-image model with a code, as a VAE of its targets.

Sohn, Lee & Yan 2015, Learning structured output representation using deep conditional generative
models, section 4, https://papers.nips.cc/paper/5775
"""

from torch import Tensor
from torch.distributions import Distribution, Independent

from immersion.models.base import LatentVariableModel
from immersion.models.translator import Translator


class ConditionalVAE(LatentVariableModel):
    """A VAE of targets, from a translator with a code and a batch of inputs.

    log p(target | input) >= E_q[log p(target | input, z)] - KL(q(z | input, target) || p(z)): the
    bounds and estimates of VAEs hold with every distribution conditioned on the input.

    Args:
        translator: Has a code.
        inputs: The inputs, (B, C_in, H, W); targets are one each.
        weight: Weight of each value of the targets; None if all weigh the same.
    """

    def __init__(
        self, translator: Translator, inputs: Tensor, weight: Tensor | None = None
    ) -> None:
        code = translator.require_code()
        super().__init__(code.latent_dim, code.prior)
        self.translator, self.inputs, self.weight = translator, inputs, weight

    def encode(self, x: Tensor) -> Independent:
        """Return q(z | input, target): x is the targets, (B, C_out, s H, s W)."""
        return self.translator.require_code().encode(self.inputs, x)

    def decode(self, z: Tensor) -> Distribution:
        """Return p(target | input, z): z is (..., B, d), the batch shape (..., B)."""
        draws, count = z.shape[:-1], z.shape[:-2].numel()
        inputs = self.inputs.repeat(count, *[1] * (self.inputs.ndim - 1))
        raw = self.translator.parameters_of(inputs, z.reshape(-1, z.shape[-1]))
        p = self.translator.likelihood(raw.unflatten(0, draws))
        return p if self.weight is None else Weighted(p, self.weight)


class Weighted(Distribution):
    """A product over values of which each counts as much as its weight says.

    Args:
        p: A product of independent values, event shape (C, H, W).
        weight: Weights, of a shape that broadcasts to the event's, with a batch or without.
    """

    arg_constraints = {}  # noqa: RUF012 (torch's convention)

    def __init__(self, p: Independent, weight: Tensor) -> None:
        super().__init__(p.batch_shape, p.event_shape, validate_args=False)
        self.p, self.weight = p, weight

    @property
    def mean(self) -> Tensor:
        """Return the mean, (*batch, *event)."""
        return self.p.mean

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the weighted sum of the values' own log-densities, (*batch,), in nats."""
        each = self.p.base_dist.log_prob(value)
        return (self.weight * each).flatten(-len(self.event_shape)).sum(-1)
