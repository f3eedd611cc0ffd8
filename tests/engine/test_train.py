"""How parameters move: schedules, clipping, optimisers, averages, looks and early stopping."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from toys import Data, images, numbers, vae

from immersion.batch import Batch
from immersion.check import UserError
from immersion.data.dataset import MemorySplit
from immersion.engine import Experiment, Optimiser, Options, Player, train
from immersion.engine.state import Average
from immersion.engine.turn import Turn
from immersion.run_folder import RunFolder

OPTIONS = Options(steps=12, batch_size=8, log_every=1, validate_every=0, precision="float32")
BATCH = Batch(torch.zeros(8, 1), None, torch.tensor(0))
PLAIN = Optimiser("sgd", learning_rate=0.1, momentum=0.0, schedule="constant")


class Slope(nn.Module):
    """One number w, and a buffer that counts forward passes in training."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor(0.0))
        self.register_buffer("seen", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.seen += 1
        return self.w.expand(len(x)) + 0.0  # a view of w would follow it when it moves


def downhill(optimiser: Optimiser) -> Experiment:
    """Return the loss w, whose gradient is 1 everywhere."""
    model = Slope()
    player = Player("only", [model.w], lambda m, batch: {"loss": m(batch.x)}, optimiser)
    return Experiment(model, (player,))


# Schedules


SHAPES = {
    "constant": lambda t: 1.0,
    "linear": lambda t: 1 - t,
    "cosine": lambda t: (1 + math.cos(math.pi * t)) / 2,
}


@pytest.mark.parametrize("schedule", SHAPES)
@pytest.mark.parametrize("rise", [0, 5])
def test_schedules(schedule, rise):
    optimiser = Optimiser(learning_rate=0.3, schedule=schedule, learning_rate_warmup=rise)
    rates = [optimiser.rate(step, 12) for step in range(12)]
    rising = [(step + 1) / rise if rise else 1.0 for step in range(12)]
    expected = [0.3 * min(SHAPES[schedule](t / 12), up) for t, up in enumerate(rising)]
    assert rates == pytest.approx(expected, abs=1e-7)
    assert optimiser.rate(13, 12) >= 0  # told to run shorter than it has


@pytest.mark.parametrize("schedule", SHAPES)
def test_a_run_follows_its_schedule(schedule, tmp_path):
    experiment = downhill(replace(PLAIN, schedule=schedule, learning_rate_warmup=3))
    train(experiment, numbers(), RunFolder(tmp_path), OPTIONS)
    way = sum(experiment.players[0].optimiser.rate(step, 12) for step in range(12))
    assert experiment.model.w.item() == pytest.approx(-way, rel=1e-5)


# Optimisers


def quadratic(optimiser: Optimiser) -> tuple[Turn, list[nn.Parameter]]:
    """Return the loss |v|^2 / 2 + |w|^2 / 2 from v = (3, 0), w = -4: a gradient of norm 5."""
    model = nn.ParameterDict({"v": torch.tensor([3.0, 0.0]), "w": torch.tensor(-4.0)})

    def objective(m: nn.ParameterDict, batch: Batch) -> dict[str, Tensor]:
        return {"loss": (m["v"].square().sum() / 2 + m["w"].square() / 2).expand(len(batch.x))}

    parameters = list(model.parameters())
    return Turn(Player("only", parameters, objective, optimiser), model, torch.float32), parameters


@pytest.mark.parametrize(
    ("name", "first"), [("sgd", (3.0, -4.0)), ("adam", (1.0, -1.0)), ("adagrad", (1.0, -1.0))]
)
def test_first_moves(name, first):
    # SGD moves by the gradient, the other two by its sign.
    turn, (v, w) = quadratic(Optimiser(name, learning_rate=0.1))
    turn(BATCH)
    assert v.tolist() == pytest.approx([3 - 0.1 * first[0], 0], abs=1e-6)
    assert w.item() == pytest.approx(-4 - 0.1 * first[1], abs=1e-6)


@pytest.mark.parametrize(("name", "rate"), [("sgd", 0.1), ("adam", 0.1), ("adagrad", 1.0)])
def test_every_optimiser_goes_downhill(name, rate):
    turn, _ = quadratic(Optimiser(name, learning_rate=rate))
    losses = [turn(BATCH)["loss"].item() for _ in range(200)]
    assert losses[0] == 12.5
    assert losses[-1] < 1e-3


def test_momentum():
    turn, (_, w) = quadratic(Optimiser("sgd", learning_rate=0.1, momentum=0.5))
    turn(BATCH), turn(BATCH)
    first = -4 + 0.1 * 4
    assert w.item() == pytest.approx(first + 0.1 * (-first + 0.5 * 4), rel=1e-6)


@pytest.mark.parametrize(("clip", "length"), [(0.0, 5.0), (2.0, 2.0), (10.0, 5.0)])
def test_clipping_bounds_the_norm_of_the_whole_gradient(clip, length):
    turn, (v, w) = quadratic(replace(PLAIN, learning_rate=1.0, clip=clip))
    turn(BATCH)
    move = torch.stack([v[0] - 3, w + 4])
    assert move.norm().item() == pytest.approx(length, rel=1e-5)
    assert (move[0] / move[1]).item() == pytest.approx(3 / -4, rel=1e-5)  # the same direction


@pytest.mark.parametrize("name", ["adam", "adagrad", "sgd"])
def test_one_kernel_for_all_tensors_computes_what_plain_code_does(name):
    optimiser = Optimiser(name, learning_rate=1e-2)
    plain = {
        "adam": lambda p: torch.optim.Adam(p, lr=1e-2, foreach=False, fused=False),
        "adagrad": lambda p: torch.optim.Adagrad(p, lr=1e-2, foreach=False, fused=False),
        "sgd": lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9, foreach=False, fused=False),
    }[name]
    batch = Batch(images(dynamic=False).train.batch(torch.arange(8))[0], None, torch.tensor(0))

    def play(build) -> nn.Module:
        experiment = vae(optimiser)
        turn = Turn(experiment.players[0], experiment.model, torch.float32)
        turn.optimizer = build(experiment.players[0].parameters)
        torch.manual_seed(1)
        for _ in range(20):
            turn(batch)
        return experiment.model

    fused, unfused = play(optimiser.build).state_dict(), play(plain).state_dict()
    for name, tensor in unfused.items():
        torch.testing.assert_close(fused[name], tensor, atol=1e-5, rtol=1e-3)
    untrained = vae().model.state_dict()
    assert not any(torch.equal(tensor, untrained[name]) for name, tensor in fused.items())


