"""Objectives of the three players of a VAE-GAN.

Larsen et al. 2016, algorithm 1, https://arxiv.org/abs/1512.09300. There all three take gradients
from one batch at the same parameters; here they update in turn, each on its own batch.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from immersion.batch import Batch
from immersion.check import check_at_least
from immersion.models import VAEGAN
from immersion.objectives.adversarial import compute_discriminator_terms
from immersion.objectives.games import Game
from immersion.objectives.penalties import Penalties
from immersion.posteriors import compute_kl_per_unit, estimate_kl


@dataclass(frozen=True)
class FeatureELBO:
    """The encoder's side: the ELBO of the discriminator's features D_l(x) in place of x.

    The terms, each (B,), in nats:

    - `loss`: beta kl + feature_error; with beta 1 it is minus the ELBO but for a constant;
    - `kl`: KL(q(z|x) || p(z));
    - `feature_error`: ||D_l(x) - D_l(g(z))||^2 / 2, z ~ q(z|x): -log p(D_l(x)|z) of section 2.3,
      without the constant.

    Args:
        beta: Weight of the KL divergence: the variance of the features' noise.
    """

    beta: float = 1.0

    def __post_init__(self) -> None:
        """Validate."""
        check_at_least(0, beta=self.beta)

    def __call__(self, model: VAEGAN, batch: Batch) -> dict[str, Tensor]:
        """Return the terms."""
        q, prior = model.encode(batch.x), model.prior()
        features, _ = model.discriminate(batch.x)
        z = q.rsample()
        error = distance(features, model.discriminate(model.generate(z))[0])
        units = compute_kl_per_unit(q, prior)
        kl = estimate_kl(q, prior, z) if units is None else units.sum(-1)
        return {"loss": self.beta * kl + error, "kl": kl, "feature_error": error}


@dataclass(frozen=True)
class DecoderLoss:
    """The decoder's side: similarity to the example, and the generator's loss.

    The terms, each (B,):

    - `loss`: gamma feature_error + adversarial;
    - `feature_error`: as the encoder's;
    - `adversarial`: the game's generator's loss, the mean over a reconstruction and a sample.

    Args:
        game: The generator's loss.
        gamma: Weight of the feature error relative to the adversarial loss.
    """

    game: Game
    gamma: float = 1.0

    def __post_init__(self) -> None:
        """Validate."""
        check_at_least(0, gamma=self.gamma)

    def __call__(self, model: VAEGAN, batch: Batch) -> dict[str, Tensor]:
        """Return the terms."""
        with torch.no_grad():
            z = model.encode(batch.x).rsample()
        drawn = model.generate(model.prior().rsample((len(batch.x),)))
        features, real = model.discriminate(batch.x)
        remade, fake = model.discriminate(model.generate(z))
        error = distance(features, remade)
        _, drawn_logits = model.discriminate(drawn)
        of_fake, of_drawn = (self.game.generator(real, each) for each in (fake, drawn_logits))
        adversarial = (of_fake + of_drawn) / 2
        loss = self.gamma * error + adversarial
        return {"loss": loss, "feature_error": error, "adversarial": adversarial}


@dataclass(frozen=True)
class VAEGANDiscriminatorLoss:
    """The discriminator's side: examples against reconstructions and against samples.

    The terms, each (B,): `loss` = (l(x, reconstruction) + l(x, sample)) / 2 + penalty, where l is
    the game's discriminator's loss (the paper counts each of the two whole); `value`,
    `accuracy`, `real` and `fake` as of any discriminator, means over the two; `penalty`.

    Args:
        game: The discriminator's loss.
        penalties: Terms added to its loss, on examples and reconstructions; they keep the
            features, in which the error is measured, from growing.
    """

    game: Game
    penalties: Penalties = field(default_factory=Penalties)

    def __call__(self, model: VAEGAN, batch: Batch) -> dict[str, Tensor]:
        """Return the terms."""
        with torch.no_grad():
            remade = model.generate(model.encode(batch.x).rsample())
            drawn = model.generate(model.prior().rsample((len(batch.x),)))
        critic = model.discriminator
        real, fake, penalty = self.penalties(critic, batch.x, remade, None, critic.stretch)
        against = [
            compute_discriminator_terms(self.game, real, each)
            for each in (fake, critic(drawn, None))
        ]
        terms = {name: (against[0][name] + against[1][name]) / 2 for name in against[0]}
        return terms | {"loss": terms["loss"] + penalty, "penalty": penalty}


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Return ||a - b||^2 / 2, (B,), of features (B, F)."""
    return (a - b).square().sum(1) / 2
