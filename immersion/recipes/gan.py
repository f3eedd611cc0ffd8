"""Adversarial nets of today: any game, penalties, ways to judge, two time scales."""

from dataclasses import dataclass, replace
from typing import Literal

import torch

from immersion.batch import Split, iterate_batches
from immersion.check import UserError, check_at_least, check_choice
from immersion.data import Spec
from immersion.engine import Experiment, OptimizerSettings
from immersion.models import GAN, Discriminator
from immersion.nn import Architecture
from immersion.nn.augment import augmentation
from immersion.nn.discriminator import (
    spectrally_normalised,
    with_minibatch_std,
    without_batch_norm,
)
from immersion.objectives.games import GAMES, Game
from immersion.objectives.penalties import Penalties
from immersion.priors import Labelled, StandardNormal, UniformCube
from immersion.recipes.base import (
    RECIPES,
    bound_output,
    build_players,
    check_continuous,
    has_unit_range,
)

LATENT = 64
"""Dimensions of the noise for images, where none are asked for; tables get 16."""

SLOPE = 100.0
"""The usual gamma of R1 and R2 for images, times the values of one: near the best of a few that
`immersion train gan --r1 G --r2 G` was given, digits of 8 x 8 (1 against 0.03, 1,500 steps) and
faces of 64 x 64 (0.03 against 0.2 and 2, the same; AMD EPYC, 2026-11-23)."""

PRIORS = {"normal": StandardNormal, "uniform": UniformCube}


@dataclass(frozen=True)
class DiscriminatorSettings:
    """What the discriminator is shown, and how it is held.

    Args:
        conditional: Whether both players are told the class.
        pack: Examples of one kind seen together (PacGAN); 1 sees each alone.
        minibatch_std: Whether it sees how much the examples of a batch differ.
        spectral_norm: Whether the norm of each of its layers' weights is kept at 1; there is no
            batch normalisation then, nor with a gradient penalty.
        augmentation: What real and generated images go through first: none, differentiable (all
            images, for a few thousand examples), or adaptive (as often as overfitting demands).
        mirror: Whether real images are shown with left and right turned round half of the time:
            twice as many examples of what is alike on both sides, such as faces.
    """

    conditional: bool = False
    pack: int = 1
    minibatch_std: bool = False
    spectral_norm: bool = False
    augmentation: Literal["none", "differentiable", "adaptive"] = "none"
    mirror: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        check_at_least(1, pack=self.pack)
        if self.conditional and self.pack > 1:
            remedy = "leave one of --conditional and --pack out"
            raise UserError("a pack of several classes has no label", remedy=remedy)
        check_choice("augmentation", self.augmentation, ("none", "differentiable", "adaptive"))


def compute_default_penalty(spec: Spec) -> float:
    """Return the weight of R1 and R2 where none is asked for.

    Example:
        >>> compute_default_penalty(Spec("faces", (1, 10, 10), "unit"))
        1.0
    """
    return SLOPE / spec.dimensions if spec.image else 1.0


