"""Figure 1 of the first adversarial nets: data, samples and discriminator at four moments."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from immersion.batch import Batch
from immersion.check import UserError
from immersion.data.dataset import MemorySplit
from immersion.engine import Experiment, OptimizerSettings, Options, Player, train
from immersion.metrics.pushforward import (
    compute_best_discriminator,
    compute_game_value,
    compute_jensen_shannon,
    compute_mass_on_line,
)
from immersion.models import GAN, Discriminator
from immersion.nn import Architecture
from immersion.objectives import DiscriminatorLoss, GeneratorLoss
from immersion.objectives.games import GAMES
from immersion.papers.study import Claim, Device, Measurement, Study, register
from immersion.priors import StandardNormal
from immersion.random import use_seed
from immersion.report.theme import BLUE, INK, ORANGE, STYLE
from immersion.run_folder import RunFolder

if TYPE_CHECKING:  # matplotlib is slow to import, so functions import it
    from matplotlib.axes import Axes

MEAN, DEVIATION = 1.0, 0.5
"""Mean and deviation of the data, which are normal."""

START = 1.6
"""Mean of the generator's samples before the first step."""

K = 50
"""The discriminator's steps for each of the generator's."""

EARLY = 4
"""The generator's steps before the first three pictures."""

# The nets are too small for another device, and the moments read the number of the step.
OPTIONS = Options(
    steps=60, batch_size=256, device="cpu", precision="float32", validate_every=0, log_every=1
)
DISCRIMINATOR = OptimizerSettings("adam", 0.01, "linear", momentum=0.5)
GENERATOR = OptimizerSettings("adam", 0.006, "linear", momentum=0.5)
ARCHITECTURE = Architecture("dense", 32, 2, "tanh")

EDGES = torch.linspace(-3.0, 5.0, 801, dtype=torch.float64)
X = (EDGES[1:] + EDGES[:-1]) / 2
LEFT, RIGHT = -0.8, 3.2
"""The part of the line that is drawn."""

Z = torch.linspace(-2.0, 2.0, 13)
P = torch.special.ndtr((EDGES - MEAN) / DEVIATION).diff()
TITLES = {
    "a": "(a) near convergence",
    "b": f"(b) after D's {K} steps",
    "c": "(c) after G's step",
    "d": "(d) at the end",
}


class Data(NamedTuple):
    """Training and validation data."""

    train: MemorySplit
    validation: MemorySplit


@dataclass(frozen=True)
class Snapshots:
    """An objective that saves the model at its first turn of some steps.

    Args:
        objective: The wrapped objective.
        folder: Folder for the weights.
        moments: Step -> name of the moment.
    """

    objective: Callable[[GAN, Batch], dict[str, Tensor]]
    folder: RunFolder
    moments: dict[int, str]

    def __call__(self, model: GAN, batch: Batch) -> dict[str, Tensor]:
        """Return the objective's terms."""
        moment = self.moments.get(int(batch.step))
        if moment is not None and not _moment_file(self.folder, moment).exists():
            name = _moment_file(self.folder, moment).name
            self.folder.write(name, lambda path: save_file(model.state_dict(), path))
        return self.objective(model, batch)


@dataclass(frozen=True)
class State:
    """The state of a game: the masses of samples, and D, on the bins of the line.

    Args:
        p_g: (bins,).
        d: (bins,).
        images: g(z) of the codes Z, (codes,).
    """

    p_g: Tensor
    d: Tensor
    images: Tensor

    @classmethod
    def of(cls, model: GAN) -> "State":
        """Return the state of a model, by quadrature."""

        def g(z: Tensor) -> Tensor:
            return model.generate(z.float())

        with torch.no_grad():
            d = model.discriminator(X[:, None].float(), None).double().sigmoid()
            return cls(compute_mass_on_line(g, EDGES), d, g(Z[:, None]).squeeze(1))

    @property
    def value(self) -> float:
        """Return V(D, G), in nats."""
        return compute_game_value(self.d, P, self.p_g)

    @property
    def divergence(self) -> float:
        """Return JSD(p, p_g), in nats."""
        return compute_jensen_shannon(P, self.p_g)


def reproduce_figure1(out: Path, device: Device) -> dict[str, Measurement]:
    """Play Algorithm 1 on a line, draw four moments of it and measure the last."""
    folder = RunFolder(out / "game")
    model, players = _build_game(folder)
    with use_seed(0, "gan2014/fig1"):
        x = MEAN + DEVIATION * torch.randn(50_000, 1)
    split = MemorySplit(x, None, "real")
    outcome = train(Experiment(model, players), Data(split, split), folder, OPTIONS)
    if outcome.reason == "interrupted":
        raise UserError("the study was interrupted", remedy="give the same command to resume")
    states = {"d": State.of(model)}
    for moment in "abc":
        model.load_state_dict(load_file(_moment_file(folder, moment)))
        states[moment] = State.of(model)
    _draw_figure(states, out / "gan2014-fig1.png")
    end, inner = states["d"], states["b"]
    error = (P * (end.d - compute_best_discriminator(P, end.p_g)).abs()).sum().item()
    bound = -math.log(4) + 2 * inner.divergence
    values = {
        "value": end.value,
        "best-discriminator": error,
        "divergence": end.divergence,
        "inner-loop": inner.value - bound,
    }
    return {name: Measurement(value, seconds=outcome.seconds) for name, value in values.items()}


