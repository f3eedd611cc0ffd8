"""The trained discriminator is D* = p / (p + p_g), and the game's value -log 4 + 2 JSD(p, p_g).

The generator is fixed, its density and the divergence come by quadrature, and a small network
learns to tell its samples from data by the engine and the loss that every adversarial net has.
"""

import math
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from immersion.data.dataset import MemorySplit
from immersion.engine import Experiment, OptimizerSettings, Options, Player, train
from immersion.metrics.pushforward import (
    compute_best_discriminator,
    compute_game_value,
    compute_jensen_shannon,
    compute_mass_on_line,
    compute_mass_on_plane,
)
from immersion.models import GAN, Discriminator
from immersion.nn import Architecture
from immersion.objectives import DiscriminatorLoss
from immersion.objectives.games import GAMES
from immersion.priors import StandardNormal
from immersion.random import use_seed
from immersion.run_folder import RunFolder

NEAR = 3e-4
"""Mean squared error of D under (p + p_g) / 2 that counts as having found D*."""

TOLERANCE = 2e-3
"""Nats that the value may lie below the optimum; above it cannot, but for the bins' width."""


class Problem(NamedTuple):
    """A density p, by a map from normal codes too, and a generator."""

    data: nn.Module
    generator: nn.Module
    edges: tuple[Tensor, ...]


class Data(NamedTuple):
    """What the engine reads."""

    train: MemorySplit
    validation: MemorySplit


class Humps(nn.Module):
    """z -> 0.7 z + tanh 1.5 z: a density of two humps."""

    def forward(self, z: Tensor) -> Tensor:
        return 0.7 * z + (1.5 * z).tanh()


def affine(matrix: list[list[float]], shift: list[float]) -> nn.Linear:
    layer = nn.Linear(len(matrix), len(matrix))
    layer.weight.data.copy_(torch.tensor(matrix))
    layer.bias.data.copy_(torch.tensor(shift))
    return layer.requires_grad_(False)


LINE = (torch.linspace(-5, 5, 201).double(),)
PLANE = (torch.linspace(-4.5, 4.5, 46).double(),) * 2
ROUND = affine([[0.9, 0.0], [0.0, 0.9]], [0.0, 0.0])
TILTED = affine([[0.8, 0.0], [0.7, 0.6]], [0.8, 0.0])
PROBLEMS = {
    "line": Problem(Humps(), affine([[0.7]], [-0.5]), LINE),
    "line, won": Problem(affine([[-0.7]], [0.5]), affine([[0.7]], [0.5]), LINE),
    "plane": Problem(ROUND, TILTED, PLANE),
    "plane, won": Problem(TILTED, TILTED, PLANE),
}


def masses(problem: Problem) -> tuple[Tensor, Tensor]:
    """p and p_g on the same bins, which hold all but 1e-4 of them."""
    both = []
    for network in (problem.data, problem.generator):
        g = lambda z, network=network: network(z.float())  # noqa: E731
        line = len(problem.edges) == 1
        mass = (
            compute_mass_on_line(g, *problem.edges)
            if line
            else compute_mass_on_plane(g, problem.edges)
        )
        assert mass.sum() > 0.9999
        both.append(mass / mass.sum())
    return tuple(both)


def centres(edges: tuple[Tensor, ...]) -> Tensor:
    middles = [(axis[1:] + axis[:-1]) / 2 for axis in edges]
    return torch.cartesian_prod(*middles).view(-1, len(edges)).float()


def discriminator(problem: Problem, folder: RunFolder) -> Discriminator:
    """Train a discriminator of two layers of 32 units on 100,000 examples."""
    size = len(problem.edges)
    with torch.no_grad(), use_seed(0, "test"):
        x = problem.data(torch.randn(100_000, size))
    split = MemorySplit(x, None, "real")
    torch.manual_seed(0)
    network = Architecture("dense", 32, 2, "silu").build((size,), (1,))
    model = GAN(problem.generator, Discriminator(network), StandardNormal(size), size)
    player = Player(
        "discriminator",
        list(model.discriminator.parameters()),
        DiscriminatorLoss(GAMES["minimax"]()),
        OptimizerSettings(learning_rate=1e-2, schedule="linear"),
    )
    options = Options(
        steps=800, batch_size=500, validate_every=0, log_every=100, precision="float32"
    )
    train(Experiment(model, (player,)), Data(split, split), folder, options)
    return model.discriminator.eval()


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_trained_discriminator_is_the_best_one(name, tmp_path):
    problem, folder = PROBLEMS[name], RunFolder(tmp_path)
    p, p_g = masses(problem)
    critic = discriminator(problem, folder)
    with torch.no_grad():
        d = critic(centres(problem.edges), None).double().sigmoid().view(p.shape)
    best = compute_best_discriminator(p, p_g)
    error = ((p + p_g) / 2 * (d - best).square()).sum().item()
    assert error < NEAR
    value, bound = compute_game_value(d, p, p_g), -math.log(4) + 2 * compute_jensen_shannon(p, p_g)
    assert bound - TOLERANCE < value < bound + 1e-9
    # What training logs, a mean over samples, is the same number.
    logged = sum(row["value"] for row in folder.metrics()[-4:]) / 4
    assert logged == pytest.approx(bound, abs=0.02)
    if name.endswith("won"):
        assert bound == pytest.approx(-math.log(4), abs=1e-6)
        assert d[p > 1e-4].sub(0.5).abs().max() < 0.05
    else:
        assert bound > -math.log(4) + 0.1