# The average


@pytest.mark.parametrize("decay", [0.5, 0.9999])
def test_the_average_is_the_one_computed_by_hand(decay, tmp_path):
    experiment, folder = downhill(PLAIN), RunFolder(tmp_path)
    train(experiment, numbers(), folder, replace(OPTIONS, ema=decay))
    w = average = 0.0
    for step in range(12):
        w -= 0.1
        rising = min(decay, (1 + step) / (10 + step))
        average = rising * average + (1 - rising) * w
    tensors, _ = folder.load_checkpoint()
    assert tensors["model/w"].item() == pytest.approx(w, rel=1e-5)
    assert tensors["average/w"].item() == pytest.approx(average, rel=1e-5)
    assert tensors["average/seen"].item() == tensors["model/seen"].item() == 12
    assert torch.equal(folder.weights()["w"], tensors["average/w"])


def test_the_average_is_what_is_judged(tmp_path):
    for average, key in ((0.9, "average/w"), (0.0, "model/w")):
        folder = RunFolder(tmp_path / key)
        options = replace(OPTIONS, ema=average, validate_every=12)
        train(downhill(PLAIN), numbers(), folder, options)
        tensors, _ = folder.load_checkpoint()
        assert folder.metrics()[-1]["loss"] == pytest.approx(tensors[key].item(), rel=1e-6)
        assert torch.equal(folder.weights()["w"], tensors[key])
        assert ("average/w" in tensors) == (average > 0)


