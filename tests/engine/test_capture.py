"""A turn that is recorded as a CUDA graph moves as one that is not."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from toys import numbers

from immersion.batch import Batch
from immersion.engine import Experiment, Optimiser, Options, Player, train
from immersion.engine.capture import CapturedTurn
from immersion.engine.turn import Turn
from immersion.random import reseed
from immersion.run_folder import RunFolder

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="a CUDA graph needs a CUDA device"
)
STEPS = 6


class Noisy(nn.Module):
    """A network with buffers, whose objective draws anew at every turn."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x / 40 + torch.randn_like(x))


def loss(model: Noisy, batch: Batch) -> dict[str, Tensor]:
    """Depend on examples, draws and the number of the step."""
    weight = (batch.step + 1) / STEPS
    return {"loss": weight * (model(batch.x) - 1).square().squeeze(1)}


def noisy(optimiser: Optimiser) -> Experiment:
    torch.manual_seed(0)
    model = Noisy()
    halves = list(model.layers[:2].parameters()), list(model.layers[2].parameters())
    players = (
        Player("first", halves[0], loss, optimiser),
        Player("second", halves[1], loss, optimiser, turns=2),
    )
    return Experiment(model, players)


@pytest.mark.parametrize("name", ["adam", "adagrad", "sgd"])
@pytest.mark.parametrize("clip", [0.0, 0.1])
def test_captured_turns_are_eager_turns(name, clip):
    def play(captured: bool) -> tuple[list[float], nn.Module]:
        experiment = noisy(Optimiser(name, learning_rate=1e-2, clip=clip))
        model = experiment.model.cuda().train()
        turn = Turn(experiment.players[0], model, torch.float32)
        move, losses = turn, []
        for step in range(STEPS):
            turn.set_rate(1e-2 / (step + 1))
            x = torch.arange(8.0 * step, 8.0 * step + 8, device="cuda")[:, None]
            batch = Batch(x, None, torch.tensor(step, device="cuda"))
            reseed(0, "train", step)
            if captured and step == 0:
                move = CapturedTurn(turn, batch)
            losses.append(move(batch)["loss"].item())
        return losses, model

    (eager, model), (losses, other) = play(False), play(True)
    assert losses == pytest.approx(eager, rel=1e-5)
    for expected, tensor in zip(
        model.state_dict().values(), other.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(tensor, expected)


@pytest.mark.parametrize("name", ["adam", "adagrad", "sgd"])
def test_a_continued_run_is_the_uninterrupted_one(name, tmp_path):
    # A run that goes on records its graphs anew, at another step: that must change no draw.
    optimiser = Optimiser(name, learning_rate=1e-2, schedule="constant")
    options = Options(steps=STEPS, batch_size=8, log_every=1, device="cuda", ema=0.9)
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    train(noisy(optimiser), numbers(), whole, options)
    for steps in (2, STEPS):
        train(noisy(optimiser), numbers(), parts, replace(options, steps=steps))
    tensors, others = whole.load_checkpoint()[0], parts.load_checkpoint()[0]
    assert [name for name in tensors if not torch.equal(tensors[name], others[name])] == []
