"""One test body for every game: what `Game` promises, whatever the member."""

import math

import pytest
import torch
from torch import Tensor

from immersion.objectives.games import GAMES
from immersion.random import make_generator

every = pytest.mark.parametrize("name", sorted(GAMES))
SIDES = ("discriminator", "generator")


def undecided(n: int = 50) -> tuple[Tensor, Tensor]:
    """Logits near the boundary, within every margin and target, (n,) each, as leaves."""
    logits = (
        0.9 * torch.rand(2, n, generator=make_generator(0, "logits"), dtype=torch.float64) - 0.45
    )
    return tuple(part.clone().requires_grad_() for part in logits)


def slopes(loss: Tensor, *logits: Tensor) -> list[Tensor]:
    """The derivative of each loss in each logit; 0 where it does not depend on it."""
    return list(torch.autograd.grad(loss.sum(), logits, allow_unused=True, materialize_grads=True))


@every
def test_docstring_has_formulas_and_source(name):
    text = GAMES[name].__doc__ or ""
    assert all(f"- {side}: " in text for side in SIDES)
    source = text.partition("Reference:")[2]
    assert "https://" in source and ("equation" in source or "section" in source)


@every
@pytest.mark.parametrize("side", SIDES)
def test_a_loss_is_one_number_a_pair(name, side):
    real, fake = undecided()
    loss = getattr(GAMES[name](), side)
    values = loss(real, fake)
    assert values.shape == real.shape and values.dtype == real.dtype
    order = torch.randperm(len(real), generator=make_generator(0, "order"))
    torch.testing.assert_close(loss(real[order], fake[order]), values[order])
    alone = torch.cat([loss(real[i : i + 1], fake[i : i + 1]) for i in range(len(real))])
    torch.testing.assert_close(alone, values)


@every
def test_the_discriminator_is_pushed_to_distinguish_them(name):
    real, fake = undecided()
    up, down = slopes(GAMES[name]().discriminator(real, fake), real, fake)
    assert (up < 0).all() and (down > 0).all()


@every
def test_the_generator_is_pushed_to_pass_for_real(name):
    real, fake = undecided()
    (slope,) = slopes(GAMES[name]().generator(real, fake), fake)
    assert (slope < 0).all()


@every
def test_paired_is_true_if_the_generator_sees_the_real_example(name):
    game = GAMES[name]()
    real, fake = undecided()
    (slope,) = slopes(game.generator(real, fake), real)
    assert bool((slope != 0).any()) == game.paired
    same = torch.equal(game.generator(real, fake), game.generator(real.flip(0), fake))
    assert same != game.paired


@every
@pytest.mark.parametrize("side", SIDES)
def test_large_logits_overflow_nowhere(name, side):
    far = torch.tensor([-1e4, 0.0, 1e4])
    real, fake = (part.requires_grad_() for part in torch.cartesian_prod(far, far).T.clone())
    loss = getattr(GAMES[name](), side)(real, fake)
    assert loss.isfinite().all()
    assert all(slope.isfinite().all() for slope in slopes(loss, real, fake))


LOG3 = math.log(3)  # D = 3/4, and 1/4 for its negative
VALUES = [
    ("minimax", 0.0, 0.0, math.log(4), -math.log(2)),
    ("minimax", LOG3, -LOG3, 2 * math.log(4 / 3), math.log(3 / 4)),
    ("non-saturating", 0.0, 0.0, math.log(4), math.log(2)),
    ("non-saturating", LOG3, -LOG3, 2 * math.log(4 / 3), math.log(4)),
    ("least-squares", 0.5, -0.5, 0.0, 0.5),
    ("least-squares", 1.5, 0.5, 1.0, 0.0),
    ("hinge", 0.25, 0.5, 2.25, -0.5),
    ("hinge", 3.0, -2.0, 0.0, 2.0),
    ("wasserstein", 2.0, -1.5, -3.5, 1.5),
    ("relativistic", 0.0, 0.0, math.log(2), math.log(2)),
    ("relativistic", LOG3, 0.0, math.log(4 / 3), math.log(4)),
]


@pytest.mark.parametrize(("name", "real", "fake", "discriminator", "of_generator"), VALUES)
def test_values_computed_by_hand(name, real, fake, discriminator, of_generator):
    game = GAMES[name]()
    logits = [torch.tensor([logit], dtype=torch.float64) for logit in (real, fake)]
    assert game.discriminator(*logits).item() == pytest.approx(discriminator, abs=1e-12)
    assert game.generator(*logits).item() == pytest.approx(of_generator, abs=1e-12)


def test_every_game_has_a_value_computed_by_hand():
    assert {row[0] for row in VALUES} == set(GAMES)
