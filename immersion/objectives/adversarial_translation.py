"""A translator's game: its outputs are to be right, and to look real next to their inputs.

Isola et al. 2017, Image-to-image translation with conditional adversarial networks,
https://arxiv.org/abs/1611.07004
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from immersion.batch import Batch
from immersion.models import Translator
from immersion.objectives.adversarial import compute_discriminator_terms
from immersion.objectives.games import Game
from immersion.objectives.translation import ConditionalELBO, TranslationLoss
from immersion.precision import widen


@dataclass(frozen=True)
class AdversarialTranslation:
    """The translator's side: likeness + weight * values * scale * the generator's loss.

    Equation (4) with the likeness of any translator in place of the L1 distance, and any game in
    place of equation (1). `values` is the number of values in a target, so that the weight means
    the same for patches of every size. `scale` is the likeness per half a squared error (see
    `compute_likeness_scale`), so that the weight means the same for every likeness: 1 if that
    error is minimised, and 1 / mean sigma^2 if nats are, as those of an ELBO. The discriminator
    is given E[target | input], or, for a translator with a code, E[target | input, z] for z
    sampled from the prior, with the input's known pixels.

    The terms, each (B,): those of the likeness, `loss` with the game's part in it, and
    `adversarial`, the mean over patches of the game's generator's loss.

    Args:
        likeness: Loss of the translator without the game.
        game: The generator's loss.
        weight: Weight of the game relative to half the squared error of one value.
    """

    likeness: TranslationLoss | ConditionalELBO
    game: Game
    weight: float

    def __call__(self, model: Translator, batch: Batch) -> dict[str, Tensor]:
        """Return the terms."""
        pair = model.task.pair(batch.x, batch.y)
        terms, p = self.likeness.compute_terms(model, pair, batch.step)
        fake = compute_patch_logits(model, pair.input, p.mean)
        real = compute_patch_logits(model, pair.input, pair.target) if self.game.paired else fake
        adversarial = self.game.generator(real, fake).mean(1)
        scale = pair.target[0].numel() * compute_likeness_scale(
            self.likeness.compute_weight(p), p.variance, pair.weight
        )
        loss = terms["loss"] + self.weight * scale * adversarial
        return terms | {"loss": loss, "adversarial": adversarial}


@dataclass(frozen=True)
class PatchDiscriminatorLoss:
    """The discriminator's side: targets against outputs, each with its input: equation (1).

    The terms, each (B,), are those of any discriminator, means over patches.

    Args:
        game: The discriminator's loss.
    """

    game: Game

    def __call__(self, model: Translator, batch: Batch) -> dict[str, Tensor]:
        """Return the terms."""
        pair = model.task.pair(batch.x, batch.y)
        with torch.no_grad():
            made = model(pair.input, model.sample_code(pair.input)).mean
        real, fake = (
            compute_patch_logits(model, pair.input, output) for output in (pair.target, made)
        )
        terms = compute_discriminator_terms(self.game, real, fake)
        return {name: values.mean(1) for name, values in terms.items()}


def compute_likeness_scale(factor: Tensor, variance: Tensor, weight: Tensor | None) -> Tensor:
    """Return the likeness per half a squared error, averaged over the weighted values, (B,).

    A value's likeness contains factor (x - mean)^2 / (2 sigma^2). The ratio of the means of factor
    and sigma^2 is returned, as a single small sigma would dominate the mean of the ratios.

    Args:
        factor: Factor of each value's nats, (B, C, H, W).
        variance: sigma^2, (B, C, H, W).
        weight: Weight of each value, of a shape that broadcasts to it; None for equal weights.

    Example:
        >>> sigma = torch.tensor([0.1, 0.2]).view(1, 1, 1, 2)
        >>> compute_likeness_scale(torch.ones_like(sigma), sigma**2, None).round()
        tensor([40.])
        >>> compute_likeness_scale(sigma**2, sigma**2, None)
        tensor([1.])
    """
    weight = torch.ones_like(factor) if weight is None else weight.expand_as(factor)
    factors, variances = (
        (weight * part.detach()).flatten(1).sum(1) for part in (factor, variance)
    )
    return factors / variances


def compute_patch_logits(model: Translator, given: Tensor, output: Tensor) -> Tensor:
    """Return the logits of patches of an output with its input, (B, n).

    Known pixels of the output are those of the input: the likeness does not cover pixels outside
    of holes, and the discriminator could otherwise distinguish outputs from targets by these.
    """
    if model.discriminator is None:
        raise ValueError("the translator has no discriminator")
    output = model.presentation.compose(given, output)
    if given.shape[2:] != output.shape[2:]:
        given = interpolate(given, output.shape[2:])
    return widen(model.discriminator(torch.cat([given, output], dim=1)))