@RECIPES.register("gan")
def gan(
    spec: Spec,
    *,
    latent_dim: int | None = None,
    prior: Literal["normal", "uniform"] = "normal",
    architecture: Architecture = Architecture(),
    game: str = "relativistic",
    updates: Literal["alternating", "simultaneous"] = "alternating",
    discriminator_steps: int = 1,
    discriminator_rate: float = 1.0,
    penalties: Penalties = Penalties(r1=None, r2=None, share=0.25),
    settings: DiscriminatorSettings = DiscriminatorSettings(),
    optimizer: OptimizerSettings = OptimizerSettings(
        learning_rate=4e-4, schedule="cosine", momentum=0.0, beta2=0.99
    ),
) -> Experiment:
    """Train a generative adversarial net.

    Args:
        spec: The data.
        latent_dim: Dimension of the noise; by default 64 for images and 16 for tables.
        prior: normal, or uniform on (-sqrt 3, sqrt 3)^d.
        architecture: Both players' networks: by default dcgan for images, dense for tables;
            r3gan is for a GPU.
        game: relativistic, non-saturating, minimax, hinge, wasserstein, ...; an unknown name is
            answered with all of them.
        updates: alternating, the discriminator moving first, or simultaneous.
        discriminator_steps: k, the discriminator's moves for each of the generator's.
        discriminator_rate: The discriminator's learning rate in units of the generator's.
        penalties: What is added to the discriminator's loss; by default r1 and r2 of 100 over the
            number of an image's values, and of 1 for tables, but 0 where a gradient penalty or
            spectral normalisation bounds the slope already.
        settings: What the discriminator is shown, and how it is held.
        optimizer: How both players move.
    """
    check_continuous(spec)
    rules = GAMES[game]()
    _check_augmentation(spec, settings, rules)
    if latent_dim is None:
        latent_dim = LATENT if spec.image else LATENT // 4
    check_at_least(1, latent_dim=latent_dim)
    if architecture.network == "auto":
        architecture = replace(architecture, network="dcgan" if spec.image else "dense")
    classes = _classes(spec) if settings.conditional else 0
    noise = PRIORS[check_choice("prior", prior, PRIORS)](latent_dim)
    prior = Labelled(noise, classes) if classes else noise
    network = architecture.build((latent_dim + classes,), spec.shape)
    model = GAN(
        bound_output(network, spec),
        _discriminator(spec, architecture, settings, classes, penalties.gradient_penalty > 0),
        prior,
        latent_dim + classes,
        classes,
    )
    gentle = settings.spectral_norm or penalties.gradient_penalty > 0
    penalties = penalties.filled(0.0 if gentle else compute_default_penalty(spec))
    players = build_players(
        model, rules, penalties, optimizer, discriminator_steps, discriminator_rate
    )

    def begin(split: Split) -> None:
        """Let the prior draw each class as often as the data have it."""
        if isinstance(prior, Labelled):
            prior.observe(torch.cat([y for _, y in iterate_batches(split, seed=0)]))

    return Experiment(
        model,
        players,
        updates=updates,
        begin=begin,
        batch_size=64 if spec.image else 256,
        multiple=settings.pack,
        ema=0.999,
        mirror=settings.mirror,
    )


def _discriminator(
    spec: Spec,
    architecture: Architecture,
    settings: DiscriminatorSettings,
    classes: int,
    slope_penalised: bool,
) -> Discriminator:
    shape = (settings.pack * spec.shape[0], *spec.shape[1:])
    network = architecture.build(shape, (max(classes, 1),))
    if settings.spectral_norm or slope_penalised:
        network = without_batch_norm(network)
    if settings.minibatch_std:
        network = with_minibatch_std(network)
    if settings.spectral_norm:
        network = spectrally_normalised(network)
    augmented = augmentation(settings.augmentation)
    return Discriminator(network, has_unit_range(spec), settings.pack, augmented)


def _check_augmentation(spec: Spec, settings: DiscriminatorSettings, rules: Game) -> None:
    """Refuse what cannot be augmented, or cannot say how much it should be."""
    if settings.augmentation != "none" and not (spec.image and has_unit_range(spec)):
        raise UserError(
            "only images can be augmented",
            "levels from 0 to 1",
            f"{spec.values} values" if spec.image else "a table",
            "leave --augmentation out",
        )
    if settings.mirror and not spec.image:
        raise UserError("only images can be mirrored", remedy="leave --mirror out for a table")
    if settings.augmentation == "adaptive" and not rules.signed:
        raise UserError(
            "adaptive augmentation reads overfitting from the signs of the logits",
            "a game in which a sign tells real from generated, such as non-saturating",
            "a game that is blind to a constant added to all logits",
            "pass --game non-saturating, or --augmentation differentiable",
        )


def _classes(spec: Spec) -> int:
    """Return the number of classes, refusing data that have none to be told apart."""
    if len(spec.classes) < 2:
        received = f"{len(spec.classes)} in '{spec.name}'" if spec.classes else "no classes"
        remedy = "leave --conditional out"
        if spec.image:
            remedy += ", or sort the images into one sub-folder a class"
        raise UserError("a class-conditional net needs classes", "2 or more", received, remedy)
    return len(spec.classes)
