"""Objectives of autoencoders, and of the game that an adversarial autoencoder plays on its codes.

Makhzani et al. 2016, section 2, https://arxiv.org/abs/1511.05644: the decoder, a third player,
minimises the reconstruction error alone (`Reconstruction`).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from immersion.batch import Batch
from immersion.check import check_at_least, check_choice
from immersion.models import AdversarialAutoencoder, Autoencoder, Decoder
from immersion.objectives.adversarial import compute_discriminator_terms
from immersion.objectives.games import Game


@dataclass(frozen=True)
class Reconstruction:
    """The reconstruction error, one number an example.

    Args:
        error: `squared`, ||x - E[x|z]||^2 summed over the values, or `log-likelihood`,
            -log p(x|z) in nats.

    Reference:
        Baldi & Hornik 1989, equation (1), https://doi.org/10.1016/0893-6080(89)90014-2
    """

    error: Literal["squared", "log-likelihood"] = "squared"

    def __post_init__(self) -> None:
        """Validate."""
        check_choice("error", self.error, ("squared", "log-likelihood"))

    def __call__(self, model: Autoencoder, batch: Batch) -> dict[str, Tensor]:
        """Return the terms `loss` and, for the log-likelihood, `log_likelihood`, each (B,)."""
        return self.compute_from_codes(model, batch.x, model.encode(batch.x).mean)

    def compute_from_codes(self, model: Decoder, x: Tensor, codes: Tensor) -> dict[str, Tensor]:
        """Return the terms, given the codes, (B, d), of x, (B, *shape)."""
        p = model.decode(codes)
        if self.error == "squared":
            return {"loss": (x - p.mean).square().flatten(1).sum(1)}
        log_likelihood = p.log_prob(x)
        return {"loss": -log_likelihood, "log_likelihood": log_likelihood}


@dataclass(frozen=True)
class CodeDiscriminatorLoss:
    """The discriminator's side: samples of the prior are real, codes of examples are not.

    The terms, each (B,): `loss`, `value`, `accuracy`, `real` and `fake` as of any discriminator.
    The value is -log 4 where codes cannot be distinguished from samples of the prior.

    Args:
        game: The discriminator's loss.
    """

    game: Game

    def __call__(self, model: AdversarialAutoencoder, batch: Batch) -> dict[str, Tensor]:
        """Return the terms."""
        with torch.no_grad():
            codes = model.encode(batch.x).mean
        real = model.discriminator(model.prior().sample((len(codes),)), None)
        fake = model.discriminator(codes, None)
        return compute_discriminator_terms(self.game, real, fake)


@dataclass(frozen=True)
class CodeEncoderLoss:
    """The encoder's side: codes that decode to their examples and look like samples of the prior.

    The terms, each (B,): `loss`, error + weight adversarial; `error`, the reconstruction error;
    `adversarial`, the game's generator's loss.

    Args:
        game: The generator's loss.
        reconstruction: The reconstruction error.
        weight: Weight of the adversarial part, in units of the error.
    """

    game: Game
    reconstruction: Reconstruction
    weight: float = 1.0

    def __post_init__(self) -> None:
        """Validate."""
        check_at_least(0, adversarial_weight=self.weight)

    def __call__(self, model: AdversarialAutoencoder, batch: Batch) -> dict[str, Tensor]:
        """Return the terms."""
        codes = model.encode(batch.x).mean
        error = self.reconstruction.compute_from_codes(model, batch.x, codes)["loss"]
        fake = model.discriminator(codes, None)
        real = fake
        if self.game.paired:
            real = model.discriminator(model.prior().sample((len(batch.x),)), None)
        adversarial = self.game.generator(real, fake)
        loss = error + self.weight * adversarial
        return {"loss": loss, "error": error, "adversarial": adversarial}
