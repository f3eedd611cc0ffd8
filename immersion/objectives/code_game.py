"""The two sides of the game that an adversarial autoencoder plays over its codes.

Makhzani et al. 2016, section 2, https://arxiv.org/abs/1511.05644. The decoder, a third player,
minimises the reconstruction error alone (`Reconstruction`).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.batch import Batch
from immersion.check import check_at_least
from immersion.models import AdversarialAutoencoder
from immersion.objectives.adversarial import discriminator_terms
from immersion.objectives.games import Game
from immersion.objectives.reconstruction import Reconstruction


@dataclass(frozen=True)
class CodeDiscriminatorLoss:
    """The discriminator's side: draws of the prior are real, codes of examples are not.

    The terms, each (B,): `loss`, `value`, `accuracy`, `real` and `fake` as of any discriminator.
    The value is -log 4 where codes cannot be told from draws of the prior.

    Args:
        game: Whose discriminator.
    """

    game: Game

    def __call__(self, model: AdversarialAutoencoder, batch: Batch) -> dict[str, Tensor]:
        """Return the terms."""
        with torch.no_grad():
            codes = model.encode(batch.x).mean
        real = model.discriminator(model.prior().sample((len(codes),)), None)
        fake = model.discriminator(codes, None)
        return discriminator_terms(self.game, real, fake)


@dataclass(frozen=True)
class CodeEncoderLoss:
    """The encoder's side: codes that decode to their examples and pass for draws of the prior.

    The terms, each (B,): `loss`, error + weight adversarial; `error`, the reconstruction error;
    `adversarial`, the game's generator's loss.

    Args:
        game: Whose generator.
        reconstruction: What the error is.
        weight: Of the adversarial part, in units of the error.
    """

    game: Game
    reconstruction: Reconstruction
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a weight that means nothing."""
        check_at_least(0, adversarial_weight=self.weight)

    def __call__(self, model: AdversarialAutoencoder, batch: Batch) -> dict[str, Tensor]:
        """Return the terms."""
        codes = model.encode(batch.x).mean
        error = self.reconstruction.of_codes(model, batch.x, codes)["loss"]
        fake = model.discriminator(codes, None)
        real = fake
        if self.game.paired:
            real = model.discriminator(model.prior().sample((len(batch.x),)), None)
        adversarial = self.game.generator(real, fake)
        loss = error + self.weight * adversarial
        return {"loss": loss, "error": error, "adversarial": adversarial}
