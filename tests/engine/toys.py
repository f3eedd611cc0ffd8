"""Small games for the engine's tests, and processes that play one and are killed at it."""

import json
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.nn.utils.parametrizations import spectral_norm

from immersion import run_folder
from immersion.batch import Batch, Split
from immersion.data.dataset import MemorySplit
from immersion.engine import Experiment, OptimizerSettings, Options, Player, train
from immersion.engine.turn import Turn
from immersion.likelihoods import LIKELIHOODS
from immersion.models import VAE
from immersion.nn import Architecture
from immersion.objectives import ELBO
from immersion.random import make_generator
from immersion.run_folder import RunFolder

SHAPE = (1, 6, 6)


class Data(NamedTuple):
    """The two splits that the engine reads."""

    train: Split
    validation: Split


def grey(n: int, name: str) -> Tensor:
    """Return n grey images, (n, 1, 6, 6) uint8."""
    draws = make_generator(0, f"test/{name}")
    return torch.randint(0, 256, (n, *SHAPE), generator=draws, dtype=torch.uint8)


def images(dynamic: bool = True) -> Data:
    """Return 50 and 10 grey images, as they are or made binary anew for every batch."""
    parts = (("train", 50), ("validation", 10))
    return Data(*(MemorySplit(grey(n, name), None, "unit", dynamic) for name, n in parts))


def numbers(n: int = 40) -> Data:
    """Return the examples (0,), (1,), ..., (n - 1,), so that a batch says which it holds."""
    split = MemorySplit(torch.arange(n).float()[:, None], None, "real")
    return Data(split, split)


ADAM = OptimizerSettings(learning_rate=3e-3, schedule="constant")


def vae(optimizer: OptimizerSettings = ADAM) -> Experiment:
    """Return one player on binary images."""
    torch.manual_seed(0)
    p = LIKELIHOODS["bernoulli"](SHAPE)
    model = VAE.build(SHAPE, 2, p, Architecture("dense", 16, 1, "tanh"))
    return Experiment(model, (Player("vae", list(model.parameters()), ELBO(), optimizer),))


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


PLAIN = OptimizerSettings("sgd", learning_rate=0.1, momentum=0.0, schedule="constant")


def downhill(optimizer: OptimizerSettings) -> Experiment:
    """Return the loss w, whose gradient is 1 everywhere."""
    model = Slope()
    player = Player("only", [model.w], lambda m, batch: {"loss": m(batch.x)}, optimizer)
    return Experiment(model, (player,))


class GAN(nn.Module):
    """Two networks; the generator has buffers, the critic draws a dropout mask."""

    def __init__(self) -> None:
        super().__init__()
        hidden = nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Tanh()
        self.generator = nn.Sequential(*hidden, nn.Linear(8, 1))
        self.critic = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 1))


def _generator_loss(model: GAN, batch: Batch) -> dict[str, Tensor]:
    fake = model.generator(torch.randn(len(batch.x), 2))
    return {"loss": softplus(-model.critic(fake)).squeeze(1)}


def _critic_loss(model: GAN, batch: Batch) -> dict[str, Tensor]:
    fake = model.generator(torch.randn(len(batch.x), 2))
    real, made = softplus(-model.critic(batch.x)), softplus(model.critic(fake))
    return {"loss": (real + made).squeeze(1), "real": real.squeeze(1)}


def gan() -> Experiment:
    """Return two players, the second of which makes two turns a step."""
    torch.manual_seed(0)
    model = GAN()
    first = Player("generator", list(model.generator.parameters()), _generator_loss, ADAM)
    second = Player("critic", list(model.critic.parameters()), _critic_loss, ADAM, turns=2)
    return Experiment(model, (first, second))


def together() -> Experiment:
    """Return the same players, who move at once."""
    experiment = gan()
    players = tuple(replace(player, turns=1) for player in experiment.players)
    return replace(experiment, players=players, updates="simultaneous")


