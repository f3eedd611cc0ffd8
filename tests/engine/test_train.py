"""What the training loop keeps: averages, validation, early stopping, metrics, options."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from toys import PLAIN, Data, Slope, downhill, images, numbers, vae

from immersion.batch import Batch
from immersion.check import UserError
from immersion.data.dataset import MemorySplit
from immersion.engine import Experiment, Options, Player, train
from immersion.engine.checkpoint import WeightAverage
from immersion.engine.turn import Turn
from immersion.run_folder import RunFolder

OPTIONS = Options(steps=12, batch_size=8, log_every=1, validate_every=0, precision="float32")
BATCH = Batch(torch.zeros(8, 1), None, torch.tensor(0))


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


def test_the_average_is_evaluated(tmp_path):
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
    average = WeightAverage(model, 0.9)
    assert not average.model.training
    assert not any(p.requires_grad for p in average.model.parameters())
    assert model.training
    assert model.w.requires_grad


def test_an_average_that_begins_later_is_the_plain_mean_and_then_a_moving_one():
    model = Slope()
    average = WeightAverage(model, 0.75, first=2)  # as wide as the mean of 4
    weights = [5.0, 1.0, 2.0, 8.0, 5.0, 1.0, 3.0]
    for step, weight in enumerate(weights):
        model.w.data.fill_(weight)
        average.update(step)
        seen = weights[max(0, min(step, 2)) : step + 1]
        mean = sum(seen) / len(seen) if step >= 2 else weight
        expected = mean if step < 6 else 0.75 * 4.0 + 0.25 * 3.0
        assert average.model.w.item() == pytest.approx(expected)


def test_there_is_no_average_to_begin_later_where_none_is_kept():
    with pytest.raises(UserError, match="pass --ema too"):
        Options(ema_from=5)


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
"""After steps 2, 4, ...: two and three validations without a better one; equal is not better."""
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
def test_patience_counts_validations_without_a_better_loss(patience, outcome, tmp_path):
    folder, options = RunFolder(tmp_path), replace(EARLY, patience=patience)
    assert end(scripted(LOSSES), folder, options) == outcome
    validations = [row["loss"] for row in folder.metrics() if row["split"] == "validation"]
    assert validations == LOSSES[: outcome[0] // 2]
    # The same command again makes no step more and ends alike.
    metrics = folder.metrics_file.read_text()
    assert end(scripted(LOSSES), folder, options) == outcome
    assert folder.metrics_file.read_text() == metrics


@pytest.mark.parametrize("stop", [1, 4, 5, 6, 7])
def test_patience_is_remembered_by_a_run_that_goes_on(stop, tmp_path):
    folder, options = RunFolder(tmp_path), replace(EARLY, patience=2)
    assert end(scripted(LOSSES), folder, replace(options, steps=stop))[0] == stop
    assert end(scripted(LOSSES), folder, options) == (8, "early")


def test_passes_are_read_under_their_earlier_key(tmp_path):
    folder, options = RunFolder(tmp_path), replace(EARLY, patience=2)
    end(scripted(LOSSES), folder, replace(options, steps=6))
    tensors, state = folder.load_checkpoint()
    state["looks_since_best"] = state.pop("passes_since_best")
    folder.save_checkpoint(state.pop("step"), tensors, state)
    assert end(scripted(LOSSES), folder, options) == (8, "early")


def test_the_best_weights_are_kept(tmp_path):
    folder = RunFolder(tmp_path)
    end(scripted(LOSSES), folder, replace(EARLY, patience=3))
    assert folder.weights()["made"] == 10, "the look with loss 3.0, not the last"
    end(scripted(LOSSES), folder, replace(EARLY, patience=4))
    assert folder.weights()["made"] == 18


def test_best_weights_are_dropped_without_early_stopping(tmp_path):
    folder = RunFolder(tmp_path)
    end(scripted(LOSSES), folder, replace(EARLY, patience=1))
    assert folder.weights()["made"] == 4
    end(scripted(LOSSES), folder, replace(EARLY, patience=0))
    assert folder.weights()["made"] == 18


def test_validation_uses_the_last_step(tmp_path):
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


def test_every_validation_uses_the_same_random_numbers(tmp_path):
    x = torch.full((20, 1), 128, dtype=torch.uint8)
    split = MemorySplit(x, None, "unit", dynamic=True)
    experiment = scripted(LOSSES)
    train(experiment, Data(split, split), RunFolder(tmp_path), EARLY)
    first, *others = experiment.model.draws
    assert len(others) == 8
    assert all(torch.equal(draws, first) for draws in others)
    assert set(first[:20].tolist()) == {0.0, 1.0}


def test_validation_changes_nothing(tmp_path):
    folders = RunFolder(tmp_path / "often"), RunFolder(tmp_path / "never")
    for folder, every in zip(folders, (1, 0), strict=True):
        options = replace(OPTIONS, validate_every=every, log_every=5, ema=0.9)
        train(vae(), images(), folder, options)
    often, never = (folder.load_checkpoint()[0] for folder in folders)
    assert all(torch.equal(often[name], tensor) for name, tensor in never.items())


def test_validation_is_the_mean_over_every_example_of_the_split(tmp_path):
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
        Turn((player,), model, precision)(BATCH)
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


def test_terms_of_packs_are_averaged_over_packs(tmp_path):
    """Ten examples in packs of two are five numbers, of which the mean is taken."""

    def objective(model, batch):
        pairs = batch.x.view(-1, 2).sum(1)
        return {"loss": (pairs - model.weight.sum()).square(), "pairs": pairs}

    model = torch.nn.Linear(1, 1, bias=False)
    player = Player("only", list(model.parameters()), objective)
    experiment = Experiment(model, (player,), multiple=2)
    folder = RunFolder(tmp_path)
    train(experiment, numbers(10), folder, Options(steps=1, batch_size=2, validate_every=1))
    (look,) = [row for row in folder.metrics() if row["split"] == "validation"]
    assert look["pairs"] == 9.0  # 2 * 4.5