def test_the_average_is_no_part_of_training():
    model = Slope()
    average = Average(model, 0.9)
    assert not average.model.training
    assert not any(p.requires_grad for p in average.model.parameters())
    assert model.training
    assert model.w.requires_grad


# Looks at the validation split


class Scripted(nn.Module):
    """Its validation loss after step s is written down beforehand."""

    def __init__(self, losses: list[float]) -> None:
        super().__init__()
        self.losses, self.w, self.draws = losses, nn.Parameter(torch.zeros(())), []
        self.register_buffer("made", torch.zeros((), dtype=torch.int64))


def scripted(losses: list[float]) -> Experiment:
    def objective(model: Scripted, batch: Batch) -> dict[str, Tensor]:
        if model.training:
            model.made.copy_(batch.step + 1)
            return {"loss": model.w.expand(len(batch.x))}
        model.draws.append(torch.cat([batch.x.flatten(), torch.randn(3)]))
        return {"loss": torch.full((len(batch.x),), model.losses[int(model.made) // 2 - 1])}

    model = Scripted(losses)
    return Experiment(model, (Player("only", [model.w], objective, PLAIN),))


def end(experiment: Experiment, folder: RunFolder, options: Options) -> tuple[int, str]:
    """Train, and return at which step and why it ended."""
    outcome = train(experiment, numbers(), folder, options)
    return outcome.step, outcome.reason


LOSSES = [5.0, 4.0, 4.5, 4.2, 3.0, 3.0, 3.1, 3.2, 2.0]
"""After steps 2, 4, ...: two and three looks without a better one; an equal one is no better."""
EARLY = replace(OPTIONS, steps=18, validate_every=2)


@pytest.mark.parametrize(
    ("patience", "outcome"),
    [
        (1, (6, "early")),
        (2, (8, "early")),
        (3, (16, "early")),
        (4, (18, "finished")),
        (0, (18, "finished")),
    ],
)
def test_patience_counts_looks_without_a_better_loss(patience, outcome, tmp_path):
    folder, options = RunFolder(tmp_path), replace(EARLY, patience=patience)
    assert end(scripted(LOSSES), folder, options) == outcome
    looks = [row["loss"] for row in folder.metrics() if row["split"] == "validation"]
    assert looks == LOSSES[: outcome[0] // 2]
    # The same command again makes no step more and ends alike.
    metrics = folder.metrics_file.read_text()
    assert end(scripted(LOSSES), folder, options) == outcome
    assert folder.metrics_file.read_text() == metrics


@pytest.mark.parametrize("stop", [1, 4, 5, 6, 7])
def test_patience_is_remembered_by_a_run_that_goes_on(stop, tmp_path):
    folder, options = RunFolder(tmp_path), replace(EARLY, patience=2)
    assert end(scripted(LOSSES), folder, replace(options, steps=stop))[0] == stop
    assert end(scripted(LOSSES), folder, options) == (8, "early")


def test_the_best_weights_are_kept(tmp_path):
    folder = RunFolder(tmp_path)
    end(scripted(LOSSES), folder, replace(EARLY, patience=3))
    assert folder.weights()["made"] == 10, "the look with loss 3.0, not the last"
    end(scripted(LOSSES), folder, replace(EARLY, patience=4))
    assert folder.weights()["made"] == 18


def test_a_best_does_not_outlive_the_looks_that_found_it(tmp_path):
    folder = RunFolder(tmp_path)
    end(scripted(LOSSES), folder, replace(EARLY, patience=1))
    assert folder.weights()["made"] == 4
    end(scripted(LOSSES), folder, replace(EARLY, patience=0))
    assert folder.weights()["made"] == 18


def test_a_look_is_made_as_at_the_last_step(tmp_path):
    seen = []

    def objective(model: Slope, batch: Batch) -> dict[str, Tensor]:
        if not model.training:
            seen.append(int(batch.step))
        return {"loss": model(batch.x)}

    model = Slope()
    experiment = Experiment(model, (Player("only", [model.w], objective, PLAIN),))
    train(experiment, numbers(), RunFolder(tmp_path), replace(OPTIONS, steps=6, validate_every=2))
    assert seen == [6, 6, 6]


def test_more_patience_lets_a_run_that_stopped_early_go_on(tmp_path):
    folder = RunFolder(tmp_path)
    end(scripted(LOSSES), folder, replace(EARLY, patience=1))
    assert end(scripted(LOSSES), folder, replace(EARLY, patience=4)) == (18, "finished")


def test_every_look_draws_alike(tmp_path):
    x = torch.full((20, 1), 128, dtype=torch.uint8)
    split = MemorySplit(x, None, "unit", dynamic=True)
    experiment = scripted(LOSSES)
    train(experiment, Data(split, split), RunFolder(tmp_path), EARLY)
    first, *others = experiment.model.draws
    assert len(others) == 8
    assert all(torch.equal(draws, first) for draws in others)
    assert set(first[:20].tolist()) == {0.0, 1.0}


def test_looks_change_nothing(tmp_path):
    folders = RunFolder(tmp_path / "often"), RunFolder(tmp_path / "never")
    for folder, every in zip(folders, (1, 0), strict=True):
        options = replace(OPTIONS, validate_every=every, log_every=5, ema=0.9)
        train(vae(), images(), folder, options)
    often, never = (folder.load_checkpoint()[0] for folder in folders)
    assert all(torch.equal(often[name], tensor) for name, tensor in never.items())


def test_a_look_is_the_mean_over_every_example_of_the_split(tmp_path):
    # More than one portion, the last one smaller.
    split = MemorySplit(torch.arange(2003.0)[:, None], None, "real")
    model = Slope()
    player = Player("only", [model.w], lambda m, b: {"loss": m(b.x), "x": b.x[:, 0]}, PLAIN)
    folder = RunFolder(tmp_path)
    options = replace(OPTIONS, steps=1, validate_every=1)
    train(Experiment(model, (player,)), Data(numbers().train, split), folder, options)
    assert folder.metrics()[-1]["x"] == 1001
    assert model.training


# Metrics and options


def test_lines_are_means_over_their_steps(tmp_path):
    folder, heard = RunFolder(tmp_path), []
    train(downhill(PLAIN), numbers(), folder, replace(OPTIONS, log_every=5), heard.append)
    rows = folder.metrics()
    assert [row["step"] for row in rows] == [5, 10, 12]
    assert [row["loss"] for row in rows] == pytest.approx([-0.2, -0.7, -1.05], rel=1e-5)
    assert rows == heard


def test_low_precision_is_for_the_networks_alone():
    seen = {}

    def objective(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        h = model(batch.x)
        seen["h"], seen["loss"] = h.dtype, h.float().square().squeeze(1)
        return {"loss": seen["loss"]}

    for precision in (torch.bfloat16, torch.float32):
        model = nn.Linear(1, 1)
        player = Player("only", list(model.parameters()), objective, PLAIN)
        Turn(player, model, precision)(BATCH)
        assert seen["h"] == precision
        assert seen["loss"].dtype == model.weight.dtype == model.weight.grad.dtype == torch.float32


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"batch_size": 0}, {"log_every": 0}, {"ema": 1.0}, {"ema": -1}]
)
def test_options_that_mean_nothing_are_refused(wrong):
    with pytest.raises(UserError, match="--" + next(iter(wrong)).replace("_", "-")):
        Options(**wrong)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="no CUDA device"):
        train(vae(), images(), RunFolder(tmp_path), replace(OPTIONS, device="cuda"))
