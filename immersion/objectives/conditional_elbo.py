"""The evidence lower bound on log p(target | input)."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.distributions import Distribution

from immersion.batch import Batch
from immersion.models import ConditionalVAE, Translator
from immersion.objectives.elbo import ELBO
from immersion.tasks import Pair


@dataclass(frozen=True)
class ConditionalELBO:
    """The ELBO of a translator with a code: that of the VAE which it is given the inputs.

    log p(target | input) >= E_q[log p(target | input, z)] - KL(q(z | input, target) || p(z))

    Args:
        elbo: Its form, weights and draws.

    Reference:
        Sohn, Lee & Yan 2015, section 4, https://papers.nips.cc/paper/5775
    """

    elbo: ELBO = field(default_factory=ELBO)

    def __call__(self, model: Translator, batch: Batch) -> dict[str, Tensor]:
        """Return the terms of `ELBO`, each (B,), in nats."""
        return self._terms(model, model.task.pair(batch.x, batch.y), batch.step)

    def played(
        self, model: Translator, pair: Pair, step: Tensor
    ) -> tuple[dict[str, Tensor], Distribution]:
        """Return the terms, and p(target | input, z), z ~ p(z): what a discriminator judges."""
        drawn = model(pair.input, model.sample_code(pair.input))
        return self._terms(model, pair, step), drawn

    def price(self, p: Distribution) -> Tensor:
        """Return what a nat of each value counts: 1, of the target's shape."""
        return torch.ones_like(p.stddev)

    def _terms(self, model: Translator, pair: Pair, step: Tensor) -> dict[str, Tensor]:
        vae = ConditionalVAE(model, pair.input, pair.weight)
        return self.elbo(vae, Batch(pair.target, None, step))
