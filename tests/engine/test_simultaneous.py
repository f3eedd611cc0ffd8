"""Players who move at once: every gradient is taken at the same parameters, on one batch."""

from dataclasses import replace

import pytest
import torch
from test_players import OPTIONS, PLAIN, RATE, Diary, Saddle
from torch import Tensor
from toys import numbers, together

from immersion.batch import Batch
from immersion.check import NonFinite, UserError
from immersion.engine import Experiment, Options, Player, train
from immersion.engine.loader import BatchOrder
from immersion.engine.state import TrainingState
from immersion.run_folder import RunFolder


class Bilinear(Saddle):
    """f(a, b) = a b: a descends it and b ascends it, round and round (0, 0)."""

    def forward(self) -> Tensor:
        return self.a * self.b


def bilinear(updates: str) -> tuple[Experiment, Diary, Diary]:
    model, low, high = Bilinear(), Diary(1), Diary(-1)
    players = Player("low", [model.a], low, PLAIN), Player("high", [model.b], high, PLAIN)
    return Experiment(model, players, updates=updates), low, high


def test_simultaneous_players_see_the_same_parameters(tmp_path):
    experiment, low, high = bilinear("simultaneous")
    train(experiment, numbers(), RunFolder(tmp_path), OPTIONS)
    # a + ib is multiplied by 1 + i rate: a spiral outwards.
    z = [complex(2, -1) * complex(1, RATE) ** step for step in range(OPTIONS.steps + 1)]
    path = torch.tensor([(place.real, place.imag) for place in z])
    torch.testing.assert_close(torch.tensor(low.places), path[:-1])
    assert high.places == low.places
    end = torch.stack([experiment.model.a, experiment.model.b]).detach()
    torch.testing.assert_close(end, path[-1])


def test_alternating_players_use_the_updates_before_theirs(tmp_path):
    experiment, low, high = bilinear("alternating")
    train(experiment, numbers(), RunFolder(tmp_path), OPTIONS)
    a, b = 2.0, -1.0
    for before, between in zip(low.places, high.places, strict=True):
        assert before == pytest.approx((a, b), rel=1e-5)
        a -= RATE * b
        assert between == pytest.approx((a, b), rel=1e-5)
        b += RATE * a
        # The alternating game keeps this, and so stays on an ellipse; the spiral does not.
        assert a * a + b * b - RATE * a * b == pytest.approx(5 + 2 * RATE, rel=1e-9)
    assert experiment.model.a.item() == pytest.approx(a, rel=1e-5)
    assert experiment.model.b.item() == pytest.approx(b, rel=1e-5)


def test_they_share_a_batch_and_a_step_uses_one(tmp_path):
    experiment, low, high = bilinear("simultaneous")
    train(experiment, numbers(), RunFolder(tmp_path), OPTIONS)
    order = BatchOrder(40, 8, seed=0)
    assert low.batches == high.batches
    assert low.batches == [order(number).tolist() for number in range(OPTIONS.steps)]


def test_several_turns_a_step_are_refused():
    experiment, *_ = bilinear("alternating")
    twice = replace(experiment.players[0], turns=2)
    with pytest.raises(UserError, match="one update a step"):
        replace(experiment, players=(twice, experiment.players[1]), updates="simultaneous")


@pytest.mark.parametrize("updates", ["simultaneous", "alternating"])
def test_the_gradients_norms_are_logged(updates, tmp_path):
    experiment, low, high = bilinear(updates)
    folder = RunFolder(tmp_path)
    train(experiment, numbers(), folder, OPTIONS)
    norms = [row["low/gradient_norm"] for row in folder.metrics()]
    assert norms == pytest.approx([abs(b) for _, b in low.places], rel=1e-5)
    norms = [row["high/gradient_norm"] for row in folder.metrics()]
    assert norms == pytest.approx([abs(a) for a, _ in high.places], rel=1e-5)


def test_each_player_follows_its_own_rate():
    experiment, *_ = bilinear("simultaneous")
    quick = replace(PLAIN, learning_rate=1.0, schedule="linear")
    players = (experiment.players[0], replace(experiment.players[1], optimizer=quick))
    game = TrainingState(replace(experiment, players=players), numbers().train, OPTIONS)
    (turn,) = game.turns
    for step, _ in enumerate(game.run_steps(0)):
        rates = [optimizer.param_groups[0]["lr"] for optimizer in turn.optimizers]
        assert rates == [RATE, pytest.approx(1 - step / 12)]


def test_a_loss_that_is_not_finite_is_reported_before_any_update(tmp_path):
    experiment, low, _ = bilinear("simultaneous")

    def broken(model: Bilinear, batch: Batch) -> dict[str, Tensor]:
        return {"loss": model().expand(len(batch.x)) / (batch.step < 3)}

    players = (experiment.players[0], replace(experiment.players[1], objective=broken))
    with pytest.raises(NonFinite, match="step 3, player"):
        train(replace(experiment, players=players), numbers(), RunFolder(tmp_path), OPTIONS)
    # The explanation repeats the turn at the same parameters.
    assert experiment.model.a.item() == low.places[3][0] == low.places[-1][0]


# What an experiment says for itself


def test_begin_is_called_once(tmp_path):
    seen = []
    experiment = replace(together(), begin=seen.append)
    data = numbers()
    for steps in (3, 5, 5):
        train(experiment, data, RunFolder(tmp_path), replace(OPTIONS, steps=steps))
    assert seen == [data.train]


def test_what_begin_sets_is_what_is_trained_from(tmp_path):
    def begin(split) -> None:
        x, _ = split.batch(torch.arange(len(split)))
        experiment.model.a.data.fill_(x.mean())

    experiment, low, _ = bilinear("simultaneous")
    experiment = replace(experiment, begin=begin)
    train(experiment, numbers(), RunFolder(tmp_path), OPTIONS)
    assert low.places[0] == (19.5, -1.0)


@pytest.mark.parametrize(("asked", "size", "decay"), [(None, 16, 0.9), (8, 8, 0.5)])
def test_an_experiment_says_what_is_usual(asked, size, decay):
    experiment = replace(together(), batch_size=16, ema=0.9)
    options = Options(batch_size=asked, ema=None if asked is None else 0.5)
    game = TrainingState(experiment, numbers().train, options)
    assert (game.order.batch_size, game.average.decay) == (size, decay)


def test_no_average_may_be_asked_for():
    game = TrainingState(replace(together(), ema=0.9), numbers().train, Options(ema=0.0))
    assert game.average is None
