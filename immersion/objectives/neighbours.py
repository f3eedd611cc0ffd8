"""The objective of a denoiser that is trained on noisy images alone.

Huang et al. 2021, Neighbor2Neighbor, https://arxiv.org/abs/2101.02824
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from immersion.batch import Batch
from immersion.models import Translator
from immersion.objectives.translation import TranslationLoss
from immersion.tasks import Pair
from immersion.tasks.denoise import sample_neighbours, take_neighbours


@dataclass(frozen=True)
class NeighbourLoss:
    r"""How improbable one neighbour is given the other, and the error of their difference.

    With g_1(y), g_2(y) neighbouring pixels of the noisy picture y, and f the network's mean,

    loss = -log p(g_2(y) | g_1(y)) + gamma / 2 |f(g_1(y)) - g_2(y) - (g_1(f(y)) - g_2(f(y)))|^2,

    the second part in the likeness's own units. Neighbours differ in the clean picture too; a
    network that learns one from the other alone smooths what differs. Of a perfect f the two
    differences are equal but for the noise, so the second part lets it keep what neighbours differ
    by. No gradient goes through f(y).

    sigma is the standard deviation of what the network has seen: of the error and of the noise in
    the target together, and so larger than the error by itself.

    Args:
        likeness: The first part.
        gamma: Weight of the second part; 2 in the paper for added noise, more for a camera's.

    Reference:
        Equation (8); half of it, as the likeness has half of the squared error.
    """

    likeness: TranslationLoss = field(default_factory=TranslationLoss)
    gamma: float = 2.0

    def __call__(self, model: Translator, batch: Batch) -> dict[str, Tensor]:
        """Return the terms of `TranslationLoss`, and `neighbour_gap`, each (B,).

        `neighbour_gap` is the mean square of what gamma multiplies.
        """
        pixels = sample_neighbours(batch.x)
        one, other = take_neighbours(batch.x, pixels)
        with torch.no_grad():
            first, second = take_neighbours(model(batch.x).mean, pixels)
        terms, p = self.likeness.compute_terms(model, Pair(one, other), batch.step)
        gap = (p.mean - other - (first - second)).square()
        priced = self.likeness.compute_weight(p) / p.variance.detach() * gap
        loss = terms["loss"] + self.gamma / 2 * priced.flatten(1).sum(1)
        return terms | {"loss": loss, "neighbour_gap": gap.flatten(1).mean(1)}
