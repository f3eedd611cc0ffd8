"""Objectives of the two players of an adversarial game."""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from immersion.batch import Batch
from immersion.models import GAN
from immersion.objectives.games import Game
from immersion.objectives.penalties import Penalties

SURELY = 0.01
"""D(G(z)) below which the minimax generator's gradient has vanished: the sample is saturated."""


@dataclass(frozen=True)
class DiscriminatorLoss:
    """The discriminator's side of a game, with penalties on its gradient in x.

    The terms, one number per pair of a real and a generated example:

    - `loss`;
    - `value`: V(D, G) = log D(x) + log(1 - D(G(z))) with D = sigmoid(C), in nats. Where the
      generator has won the minimax game it is -log 4 = -1.386; where D separates all, 0. In games
      whose logits have a free constant it has little meaning;
    - `accuracy`: 1 where C(x) > C(G(z)): on average 1/2 where the two cannot be distinguished;
    - `real`, `fake`: the logits C(x) and C(G(z));
    - `penalty`: the penalties' part of the loss.

    Args:
        game: The discriminator's loss.
        penalties: Terms added to its loss.

    Reference:
        Goodfellow et al. 2014, equation (1), https://arxiv.org/abs/1406.2661
    """

    game: Game
    penalties: Penalties = field(default_factory=Penalties)

    def __call__(self, model: GAN, batch: Batch) -> dict[str, Tensor]:
        """Return the terms, each (B,); packed examples count as one."""
        x, y = batch.x, batch.y
        with torch.no_grad():
            made = model.generate(model.sample_codes(len(x), y))
        critic = model.discriminator
        real, fake, penalty = self.penalties(critic, x, made, y, critic.stretch)
        model.discriminator.observe(real)
        terms = compute_discriminator_terms(self.game, real, fake)
        return terms | {"loss": terms["loss"] + penalty, "penalty": penalty}


@dataclass(frozen=True)
class GeneratorLoss:
    """The generator's side of a game: loss = l_G(C(x), C(G(z))), the game's generator's loss.

    The terms, each (B,): `loss` and, in games of probabilities, `saturated`: 1 where
    D(G(z)) < 0.01, so that the gradient of the minimax game's log(1 - D(G(z))) has vanished.

    Args:
        game: The generator's loss.

    Reference:
        Goodfellow et al. 2014, algorithm 1, https://arxiv.org/abs/1406.2661
    """

    game: Game

    def __call__(self, model: GAN, batch: Batch) -> dict[str, Tensor]:
        """Return the terms, each (B,); packed examples count as one."""
        z = model.sample_codes(len(batch.x), batch.y)
        fake = model.discriminator(model.generate(z), batch.y)
        real = model.discriminator(batch.x, batch.y) if self.game.paired else fake
        terms = {"loss": self.game.generator(real, fake)}
        if self.game.of_probabilities:
            terms["saturated"] = (fake.sigmoid() < SURELY).float()
        return terms


def compute_discriminator_terms(game: Game, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Return a discriminator's terms without penalties, each (B,), from its logits."""
    return {
        "loss": game.discriminator(real, fake),
        "value": logsigmoid(real) + logsigmoid(-fake),
        "accuracy": (real > fake).float(),
        "real": real,
        "fake": fake,
    }
