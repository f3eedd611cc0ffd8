"""The adversarial nets of 2014, with the networks and the optimizer of the published code."""

from typing import Literal

import torch
from torch import nn

from immersion.batch import Split, iterate_batches
from immersion.check import check_at_least
from immersion.engine import Experiment, OptimizerSettings
from immersion.models import GAN, Discriminator
from immersion.nn.gan2014 import maxout_discriminator, rectifier_generator
from immersion.objectives.games import GAMES
from immersion.objectives.penalties import Penalties
from immersion.priors import UniformCube
from immersion.recipes.base import (
    RECIPES,
    build_players,
    check_continuous,
    has_unit_range,
    limit_output,
)
from immersion.spec import Spec

PUBLISHED = OptimizerSettings(
    "sgd",
    learning_rate=0.1,
    schedule="exponential",
    decay=1.000004,
    momentum=0.5,
    final_momentum=0.7,
    momentum_steps=125_000,
)
"""Settings for MNIST: the momentum saturates after 250 epochs of 500 batches."""


@RECIPES.register("gan2014")
def gan2014(
    spec: Spec,
    *,
    latent_dim: int = 100,
    width: int = 1200,
    units: int = 240,
    game: Literal["non-saturating", "minimax"] = "non-saturating",
    updates: Literal["simultaneous", "alternating"] = "simultaneous",
    discriminator_steps: int = 1,
    discriminator_rate: float = 0.5,
    optimizer: OptimizerSettings = PUBLISHED,
) -> Experiment:
    """Train the adversarial nets of Goodfellow et al. 2014: ReLU generator, maxout discriminator.

    The defaults are those of the authors' code: both players update simultaneously, and the
    generator ascends log D(G(z)). Algorithm 1 of the paper is `--game minimax --updates
    alternating --discriminator-steps k --discriminator-rate 1`.

    Args:
        spec: The data.
        latent_dim: Dimension of the noise, uniform on (-sqrt 3, sqrt 3)^d.
        width: Units in each of the generator's two hidden layers.
        units: Maxout units in each of the discriminator's two hidden layers.
        game: non-saturating, or minimax: the generator descends log(1 - D(G(z))).
        updates: simultaneous, or alternating: the discriminator updates first.
        discriminator_steps: k, discriminator updates per generator update.
        discriminator_rate: The discriminator's learning rate relative to the generator's; the
            published code halves the discriminator's loss, which is equivalent.
        optimizer: Optimizer settings of both players.
    """
    check_continuous(spec)
    check_at_least(1, latent_dim=latent_dim, width=width, units=units)
    network = rectifier_generator((latent_dim,), spec.shape, (width, width))
    discriminator = Discriminator(maxout_discriminator(spec.shape, (units, units)))
    model = GAN(limit_output(network, spec), discriminator, UniformCube(latent_dim), latent_dim)
    players = build_players(
        model, GAMES[game](), Penalties(), optimizer, discriminator_steps, discriminator_rate
    )

    def begin(split: Split) -> None:
        """Set the output's bias to the logits of the mean, as the published code does."""
        if has_unit_range(spec):
            last = next(m for m in reversed(list(network)) if isinstance(m, nn.Linear))
            last.bias.data.copy_(_logit_of_mean(split).flatten())

    return Experiment(model, players, updates=updates, begin=begin, batch_size=100)


def _logit_of_mean(split: Split) -> torch.Tensor:
    """Return the logits of the mean example, clamped to [0.001, 0.999]."""
    sums = (x.double().sum(0) for x, _ in iterate_batches(split, seed=0))
    total = sum(sums, torch.tensor(0.0, dtype=torch.float64))
    return (total / len(split)).clamp(0.001, 0.999).logit().float()
