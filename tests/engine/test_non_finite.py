"""A number that is not finite stops training, is explained, and spoils no checkpoint."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from toys import Data, assert_same_run, numbers

from immersion.batch import Batch
from immersion.check import NonFinite
from immersion.data.dataset import MemorySplit
from immersion.engine import Experiment, OptimizerSettings, Options, Player, train
from immersion.engine.loader import BatchOrder
from immersion.run_folder import RunFolder

OPTIONS = Options(
    steps=12, batch_size=8, log_every=1, validate_every=0, checkpoint_seconds=0.0, ema=0.9
)
BAD_STEP = 5
BAD = BatchOrder(40, 8, seed=0)(BAD_STEP)[[2, 6]].tolist()
"""The examples that break the toy in that step, once in an epoch of 5 steps."""

Rule = Callable[[nn.Module, Batch, Tensor, Tensor], dict[str, Tensor]]


class Chain(nn.Module):
    """Two layers and a place between them where a test may put something."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.spot, self.last = nn.Linear(1, 3), nn.Identity(), nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.spot(self.first(x / 40).tanh())).squeeze(1)


def game(rule: Rule | None = None, model: nn.Module | None = None) -> Experiment:
    """Return one player whose terms `rule` makes from (h, what is bad), h being (B,)."""
    torch.manual_seed(0)
    model = model or Chain()

    def objective(model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        h = model(batch.x)
        if rule is None:
            return {"loss": h.square(), "distance": h.abs()}
        bad = torch.isin(batch.x[:, 0], torch.tensor(BAD).float()) & (batch.step == BAD_STEP)
        return rule(h, bad)

    optimizer = OptimizerSettings(learning_rate=1e-2, schedule="constant")
    return Experiment(model, (Player("only", list(model.parameters()), objective, optimizer),))


def constant(h: Tensor, bad: Tensor) -> dict[str, Tensor]:
    """Give infinity without a gradient."""
    distance = torch.where(bad, torch.inf, h.abs())
    return {"loss": h.square() + torch.where(bad, distance, 0.0), "distance": distance}


def logarithm(h: Tensor, bad: Tensor) -> dict[str, Tensor]:
    """Give log 0, whose gradient is not finite either: the usual way in which it happens."""
    distance = (h.abs() * ~bad).log()
    return {"loss": h.square() - 1e-3 * distance, "distance": distance}


def gradient(h: Tensor, bad: Tensor) -> dict[str, Tensor]:
    """Give a finite loss whose gradient is 0 times infinity."""
    return {"loss": h.square() + (h * ~bad).abs().sqrt(), "distance": h.abs()}


def other_term(h: Tensor, bad: Tensor) -> dict[str, Tensor]:
    """Give a finite loss, and a term for the log that is not."""
    return {"loss": h.square(), "distance": torch.where(bad, torch.inf, h.abs())}


def stopped(experiment: Experiment, folder: RunFolder, data: Data | None = None) -> str:
    """Train until the guard stops it, and return what it says."""
    with pytest.raises(NonFinite) as caught:
        train(experiment, data or numbers(), folder, OPTIONS)
    return str(caught.value)


def examples() -> str:
    return f"is not finite for 2 of 8 examples (training examples {BAD[0]}, {BAD[1]})"


@pytest.mark.parametrize("rule", [constant, logarithm])
def test_the_term_and_the_examples_are_named(rule, tmp_path):
    message = stopped(game(rule), RunFolder(tmp_path))
    assert message.startswith(f"step {BAD_STEP}, player 'only': term 'distance' {examples()}")
    assert message.endswith("the distribution made from finite network outputs")


class Spike(nn.Module):
    """Makes the activations of one example infinite; it knows it by what the first layer gives."""

    def __init__(self, model: Chain, example: int) -> None:
        super().__init__()
        self.model, self.example = [model], example  # in a list: it is no part of this module

    def forward(self, h: Tensor) -> Tensor:
        with torch.no_grad():
            there = self.model[0].first(torch.tensor([[self.example / 40]])).tanh()
        same = torch.isclose(h, there, atol=1e-6).all(1, keepdim=True)
        return h * torch.where(same, torch.inf, 1.0)


def test_the_first_module_whose_output_breaks_is_named(tmp_path):
    example = BatchOrder(40, 8, seed=0)(3)[4].item()  # in no batch before the fourth
    model = Chain()
    model.spot = Spike(model, example)
    message = stopped(game(model=model), RunFolder(tmp_path))
    assert message.startswith("step 3, player 'only': term 'distance' is not finite for 1 of 8")
    assert f"(training examples {example})" in message
    assert message.endswith("first non-finite tensor: output of 'spot' (Spike)")


def test_broken_data_are_named(tmp_path):
    x = torch.arange(40.0)[:, None]
    example = BatchOrder(40, 8, seed=0)(3)[4].item()
    x[example] = torch.nan
    split = MemorySplit(x, None, "real")
    message = stopped(game(), RunFolder(tmp_path), Data(split, split))
    assert message.startswith("step 3, player 'only': term 'distance' is not finite for 1 of 8")
    assert message.endswith(f"(training examples {example}); first non-finite tensor: the data")


def test_a_broken_parameter_is_named(tmp_path):
    experiment = game()
    with torch.no_grad():
        experiment.model.last.weight[0, 1] = torch.inf
    message = stopped(experiment, RunFolder(tmp_path))
    assert message.startswith("step 0,")
    assert message.endswith("first non-finite tensor: parameter 'last.weight'")


@pytest.mark.parametrize("rule", [constant, logarithm, gradient, other_term])
def test_the_last_good_checkpoint_is_kept_and_goes_on(rule, tmp_path):
    folder = RunFolder(tmp_path / "broken")
    stopped(game(rule), folder)
    # After the steps 0 to 4 all was well; no half-finished file lies about.
    assert folder.load_checkpoint()[1]["step"] == BAD_STEP
    assert len(list(folder.checkpoints.iterdir())) == 1
    short, whole = RunFolder(tmp_path / "short"), RunFolder(tmp_path / "whole")
    healthy = _without_bad(rule)
    train(game(healthy), numbers(), short, replace(OPTIONS, steps=BAD_STEP))
    for name, tensor in short.load_checkpoint()[0].items():
        assert torch.equal(tensor, folder.load_checkpoint()[0][name])
    # With the objective mended the run goes on as if nothing had been.
    train(game(healthy), numbers(), folder, OPTIONS)
    train(game(healthy), numbers(), whole, OPTIONS)
    assert_same_run(folder, whole)


def _without_bad(rule: Rule) -> Rule:
    return lambda h, bad: rule(h, torch.zeros_like(bad))


def test_a_gradient_that_is_not_finite_stops_a_run_without_checkpoints(tmp_path):
    folder = RunFolder(tmp_path)
    options = replace(OPTIONS, steps=BAD_STEP + 1, checkpoint_seconds=60.0)
    with pytest.raises(NonFinite, match=r"tensor 'model/\S+' is not finite"):
        train(game(gradient), numbers(), folder, options)
    assert folder.load_checkpoint() is None


def test_a_term_that_only_the_log_reads_is_named(tmp_path):
    message = stopped(game(other_term), RunFolder(tmp_path))
    assert message == f"train term 'distance' is not finite at step {BAD_STEP + 1}"
