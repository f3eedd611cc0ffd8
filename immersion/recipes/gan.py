"""Generative adversarial nets: a choice of game, penalties, discriminator and time scales."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import nn

from immersion.batch import Split, iterate_batches
from immersion.check import UserError, check_at_least, check_choice
from immersion.engine import Experiment, OptimizerSettings
from immersion.models import GAN, Discriminator
from immersion.nn import Architecture
from immersion.nn.augment import build_augmentation
from immersion.nn.discriminator_layers import (
    add_minibatch_std,
    apply_spectral_norm,
    remove_batch_norm,
)
from immersion.objectives.games import GAMES, Game
from immersion.objectives.penalties import Penalties
from immersion.priors import Labelled, Prior, StandardNormal, UniformCube
from immersion.recipes.base import (
    RECIPES,
    build_players,
    check_continuous,
    has_unit_range,
    limit_output,
)
from immersion.spec import Spec

LATENT = 64
"""Default dimension of the noise for images; for tables it is 16."""

SLOPE = 100.0
"""Default weight of R1 and R2 for images, times the number of values in an image: near the best
of a few runs of `immersion train gan --r1 G --r2 G`, on digits of 8 x 8 (1 against 0.03, 1,500
steps) and faces of 64 x 64 (0.03 against 0.2 and 2, likewise; AMD EPYC, 2026-11-23)."""

NOISE: dict[str, Callable[[int], Prior]] = {"normal": StandardNormal, "uniform": UniformCube}


@dataclass(frozen=True)
class DiscriminatorSettings:
    """The discriminator's input and its regularization.

    Args:
        conditional: If True, both players are given the class.
        pack: Examples of one origin, real or generated, in one input (PacGAN).
        minibatch_std: If True, the standard deviation over the batch is an additional feature.
        spectral_norm: If True, the spectral norm of each layer's weights is 1; batch normalisation
            is left out then, as it is with a gradient penalty.
        augmentation: Augmentation of real and generated images: none, differentiable (of all
            images, for a few thousand examples), or adaptive (as often as overfitting requires).
        mirror: If True, real images are mirrored left to right half of the time: twice as many
            examples of symmetric objects, such as faces.
    """

    conditional: bool = False
    pack: int = 1
    minibatch_std: bool = False
    spectral_norm: bool = False
    augmentation: Literal["none", "differentiable", "adaptive"] = "none"
    mirror: bool = False

    def __post_init__(self) -> None:
        """Validate."""
        check_at_least(1, pack=self.pack)
        if self.conditional and self.pack > 1:
            remedy = "leave one of --conditional and --pack out"
            raise UserError("a pack of several classes has no label", remedy=remedy)
        check_choice("augmentation", self.augmentation, ("none", "differentiable", "adaptive"))


def compute_default_penalty(spec: Spec) -> float:
    """Return the default weight of R1 and R2.

    Example:
        >>> compute_default_penalty(Spec("faces", (1, 10, 10), "unit"))
        1.0
    """
    return SLOPE / spec.dimensions if spec.is_image else 1.0


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
        game: relativistic, non-saturating, minimax, hinge, wasserstein, ...; the error for an
            unknown name lists all of them.
        updates: alternating, with the discriminator first, or simultaneous.
        discriminator_steps: k, discriminator updates per generator update.
        discriminator_rate: The discriminator's learning rate relative to the generator's.
        penalties: Penalties in the discriminator's loss; by default r1 and r2 are 100 divided by
            the number of values in an image, 1 for tables, and 0 if a gradient penalty or
            spectral normalisation limits the slope.
        settings: The discriminator's input and its regularization.
        optimizer: Optimizer settings of both players.
    """
    check_continuous(spec)
    rules = GAMES[game]()
    _check_augmentation(spec, settings, rules)
    if latent_dim is None:
        latent_dim = LATENT if spec.is_image else LATENT // 4
    check_at_least(1, latent_dim=latent_dim)
    if architecture.network == "auto":
        architecture = replace(architecture, network="dcgan" if spec.is_image else "dense")
    classes = _count_classes(spec) if settings.conditional else 0
    noise = NOISE[check_choice("prior", prior, NOISE)](latent_dim)
    p_z = Labelled(noise, classes) if classes else noise
    network = architecture.build((latent_dim + classes,), spec.shape)
    model = GAN(
        limit_output(network, spec),
        _discriminator(spec, architecture, settings, classes, penalties.gradient_penalty > 0),
        p_z,
        latent_dim + classes,
    )
    limited = settings.spectral_norm or penalties.gradient_penalty > 0
    penalties = penalties.fill_defaults(0.0 if limited else compute_default_penalty(spec))
    players = build_players(
        model, rules, penalties, optimizer, discriminator_steps, discriminator_rate
    )

    def begin(split: Split) -> None:
        """Set the prior's class probabilities to the frequencies in the data."""
        if isinstance(p_z, Labelled):
            p_z.observe(torch.cat([y for _, y in iterate_batches(split, seed=0) if y is not None]))

    return Experiment(
        model,
        players,
        updates=updates,
        begin=begin,
        batch_size=64 if spec.is_image else 256,
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
        network = remove_batch_norm(network)
    if settings.minibatch_std:
        network = add_minibatch_std(network)
    layers: nn.Module = apply_spectral_norm(network) if settings.spectral_norm else network
    augmented = build_augmentation(settings.augmentation)
    return Discriminator(layers, has_unit_range(spec), settings.pack, augmented)


def _check_augmentation(spec: Spec, settings: DiscriminatorSettings, rules: Game) -> None:
    """Raise UserError if the data cannot be augmented, or the game gives no measure for it."""
    if settings.augmentation != "none" and not (spec.is_image and has_unit_range(spec)):
        raise UserError(
            "only images can be augmented",
            "levels from 0 to 1",
            f"{spec.values} values" if spec.is_image else "a table",
            "leave --augmentation out",
        )
    if settings.mirror and not spec.is_image:
        raise UserError("only images can be mirrored", remedy="leave --mirror out for a table")
    if settings.augmentation == "adaptive" and not rules.signed:
        raise UserError(
            "adaptive augmentation reads overfitting from the signs of the logits",
            "a game whose logits have opposite signs for real and generated, as non-saturating",
            "a game that is invariant to a constant added to all logits",
            "pass --game non-saturating, or --augmentation differentiable",
        )


def _count_classes(spec: Spec) -> int:
    """Return the number of classes.

    Raises:
        UserError: It is less than 2.
    """
    if len(spec.classes) < 2:
        received = f"{len(spec.classes)} in '{spec.name}'" if spec.classes else "no classes"
        remedy = "leave --conditional out"
        if spec.is_image:
            remedy += ", or sort the images into one sub-folder a class"
        raise UserError("a class-conditional net needs classes", "2 or more", received, remedy)
    return len(spec.classes)
