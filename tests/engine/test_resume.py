"""A run that is stopped and goes on leaves what one that never was leaves, bit for bit."""

import json
import os
import random
import signal
import time
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from toys import LIMIT, PLACES, Data, Death, assert_same_run, images, play, start, vae

from immersion.engine import OptimizerSettings, Options, Outcome, train
from immersion.run_folder import RunFolder

STEPS = 40
OPTIONS = Options(
    steps=STEPS,
    batch_size=8,
    precision="float32",
    ema=0.9,
    validate_every=7,
    log_every=1,
    checkpoint_seconds=0.0,
)
"""A checkpoint after every step."""
KINDS = [
    ("vae", "float32"),
    ("vae", "bfloat16"),
    ("gan", "float32"),
    ("together", "float32"),
    ("convolutions", "float32"),
]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Return the run of a game that was never stopped; each is played once."""
    runs: dict[tuple[str, str], RunFolder] = {}

    def run(game: str, precision: str) -> RunFolder:
        if (game, precision) not in runs:
            folder = tmp_path_factory.mktemp("uninterrupted")
            # Fewer checkpoints must make no difference either.
            options = replace(OPTIONS, precision=precision, checkpoint_seconds=60.0)
            runs[game, precision] = play(game, folder, options)
        return runs[game, precision]

    return run


@pytest.mark.parametrize(("game", "precision"), KINDS)
def test_killed_at_every_kind_of_place(game, precision, tmp_path, uninterrupted):
    options = replace(OPTIONS, precision=precision)
    for visit, place in zip((20, 5, 6, 7, 2), PLACES, strict=True):
        play(game, tmp_path, options, Death(place, visit))
    killed = RunFolder(tmp_path).load_checkpoint()
    assert 5 < killed[1]["step"] < STEPS  # the deaths lie within the run, and it came on between
    run = play(game, tmp_path, options)
    assert_same_run(run, uninterrupted(game, precision))
    # Read strictly: every line whole, each step once and in order.
    rows = [json.loads(line) for line in run.metrics_file.read_text().splitlines()]
    assert [row["step"] for row in rows if row["split"] == "train"] == list(range(1, STEPS + 1))
    assert [row["step"] for row in rows if row["split"] == "validation"] == [7, 14, 21, 28, 35]
    assert all(before["seconds"] <= after["seconds"] for before, after in pairwise(rows))
    assert [path.name for path in run.checkpoints.glob("[!.]*")] == [f"{STEPS:08d}.safetensors"]


def test_killed_before_the_first_checkpoint(tmp_path, uninterrupted):
    options = replace(OPTIONS, checkpoint_seconds=60.0)
    run = play("vae", tmp_path, options, Death("in a turn", 12))
    assert run.load_checkpoint() is None
    assert len(run.metrics()) == 11  # 10 steps and a look
    assert_same_run(play("vae", tmp_path, options), uninterrupted("vae", "float32"))


def test_killed_at_random_moments(tmp_path, uninterrupted):
    moments = random.Random(0)
    run, lines = RunFolder(tmp_path), 0
    options = replace(OPTIONS, checkpoint_seconds=0.002)
    for _ in range(3):
        lines += moments.randint(5, 10)
        process = start("vae", tmp_path, options)
        _wait_for_lines(run, lines)
        time.sleep(moments.random() * 0.005)
        process.kill()
        process.join()
    assert_same_run(play("vae", tmp_path, options), uninterrupted("vae", "float32"))


def _wait_for_lines(run: RunFolder, lines: int) -> None:
    deadline = time.monotonic() + LIMIT
    while len(run.metrics()) < lines:
        assert time.monotonic() < deadline, "the child has made no steps"
        time.sleep(0.001)


@pytest.mark.parametrize("game", ["vae", "gan", "together", "convolutions"])
def test_a_larger_number_of_steps_runs_a_finished_run_on(game, tmp_path, uninterrupted):
    play(game, tmp_path, replace(OPTIONS, steps=17))
    assert_same_run(play(game, tmp_path, OPTIONS), uninterrupted(game, "float32"))


@pytest.mark.parametrize("name", ["sgd", "adagrad", "adam"])
def test_every_optimiser_is_resumed(name, tmp_path):
    optimizer = OptimizerSettings(name, learning_rate=1e-3, schedule="constant", clip=1.0)
    for folder, stops in (("a", (STEPS,)), ("b", (9, 10, STEPS))):
        for steps in stops:
            options = replace(OPTIONS, steps=steps)
            train(vae(optimizer), images(), RunFolder(tmp_path / folder), options)
    assert_same_run(RunFolder(tmp_path / "a"), RunFolder(tmp_path / "b"))


def test_the_same_steps_again_change_nothing(tmp_path):
    def run(data: Data) -> tuple[Outcome, dict, dict, str]:
        outcome = train(vae(), data, folder, OPTIONS)
        return outcome, *folder.load_checkpoint(), folder.metrics_file.read_text()

    folder = RunFolder(tmp_path)
    outcome, tensors, state, metrics = run(images())
    assert (outcome.step, outcome.reason) == (STEPS, "finished")
    again, tensors_again, *rest = run(_Unread(*images()))
    assert again == outcome
    assert rest == [state, metrics]
    assert all(torch.equal(tensor, tensors_again[name]) for name, tensor in tensors.items())


class _Unread(Data):
    """Data of which no batch may be asked."""

    @property
    def train(self):
        split = super().train
        object.__setattr__(split, "batch", None)
        return split


def test_fewer_steps_than_were_made_change_nothing(tmp_path):
    folder = RunFolder(tmp_path)
    train(vae(), images(), folder, replace(OPTIONS, steps=12))
    metrics = folder.metrics_file.read_text()
    outcome = train(vae(), images(), folder, replace(OPTIONS, steps=5))
    assert (outcome.step, outcome.reason) == (12, "finished")
    assert folder.metrics_file.read_text() == metrics


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_after_the_step_in_hand(number, tmp_path):
    endless = replace(OPTIONS, steps=10**6, checkpoint_seconds=600.0)
    run = RunFolder(tmp_path)
    process = start("vae", tmp_path, endless)
    _wait_for_lines(run, 5)
    os.kill(process.pid, number)
    process.join(LIMIT)
    code = process.exitcode
    process.kill()
    assert code == 0, f"the child ended with {code}"
    step = run.load_checkpoint()[1]["step"]
    outcome = json.loads((tmp_path / "outcome.json").read_text())
    assert (outcome["step"], outcome["reason"]) == (step, "interrupted")
    assert outcome["signal"] == number
    assert run.metrics()[-1]["step"] == step
    longer = replace(OPTIONS, steps=step + 10)
    whole = play("vae", tmp_path / "whole", longer)
    assert_same_run(play("vae", tmp_path, longer), whole)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_is_obeyed_at_once(first, tmp_path):
    def press(row: dict) -> None:
        if row["step"] == 5:
            signal.raise_signal(first)
            signal.raise_signal(signal.SIGINT)

    folder = RunFolder(tmp_path)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(vae(), images(), folder, OPTIONS, press)
    assert signal.getsignal(signal.SIGINT) is before
    assert folder.load_checkpoint()[1]["step"] == 4


def test_signals_mean_what_they_meant_once_training_is_over(tmp_path):
    before = _handlers()
    heard = []
    train(vae(), images(), RunFolder(tmp_path), OPTIONS, lambda _: heard.extend(_handlers()))
    assert not set(before) & set(heard)
    assert _handlers() == before


def _handlers():
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
