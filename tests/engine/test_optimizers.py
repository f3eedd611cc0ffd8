"""How parameters move: schedules, momentum, clipping, projection and the optimizers."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from toys import PLAIN, downhill, images, numbers, vae

from immersion.batch import Batch
from immersion.check import UserError
from immersion.engine import OptimizerSettings, Options, Player, train
from immersion.engine.turn import Turn
from immersion.run_folder import RunFolder

OPTIONS = Options(steps=12, batch_size=8, log_every=1, validate_every=0, precision="float32")
BATCH = Batch(torch.zeros(8, 1), None, torch.tensor(0))


# Schedules


SHAPES = {
    "constant": lambda t: 1.0,
    "linear": lambda t: 1 - t,
    "cosine": lambda t: (1 + math.cos(math.pi * t)) / 2,
    "exponential": lambda t: 1.25 ** (-12 * t),
}


@pytest.mark.parametrize("schedule", SHAPES)
@pytest.mark.parametrize("rise", [0, 5])
def test_schedules(schedule, rise):
    optimizer = OptimizerSettings("adam", 0.3, schedule, decay=1.25, learning_rate_warmup=rise)
    rates = [optimizer.learning_rate_at(step, 12) for step in range(12)]
    rising = [(step + 1) / rise if rise else 1.0 for step in range(12)]
    expected = [0.3 * min(SHAPES[schedule](t / 12), up) for t, up in enumerate(rising)]
    assert rates == pytest.approx(expected, abs=1e-7)
    assert optimizer.learning_rate_at(13, 12) >= 0  # fewer steps than have run


@pytest.mark.parametrize("schedule", SHAPES)
def test_a_run_follows_its_schedule(schedule, tmp_path):
    optimizer = replace(PLAIN, schedule=schedule, decay=1.25, learning_rate_warmup=3)
    experiment = downhill(optimizer)
    train(experiment, numbers(), RunFolder(tmp_path), OPTIONS)
    way = sum(optimizer.learning_rate_at(step, 12) for step in range(12))
    assert experiment.model.w.item() == pytest.approx(-way, rel=1e-5)


# Optimizers


def quadratic(optimizer: OptimizerSettings) -> tuple[Turn, list[nn.Parameter]]:
    """Return the loss |v|^2 / 2 + |w|^2 / 2 from v = (3, 0), w = -4: a gradient of norm 5."""
    model = nn.ParameterDict({"v": torch.tensor([3.0, 0.0]), "w": torch.tensor(-4.0)})

    def objective(m: nn.ParameterDict, batch: Batch) -> dict[str, Tensor]:
        return {"loss": (m["v"].square().sum() / 2 + m["w"].square() / 2).expand(len(batch.x))}

    parameters = list(model.parameters())
    player = Player("only", parameters, objective, optimizer)
    return Turn((player,), model, torch.float32), parameters


@pytest.mark.parametrize(
    ("name", "first"), [("sgd", (3.0, -4.0)), ("adam", (1.0, -1.0)), ("adagrad", (1.0, -1.0))]
)
def test_first_updates(name, first):
    # SGD moves by the gradient, the other two by its sign.
    turn, (v, w) = quadratic(OptimizerSettings(name, learning_rate=0.1))
    turn(BATCH)
    assert v.tolist() == pytest.approx([3 - 0.1 * first[0], 0], abs=1e-6)
    assert w.item() == pytest.approx(-4 - 0.1 * first[1], abs=1e-6)


@pytest.mark.parametrize(("name", "rate"), [("sgd", 0.1), ("adam", 0.1), ("adagrad", 1.0)])
def test_every_optimiser_goes_downhill(name, rate):
    turn, _ = quadratic(OptimizerSettings(name, learning_rate=rate))
    losses = [turn(BATCH)["only"]["loss"].item() for _ in range(200)]
    assert losses[0] == 12.5
    assert losses[-1] < 1e-3


def test_momentum():
    turn, (_, w) = quadratic(OptimizerSettings("sgd", learning_rate=0.1, momentum=0.5))
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
    optimizer = OptimizerSettings(name, learning_rate=1e-2)
    plain = {
        "adam": lambda p: torch.optim.Adam(p, lr=1e-2, foreach=False, fused=False),
        "adagrad": lambda p: torch.optim.Adagrad(p, lr=1e-2, foreach=False, fused=False),
        "sgd": lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9, foreach=False, fused=False),
    }[name]
    batch = Batch(images(dynamic=False).train.batch(torch.arange(8))[0], None, torch.tensor(0))

    def play(build) -> nn.Module:
        experiment = vae(optimizer)
        turn = Turn(experiment.players, experiment.model, torch.float32)
        turn.optimizers = [build(experiment.players[0].parameters)]
        torch.manual_seed(1)
        for _ in range(20):
            turn(batch)
        return experiment.model

    fused, unfused = play(optimizer.build).state_dict(), play(plain).state_dict()
    for name, tensor in unfused.items():
        torch.testing.assert_close(fused[name], tensor, atol=1e-5, rtol=1e-3)
    untrained = vae().model.state_dict()
    assert not any(torch.equal(tensor, untrained[name]) for name, tensor in fused.items())


def test_momentum_goes_up_a_ramp(tmp_path):
    ramp = replace(PLAIN, momentum=0.5, final_momentum=0.9, momentum_steps=8)
    experiment = downhill(ramp)
    train(experiment, numbers(), RunFolder(tmp_path), OPTIONS)
    w = velocity = 0.0
    for step in range(12):
        velocity = min(0.5 + 0.05 * step, 0.9) * velocity + 1
        w -= 0.1 * velocity
    assert experiment.model.w.item() == pytest.approx(w, rel=1e-5)


def test_a_captured_graph_cannot_follow_a_ramp():
    assert replace(PLAIN, momentum=0.5, momentum_steps=8).capturable is False
    assert PLAIN.capturable


def test_adams_decays_are_the_ones_asked_for():
    (parameter,) = nn.Linear(1, 1, bias=False).parameters()
    adam = OptimizerSettings("adam", momentum=0.0, beta2=0.99).build([parameter])
    assert adam.param_groups[0]["betas"] == (0.0, 0.99)


def test_weights_into_a_unit_are_projected_onto_a_ball():
    """A unit's weights are a row of a matrix, and a kernel with its channels of a convolution.

    A transposed convolution holds its kernels the other way round: (from, to, height, width).
    """
    model = nn.Sequential(nn.Linear(2, 3), nn.Conv2d(2, 2, (1, 2)), nn.ConvTranspose2d(2, 2, 1))
    rows = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    kernels = torch.stack([torch.full((2, 1, 2), 2.0), torch.full((2, 1, 2), 0.25)])
    transposed = torch.tensor([[3.0, 0.3], [4.0, 0.4]])[:, :, None, None]
    for module, weight in zip(model, (rows, kernels, transposed), strict=True):
        module.weight.data.copy_(weight)
        module.bias.data.fill_(7.0)
    parameters = list(model.parameters())

    def still(m: nn.Module, batch: Batch) -> dict[str, Tensor]:
        return {"loss": sum(p.sum() for p in parameters).expand(len(batch.x)) * 0.0}

    player = Player("only", parameters, still, replace(PLAIN, max_norm=1.0))
    Turn((player,), model, torch.float32)(BATCH)
    expected = torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]])
    torch.testing.assert_close(model[0].weight.data, expected)
    torch.testing.assert_close(model[1].weight.data[0], torch.full((2, 1, 2), 0.5))
    assert torch.equal(model[1].weight.data[1], kernels[1])
    expected = torch.tensor([[0.6, 0.3], [0.8, 0.4]])
    torch.testing.assert_close(model[2].weight.data[:, :, 0, 0], expected)
    assert all((module.bias == 7).all() for module in model)


def test_an_update_ends_within_the_ball():
    model = nn.Linear(2, 1, bias=False)
    model.weight.data.copy_(torch.tensor([[0.8, 0.0]]))
    gradient = torch.tensor([[-4.0, -16.0]])

    def along(m: nn.Linear, batch: Batch) -> dict[str, Tensor]:
        return {"loss": (m.weight * gradient).sum().expand(len(batch.x))}

    player = Player("only", [model.weight], along, replace(PLAIN, max_norm=1.0))
    Turn((player,), model, torch.float32)(BATCH)
    # (0.8, 0) + 0.1 (4, 16) = (1.2, 1.6), of norm 2.
    torch.testing.assert_close(model.weight.data, torch.tensor([[0.6, 0.8]]))


@pytest.mark.parametrize("clip", [0.0, 2.0])
@pytest.mark.parametrize("watch", [False, True])
def test_the_norm_that_is_logged_is_that_before_clipping(clip, watch):
    turn, _ = quadratic(replace(PLAIN, clip=clip))
    turn.watch = watch
    terms = turn(BATCH)["only"]
    assert terms.keys() == ({"loss", "gradient_norm"} if watch else {"loss"})
    if watch:
        assert terms["gradient_norm"].item() == pytest.approx(5.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate": -1.0},
        {"optimizer": "adamw"},
        {"schedule": "cos"},
        {"decay": 0.9},
        {"momentum": 1.0},
        {"final_momentum": 1.0},
        {"beta2": 1.0},
        {"momentum_steps": -1},
        {"max_norm": -1.0},
        {"clip": -1.0},
    ],
)
def test_numbers_that_mean_nothing_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong)).replace("_", "-")):
        OptimizerSettings(**wrong)
