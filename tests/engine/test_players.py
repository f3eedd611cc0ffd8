"""Games with several players: who updates what, on which batch, and where the game ends."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from toys import gan, numbers

from immersion.batch import Batch
from immersion.engine import Experiment, OptimizerSettings, Options, Player, train
from immersion.engine.loader import BatchOrder
from immersion.engine.state import TrainingState
from immersion.engine.turn import Turn
from immersion.run_folder import RunFolder

OPTIONS = Options(steps=12, batch_size=8, log_every=1, validate_every=0, precision="float32")
RATE = 0.1
PLAIN = OptimizerSettings("sgd", learning_rate=RATE, momentum=0.0, schedule="constant")


class Saddle(nn.Module):
    """f(a, b) = a b + a^2/2 - b^2/2, whose only equilibrium is (0, 0)."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(-1.0))

    def forward(self) -> Tensor:
        return self.a * self.b + self.a**2 / 2 - self.b**2 / 2


class Diary:
    """An objective that is f or -f, and notes what it is given."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.batches: list[list[int]] = []
        self.places: list[tuple[float, float]] = []
        self.draws: list[float] = []

    def __call__(self, model: Saddle, batch: Batch) -> dict[str, Tensor]:
        self.batches.append(batch.x[:, 0].int().tolist())
        self.places.append((model.a.item(), model.b.item()))
        self.draws.append(torch.rand(()).item())
        return {"loss": self.sign * model().expand(len(batch.x)), "draw": batch.x[:, 0]}


def saddle(turns: tuple[int, int]) -> tuple[Experiment, Diary, Diary]:
    model, low, high = Saddle(), Diary(1), Diary(-1)
    players = (
        Player("low", [model.a], low, PLAIN, turns[0]),
        Player("high", [model.b], high, PLAIN, turns[1]),
    )
    return Experiment(model, players), low, high


@pytest.mark.parametrize("turns", [(1, 1), (1, 3), (2, 1)])
def test_the_path_is_the_one_computed_by_hand(turns, tmp_path):
    experiment, low, high = saddle(turns)
    train(experiment, numbers(), RunFolder(tmp_path), OPTIONS)
    a, b, expected_low, expected_high = 2.0, -1.0, [], []
    for _ in range(OPTIONS.steps):
        for _ in range(turns[0]):
            expected_low.append((a, b))
            a -= RATE * (b + a)
        for _ in range(turns[1]):
            expected_high.append((a, b))
            b -= RATE * (b - a)
    assert torch.allclose(torch.tensor(low.places), torch.tensor(expected_low))
    assert torch.allclose(torch.tensor(high.places), torch.tensor(expected_high))
    assert experiment.model.a.item() == pytest.approx(a, rel=1e-5)
    assert experiment.model.b.item() == pytest.approx(b, rel=1e-5)


@pytest.mark.parametrize("turns", [(1, 1), (1, 3)])
def test_the_game_ends_at_its_equilibrium(turns, tmp_path):
    experiment, *_ = saddle(turns)
    train(experiment, numbers(), RunFolder(tmp_path), replace(OPTIONS, steps=300, log_every=300))
    assert abs(experiment.model.a.item()) < 1e-4
    assert abs(experiment.model.b.item()) < 1e-4


def test_every_turn_has_its_own_batch_and_samples(tmp_path):
    experiment, low, high = saddle((1, 2))
    train(experiment, numbers(), RunFolder(tmp_path), OPTIONS)
    order = BatchOrder(40, 8, seed=0)
    batches = [order(number).tolist() for number in range(3 * OPTIONS.steps)]
    assert low.batches == batches[::3]
    assert high.batches == [batch for i, batch in enumerate(batches) if i % 3]
    assert len(set(low.draws + high.draws)) == 3 * OPTIONS.steps
    again, *diaries = saddle((1, 2))
    torch.manual_seed(99)
    train(again, numbers(), RunFolder(tmp_path / "again"), OPTIONS)
    assert [diary.draws for diary in diaries] == [low.draws, high.draws]


def test_a_player_updates_only_its_own_parameters():
    experiment = gan()
    model = experiment.model.train()
    batch = Batch(torch.randn(8, 1), None, torch.tensor(0))
    for player in experiment.players:
        turn = Turn((player,), model, torch.float32)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        for _ in range(3):
            turn(batch)
        own = {id(p) for p in player.parameters}
        for name, parameter in model.named_parameters():
            assert torch.equal(parameter, before[name]) == (id(parameter) not in own), name
        model.zero_grad(set_to_none=True)


def test_others_get_no_gradient_either():
    experiment = gan()
    turn = Turn(experiment.players[:1], experiment.model, torch.float32)
    turn(Batch(torch.randn(8, 1), None, torch.tensor(0)))
    assert all(p.grad is not None for p in experiment.model.generator.parameters())
    assert all(p.grad is None for p in experiment.model.critic.parameters())


def test_logs_are_prefixed_by_the_names_of_several_players(tmp_path):
    experiment, *_ = saddle((1, 2))
    folder = RunFolder(tmp_path)
    train(experiment, numbers(), folder, OPTIONS)
    terms = {f"{p}/{t}" for p in ("low", "high") for t in ("loss", "draw", "gradient_norm")}
    others = {"step", "split", "seconds", "examples_per_second"}
    assert all(row.keys() == terms | others for row in folder.metrics())
    alone = replace(experiment, players=experiment.players[:1])
    train(alone, numbers(), RunFolder(tmp_path / "alone"), OPTIONS)
    assert RunFolder(tmp_path / "alone").metrics()[0].keys() == {"loss", "draw"} | others


def test_the_log_holds_the_mean_over_the_batch_of_the_last_turn(tmp_path):
    experiment, _, high = saddle((1, 2))
    folder = RunFolder(tmp_path)
    train(experiment, numbers(), folder, replace(OPTIONS, log_every=4))
    means = torch.tensor(high.batches[1::2]).float().mean(1).reshape(3, 4).mean(1)
    assert [row["high/draw"] for row in folder.metrics()] == pytest.approx(means.tolist())


def test_the_first_player_is_validated(tmp_path):
    experiment, *_ = saddle((1, 1))
    folder = RunFolder(tmp_path)
    train(experiment, numbers(), folder, replace(OPTIONS, validate_every=12))
    last = folder.metrics()[-1]
    assert last["split"] == "validation"
    assert last["loss"] == pytest.approx(experiment.model().item(), rel=1e-4)


def test_rates_follow_each_players_own_schedule():
    experiment, *_ = saddle((1, 1))
    quick = replace(PLAIN, learning_rate=1.0, schedule="linear")
    players = (experiment.players[0], replace(experiment.players[1], optimizer=quick))
    game = TrainingState(replace(experiment, players=players), numbers().train, OPTIONS)
    rates = []
    for _ in game.run_steps(0):
        rates.append([turn.optimizers[0].param_groups[0]["lr"] for turn in game.turns])
    assert rates == [[RATE, pytest.approx(1 - step / 12)] for step in range(12)]
