"""A turn that is recorded as a CUDA graph updates as one that is not."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from toys import numbers

from immersion.batch import Batch
from immersion.engine import Experiment, OptimizerSettings, Options, Player, train
from immersion.engine.capture import CapturedTurn
from immersion.engine.state import flatten_terms
from immersion.engine.turn import Turn
from immersion.random import reseed
from immersion.run_folder import RunFolder

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="a CUDA graph needs a CUDA device"
)
STEPS = 6


class Noisy(nn.Module):
    """A network with buffers, whose objective samples at every turn."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x / 40 + torch.randn_like(x))


def loss(model: Noisy, batch: Batch) -> dict[str, Tensor]:
    """Depend on examples, draws and the number of the step."""
    weight = (batch.step + 1) / STEPS
    return {"loss": weight * (model(batch.x) - 1).square().squeeze(1)}


def noisy(optimizer: OptimizerSettings, updates: str) -> Experiment:
    torch.manual_seed(0)
    model = Noisy()
    halves = list(model.layers[:2].parameters()), list(model.layers[2].parameters())
    turns = 1 if updates == "simultaneous" else 2
    players = (
        Player("first", halves[0], loss, optimizer),
        Player("second", halves[1], loss, optimizer, turns),
    )
    return Experiment(model, players, updates=updates)


@pytest.mark.parametrize("name", ["adam", "adagrad", "sgd"])
@pytest.mark.parametrize("clip", [0.0, 0.1])
@pytest.mark.parametrize("players", [1, 2])
def test_captured_turns_are_eager_turns(name, clip, players):
    def play(captured: bool) -> tuple[list[dict[str, float]], nn.Module]:
        optimizer = OptimizerSettings(
            name, learning_rate=1e-2, schedule="linear", clip=clip, max_norm=1.0
        )
        experiment = noisy(optimizer, "simultaneous")
        model = experiment.model.cuda().train()
        turn = Turn(experiment.players[:players], model, torch.float32, watch=True)
        move, terms = turn, []
        for step in range(STEPS):
            turn.apply_schedules(step, STEPS)
            x = torch.arange(8.0 * step, 8.0 * step + 8, device="cuda")[:, None]
            batch = Batch(x, None, torch.tensor(step, device="cuda"))
            reseed(0, "train", step)
            if captured and step == 0:
                move = CapturedTurn(turn, batch)
            row = flatten_terms(move(batch), several=True)
            terms.append({name: value.item() for name, value in row.items()})
        return terms, model

    (eager, model), (terms, other) = play(False), play(True)
    assert len(eager[0]) == 2 * players  # a loss and a gradient norm each
    for row, expected in zip(terms, eager, strict=True):
        assert row == pytest.approx(expected, rel=1e-4)
    for expected, tensor in zip(
        model.state_dict().values(), other.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(tensor, expected)


@pytest.mark.parametrize("name", ["adam", "adagrad", "sgd"])
@pytest.mark.parametrize("updates", ["alternating", "simultaneous"])
def test_a_continued_run_is_the_uninterrupted_one(name, updates, tmp_path):
    # A run that goes on records its graphs anew, at another step: that must change no draw.
    optimizer = OptimizerSettings(name, learning_rate=1e-2, schedule="constant")
    options = Options(steps=STEPS, batch_size=8, log_every=1, device="cuda", ema=0.9)
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    train(noisy(optimizer, updates), numbers(), whole, options)
    for steps in (2, STEPS):
        train(noisy(optimizer, updates), numbers(), parts, replace(options, steps=steps))
    tensors, others = whole.load_checkpoint()[0], parts.load_checkpoint()[0]
    assert [name for name in tensors if not torch.equal(tensors[name], others[name])] == []