def _build_game(folder: RunFolder) -> tuple[GAN, tuple[Player, ...]]:
    with use_seed(0, "gan2014/fig1"):
        generator, critic = (ARCHITECTURE.build((1,), (1,)) for _ in range(2))
    _initialize_generator(generator)
    model, game = GAN(generator, Discriminator(critic), StandardNormal(1), 1), GAMES["minimax"]()
    inner = Snapshots(DiscriminatorLoss(game), folder, {EARLY: "a", EARLY + 1: "c"})
    outer = Snapshots(GeneratorLoss(game), folder, {EARLY: "b"})
    players = (
        Player("discriminator", list(critic.parameters()), inner, DISCRIMINATOR, K),
        Player("generator", list(generator.parameters()), outer, GENERATOR),
    )
    return model, players


@torch.no_grad()
def _initialize_generator(generator: nn.Sequential) -> None:
    """Initialize the samples as wide as the data, and to the right of them."""
    last = next(m for m in reversed(list(generator)) if isinstance(m, nn.Linear))
    low, high = generator(torch.tensor([[-1.0], [1.0]]))
    last.weight.mul_(2 * DEVIATION / (high - low))
    last.bias.fill_(START)


def _moment_file(folder: RunFolder, moment: str) -> Path:
    return folder.path / f"moment-{moment}.safetensors"


def _draw_figure(states: dict[str, State], file: Path) -> None:
    """Draw the densities and D, and below them the arrows from z to g(z), four in a row."""
    import matplotlib
    from matplotlib.figure import Figure

    style: Any = STYLE | {"axes.grid": False, "axes.spines.left": False}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(13.5, 4.3), layout="constrained")
        axes = figure.subplots(2, 4, height_ratios=[3, 1], sharex=True, sharey="row")
        for above, below, (moment, title) in zip(*axes, TITLES.items(), strict=True):
            above.set_title(title)
            _draw_densities(above, states[moment])
            _draw_arrows(below, states[moment])
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        figure.savefig(file, dpi=110)


def _draw_densities(axes: "Axes", state: State) -> None:
    width, x = float(EDGES[1] - EDGES[0]), X.numpy()
    best = compute_best_discriminator(P, state.p_g)
    best[P + state.p_g < 0.01 * width] = math.nan  # no mass here
    axes.plot(x, P / width, color=INK, linestyle=":", linewidth=2, label="data, p")
    axes.plot(x, state.p_g / width, color=ORANGE, linewidth=2, label="samples, p_g")
    axes.plot(x, state.d, color=BLUE, linestyle="--", linewidth=2, label="D")
    axes.plot(x, best, color=BLUE, linewidth=0.8, alpha=0.6, label="D* = p / (p + p_g)")
    axes.axhline(0.5, color=INK, linewidth=0.6, alpha=0.25)
    axes.set(ylim=(0, 1.25), yticks=(0, 0.5, 1), yticklabels=("0", "½", "1"))
    numbers = f"V = {state.value:.3f}\nJSD = {state.divergence:.3f}"
    axes.text(0.99, 0.99, numbers, transform=axes.transAxes, ha="right", va="top", fontsize=9)


def _draw_arrows(axes: "Axes", state: State) -> None:
    """Draw arrows up from even codes on the lower line to their images on the upper one."""
    places = (LEFT + RIGHT) / 2 + Z * 0.9
    for start, end in zip(places.tolist(), state.images.tolist(), strict=True):
        arrow = {
            "arrowstyle": "-|>",
            "color": ORANGE,
            "linewidth": 0.9,
            "shrinkA": 0,
            "shrinkB": 0,
        }
        axes.annotate("", (end, 1), (start, 0), arrowprops=arrow)
    for height, name in ((1, "x"), (0, "z")):
        axes.axhline(height, color=INK, linewidth=0.8)
        axes.text(LEFT - 0.1, height, name, ha="right", va="center", style="italic")
    axes.set(xlim=(LEFT, RIGHT), ylim=(-0.05, 1.05), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


EXACT = "Goodfellow et al. 2014, theorem 1 and proposition 1"

register(
    Study(
        name="gan2014/fig1",
        title="A generative adversarial net on a line, at the four moments of Figure 1",
        citation=(
            "Goodfellow et al. 2014, Generative Adversarial Nets, https://arxiv.org/abs/1406.2661"
        ),
        claims=(
            Claim(
                "value",
                "V(D, G) at the end; -log 4 where the generator has won",
                round(-math.log(4), 3),
                EXACT,
                0.05,
                "nats",
                "about",
            ),
            Claim(
                "best-discriminator",
                "mean |D(x) - D*(x)| over the data, at the end",
                0.0,
                EXACT,
                0.05,
                "probability",
                "at most",
            ),
            Claim(
                "divergence",
                "JSD(p, p_g) at the end; it was 0.17 at the start",
                0.0,
                EXACT,
                0.01,
                "nats",
                "at most",
            ),
            Claim(
                "inner-loop",
                "V(D, G) after the discriminator's steps, less -log 4 + 2 JSD(p, p_g)",
                0.0,
                EXACT,
                0.05,
                "nats",
                "about",
            ),
        ),
        minutes=1,
        protocol=(
            f"Algorithm 1: the minimax game, {K} steps of the discriminator for each of the "
            f"generator's {OPTIONS.steps}, batches of 256; data N(1, 0.5^2), z ~ N(0, 1), two "
            "layers of 32 tanh units a player; Adam in place of the paper's momentum, for fewer "
            "steps. Densities, V and JSD are by quadrature, without samples."
        ),
        run=reproduce_figure1,
    )
)