class Convolutions(nn.Module):
    """Two networks with what makes a checkpoint hard: layouts, batch norm, spectral norm."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(
            nn.Linear(2, 72),
            nn.Unflatten(1, (8, 3, 3)),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(8, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.Conv2d(6, 1, 3, padding=1),
            nn.Sigmoid(),
        )
        self.critic = nn.Sequential(
            spectral_norm(nn.Conv2d(1, 8, 3)),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(8, 4, 3)),
            nn.Flatten(),
            spectral_norm(nn.Linear(16, 1)),
        )


def convolutions() -> Experiment:
    """Return two players on images, who move at once by Adam; an average is kept."""
    torch.manual_seed(0)
    model = Convolutions()
    first = Player("critic", list(model.critic.parameters()), _critic_loss, ADAM)
    second = Player("generator", list(model.generator.parameters()), _generator_loss, ADAM)
    return Experiment(model, (first, second), updates="simultaneous", ema=0.9)


GAMES: dict[str, tuple[Callable[[], Experiment], Callable[[], Data]]] = {
    "vae": (vae, images),
    "gan": (gan, numbers),
    "together": (together, numbers),
    "convolutions": (convolutions, images),
}

LIMIT = 30
"""Seconds after which a child that should have ended is taken for one that hangs."""

PROCESSES = multiprocessing.get_context("forkserver")
"""PyTorch is imported once; each child is a fork of that process, which has run nothing."""
PROCESSES.set_forkserver_preload(["immersion.recipes", "pytest", "torch._dynamo"])


class Death(NamedTuple):
    """A place in the code, and at which visit of it the process is to kill itself."""

    place: str
    visit: int


def start(game: str, folder: Path, options: Options, death: Death | None = None):
    """Start a child that plays a game in a run folder, and return it."""
    # A daemon: should a test fail, its child does not outlive it.
    process = PROCESSES.Process(target=_play, args=(game, folder, options, death), daemon=True)
    process.start()
    return process


def play(game: str, folder: Path, options: Options, death: Death | None = None) -> RunFolder:
    """Play a game in a child to its end, or to its death."""
    process = start(game, folder, options, death)
    process.join(LIMIT)
    code = process.exitcode
    process.kill()
    assert code == (-signal.SIGKILL if death else 0), f"the child ended with {code}"
    return RunFolder(folder)


def _play(game: str, folder: Path, options: Options, death: Death | None) -> None:
    torch.set_num_threads(1)
    if death is not None:
        PLACES[death.place](death.visit)
    experiment, data = (make() for make in GAMES[game])
    outcome = train(experiment, data, RunFolder(folder), options)
    (folder / "outcome.json").write_text(json.dumps(asdict(outcome)))


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_at(owner: object, name: str, visit: int, last_words: Callable[..., object]) -> None:
    """Let the process kill itself at the given visit of `owner.name`."""
    original, visits = getattr(owner, name), [0]

    def watched(*args, **kwargs):
        visits[0] += 1
        if visits[0] == visit:
            last_words(original, *args)
            _die()
        return original(*args, **kwargs)

    setattr(owner, name, watched)


def _in_a_turn(visit: int) -> None:
    _kill_at(Turn, "terms_of", visit, lambda *_: None)


def _in_a_line_of_the_metrics(visit: int) -> None:
    def half(original, folder: RunFolder, row: dict) -> None:
        with folder.metrics_file.open("a") as file:
            file.write('{"step": 1')

    _kill_at(RunFolder, "append_metrics", visit, half)


def _in_the_middle_of_a_checkpoint(visit: int) -> None:
    def half(original, tensors, path: Path, metadata) -> None:
        original(tensors, path, metadata)
        path.write_bytes(path.read_bytes()[:1000])

    _kill_at(run_folder, "save_file", visit, half)


def _before_a_checkpoint_is_renamed(visit: int) -> None:
    # The first file that is renamed are the metrics of the run before.
    _kill_at(os, "replace", visit + 1, lambda *_: None)


def _after_a_checkpoint_is_renamed(visit: int) -> None:
    _kill_at(os, "replace", visit + 1, lambda original, *paths: original(*paths))


PLACES: dict[str, Callable[[int], None]] = {
    "in a turn": _in_a_turn,
    "in a line of the metrics": _in_a_line_of_the_metrics,
    "in the middle of a checkpoint": _in_the_middle_of_a_checkpoint,
    "before a checkpoint is renamed": _before_a_checkpoint_is_renamed,
    "after a checkpoint is renamed": _after_a_checkpoint_is_renamed,
}


def assert_same_run(one: RunFolder, two: RunFolder) -> None:
    """Every tensor and every number that the two runs left are equal, but for times."""
    (tensors, state), (others, other_state) = one.load_checkpoint(), two.load_checkpoint()
    assert tensors.keys() == others.keys()
    differing = [name for name, tensor in tensors.items() if not torch.equal(tensor, others[name])]
    assert not differing
    assert _timeless(state) == _timeless(other_state)
    assert [_timeless(row) for row in one.metrics()] == [_timeless(row) for row in two.metrics()]


def _timeless(row: dict) -> dict:
    return {k: v for k, v in row.items() if k not in ("seconds", "examples_per_second")}
