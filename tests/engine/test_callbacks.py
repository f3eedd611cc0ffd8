"""What watches a training changes nothing of it: drawings, snapshots, the best weights."""

from dataclasses import replace

import pytest
import torch
from test_train import EARLY, LOSSES, end, scripted
from toys import GAMES, PLAIN, assert_same_run, downhill, numbers

from immersion.check import UserError
from immersion.engine import Callbacks, Options, train
from immersion.run_folder import RunFolder

OPTIONS = Options(steps=12, batch_size=8, log_every=1, validate_every=0, precision="float32")


@pytest.mark.parametrize("game", ["vae", "gan", "convolutions"])
def test_drawings_change_neither_weights_nor_random_numbers(game, tmp_path):
    drawn: list[tuple[int, torch.Tensor]] = []

    def draw(step, model):
        assert not model.training and not torch.is_grad_enabled()
        drawn.append((step, torch.randn(3)))

    folders = RunFolder(tmp_path / "drawn"), RunFolder(tmp_path / "not")
    for folder, every in zip(folders, (5, 0), strict=True):
        experiment, data = (make() for make in GAMES[game])
        options = replace(OPTIONS, draw_every=every, ema=0.9)
        train(experiment, data, folder, options, callbacks=Callbacks(draw=draw))
    assert [step for step, _ in drawn] == [0, 5, 10]
    assert all(torch.equal(numbers, drawn[0][1]) for _, numbers in drawn)
    assert_same_run(*folders)


def test_drawings_go_on_when_a_run_is_resumed(tmp_path):
    steps: list[int] = []
    callbacks = Callbacks(draw=lambda step, model: steps.append(step))
    for last in (7, 12):
        options = replace(OPTIONS, steps=last, draw_every=3)
        train(downhill(PLAIN), numbers(), RunFolder(tmp_path), options, callbacks=callbacks)
    assert steps == [0, 3, 6, 9, 12]


def test_the_average_is_drawn(tmp_path):
    seen: list[float] = []
    callbacks = Callbacks(draw=lambda step, model: seen.append(model.w.item()))
    options = replace(OPTIONS, draw_every=12, ema=0.9)
    train(downhill(PLAIN), numbers(), RunFolder(tmp_path), options, callbacks=callbacks)
    tensors, _ = RunFolder(tmp_path).load_checkpoint()
    assert seen == [0.0, tensors["average/w"].item()]


def test_a_function_follows_every_checkpoint_of_the_loop(tmp_path):
    saved: list[int] = []
    folder = RunFolder(tmp_path)
    callbacks = Callbacks(saved=lambda: saved.append(folder.checkpoint_step()))
    options = replace(OPTIONS, steps=3, checkpoint_seconds=0.0)
    train(downhill(PLAIN), numbers(), folder, options, callbacks=callbacks)
    assert saved == [1, 2, 3]


def test_snapshots_are_the_evaluated_weights_of_their_steps(tmp_path):
    folder = RunFolder(tmp_path)
    options = replace(OPTIONS, keep_weights=4, ema=0.9)
    train(downhill(PLAIN), numbers(), folder, options)
    assert list(folder.list_snapshots()) == [4, 8, 12]
    assert [path.name for path in folder.checkpoints.glob("[0-9]*")] == ["00000012.safetensors"]
    for step in (4, 8, 12):
        alone = RunFolder(tmp_path / f"{step}")
        train(downhill(PLAIN), numbers(), alone, replace(options, steps=step))
        assert torch.equal(folder.weights(step)["w"], alone.weights()["w"])
    with pytest.raises(UserError, match="expected 4, 8, 12, received 5"):
        folder.weights(5)


def test_the_best_weights_are_kept_without_early_stopping(tmp_path):
    folder = RunFolder(tmp_path)
    options = replace(EARLY, keep_weights="best")
    assert end(scripted([*LOSSES[:-1], 4.0]), folder, options) == (18, "finished")
    assert folder.weights()["made"] == 10


def test_a_game_has_no_best_weights(tmp_path):
    experiment, data = (make() for make in GAMES["gan"])
    options = replace(OPTIONS, keep_weights="best", validate_every=3)
    with pytest.raises(UserError, match=r"cannot tell which weights are best.*number of steps"):
        train(experiment, data, RunFolder(tmp_path), options)
    with pytest.raises(UserError, match="a number of steps, best, last, received 'worst'"):
        Options(keep_weights="worst")
    with pytest.raises(UserError, match="the best weights are those of validation passes"):
        Options(keep_weights="best", validate_every=0)
