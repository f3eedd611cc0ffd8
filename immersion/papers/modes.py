"""Mode coverage: does a game find every kind of example that the data have, and as often?

The protocols of PacGAN's tables (Lin et al. 2018, https://arxiv.org/abs/1712.04086).
"""

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from immersion.data import to_original_units
from immersion.engine import OptimizerSettings, Options
from immersion.evaluation.samples import count_modes
from immersion.models import GAN
from immersion.models.sampling import draw_samples
from immersion.nn import Architecture
from immersion.objectives.penalties import Penalties
from immersion.papers.study import Claim, Device, Measurement, Sense, Study, register
from immersion.papers.training import get_model, train_run
from immersion.report.image_grid import make_grid
from immersion.runs.load import Run

CITATION = (
    "Z. Lin, A. Khetan, G. Fanti, S. Oh, PacGAN: The power of two samples in generative "
    "adversarial networks, NeurIPS 2018, https://arxiv.org/abs/1712.04086"
)
PACGAN = "PacGAN2 in table 1 or 3 of the paper"
ASKED = "a target of this project"

RUNS = 10
"""Seeds of the mixtures, as many as the paper's."""

STACKED_RUNS = 3
"""Seeds of the stacked digits, of which one takes half an hour of a core."""

ADAM = OptimizerSettings(learning_rate=1e-3, schedule="cosine", momentum=0.0, beta2=0.99)
POINTS = {
    "latent_dim": 2,
    "architecture": Architecture("dense", width=128, depth=3, activation="relu"),
}
RELATIVISTIC = {**POINTS, "penalties": Penalties(r1=3e-4, r2=3e-4), "optimizer": ADAM}
MINIMAX = {
    **POINTS,
    "game": "minimax",
    "penalties": Penalties(),
    "optimizer": OptimizerSettings(learning_rate=2e-4, schedule="cosine", momentum=0.5),
}
STEPS = 9000

GAMES: dict[str, Mapping[str, Any]] = {"relativistic": RELATIVISTIC, "minimax": MINIMAX}


Found = dict[str, float]


def measure_modes(run: Run, samples: int) -> Found:
    """Return modes, high_quality (of points) and reverse_kl of a run's samples."""
    found = count_modes(run, draw_samples(get_model(run, GAN), samples, seed=0))
    return {name: estimate.value for name, estimate in found.items()}


def measure_mixture(name: str, out: Path, device: Device) -> dict[str, Measurement]:
    """Train both games from several seeds on a mixture; return means and their errors."""
    measured = {}
    for game, arguments in GAMES.items():
        runs = [
            train_run(
                out / f"{game}-{seed}", "gan", name, _mixture_options(seed), device, **arguments
            )
            for seed in range(RUNS)
        ]
        for what, value in _average_runs([measure_modes(run, 10_000) for run in runs]).items():
            measured[f"{game}-{what}"] = value
        clouds = [
            to_original_units(draw_samples(get_model(run, GAN), 2000, seed=0), run.spec)
            for run in runs
        ]
        _draw_scatter(clouds, game, out / f"modes-{name}-{game}.png")
    return measured


def _mixture_options(seed: int) -> Options:
    return Options(
        steps=STEPS,
        batch_size=256,
        seed=seed,
        validate_every=0,
        precision="float32",
        log_every=500,
    )


def _average_runs(found: list[Found]) -> dict[str, Measurement]:
    """Return the mean over runs of each number, with its standard error over runs."""
    values = {name: torch.tensor([each[name] for each in found]) for name in found[0]}
    return {
        name: Measurement(each.mean().item(), each.std().item() / math.sqrt(len(each)))
        for name, each in values.items()
    }


def _draw_scatter(clouds: list[Tensor], game: str, file: Path) -> None:
    """Draw the samples of each run, five in a row."""
    from matplotlib.figure import Figure

    rows = -(-len(clouds) // 5)
    figure = Figure(figsize=(10, 2 * rows + 0.3), layout="constrained")
    for axes, cloud in zip(figure.subplots(rows, 5).flat, clouds, strict=True):
        axes.scatter(*cloud.T.numpy(), s=2, linewidths=0, alpha=0.5)
        axes.set_aspect("equal", "datalim")
        axes.set_xticks([])
        axes.set_yticks([])
    figure.suptitle(f"{game}: 2,000 samples of each of {len(clouds)} runs")
    figure.savefig(file, dpi=110)


class Published(NamedTuple):
    """A column of PacGAN's table: modes, high quality and reverse KL."""

    modes: float
    high_quality: float
    reverse_kl: float


def make_mixture_claims(
    count: int, quality: tuple[float, str, Sense], pacgan: Published, gan: Published
) -> tuple[Claim, ...]:
    """Return the claims on a mixture of `count` Gaussians.

    Args:
        count: Number of modes.
        quality: Claim on high quality: the share, its source and its sense.
        pacgan: PacGAN2's numbers.
        gan: The plain GAN's.
    """
    share, source, sense = quality
    return (
        Claim("relativistic-modes", "modes found", count, ASKED, 0, "modes"),
        Claim(
            "relativistic-high_quality",
            "samples within 3 sigma of a mode; of the data 0.989",
            share,
            source,
            0,
            "share",
            sense,
        ),
        Claim(
            "relativistic-reverse_kl",
            f"reverse KL over modes (PacGAN2 finds {pacgan.modes:g} modes)",
            pacgan.reverse_kl,
            PACGAN,
            0,
            "nats",
            "at most",
        ),
        Claim(
            "minimax-modes",
            "the minimax game in the same run: modes found",
            gan.modes,
            "GAN in the same table, with other networks",
            0,
            "modes",
            "beside",
        ),
        Claim(
            "minimax-high_quality",
            "the minimax game in the same run: samples within 3 sigma of a mode",
            gan.high_quality,
            "GAN in the same table, with other networks",
            0,
            "share",
            "beside",
        ),
        Claim(
            "minimax-reverse_kl",
            "the minimax game in the same run: reverse KL over modes",
            gan.reverse_kl,
            "GAN in the same table, with other networks",
            0,
            "nats",
            "beside",
        ),
    )


PROTOCOL = (
    f"{RUNS} runs, as in the paper, 100,000 training points, dense networks of 3 x 128, 9,000 "
    "steps of 256, averaged weights; 10,000 samples; errors are over runs. Adam's learning rate "
    "and decays are 0.001, 0 and 0.99 in the relativistic game, DCGAN's 0.0002, 0.5 and 0.999 in "
    "the minimax game."
)

RING = make_mixture_claims(
    8, (0.95, ASKED, "at least"), Published(7.9, 0.956, 0.07), Published(6.3, 0.982, 0.45)
)
GRID = make_mixture_claims(
    25, (0.913, PACGAN, "beside"), Published(23.8, 0.913, 0.13), Published(17.3, 0.948, 0.70)
)

for _name, _count, _claims in (("ring", 8, RING), ("grid", 25, GRID)):
    register(
        Study(
            name=f"modes/{_name}",
            title=f"A {_name} of {_count} Gaussians: are all modes found?",
            citation=CITATION,
            claims=_claims,
            minutes=30,
            protocol=PROTOCOL,
            run=partial(measure_mixture, _name),
        )
    )

CONVOLUTIONS = Architecture("dcgan", width=32)
STACKS: dict[str, Mapping[str, Any]] = {
    "relativistic": {
        "architecture": CONVOLUTIONS,
        "penalties": Penalties(r1=4.0, r2=4.0, share=0.25),
    },
    "dcgan": {
        "architecture": CONVOLUTIONS,
        "game": "non-saturating",
        "penalties": Penalties(),
        "optimizer": OptimizerSettings(learning_rate=2e-4, schedule="constant", momentum=0.5),
    },
}


def measure_stacked(out: Path, device: Device) -> dict[str, Measurement]:
    """Train both games from several seeds on triples of digits; count the triples they draw."""
    measured = {}
    for game, arguments in STACKS.items():
        runs = [
            train_run(
                out / f"{game}-{seed}",
                "gan",
                "stacked-mnist",
                _stack_options(seed),
                device,
                **arguments,
            )
            for seed in range(STACKED_RUNS)
        ]
        for what, value in _average_runs([measure_modes(run, 26_000) for run in runs]).items():
            measured[f"{game}-{what}"] = value
        picture = make_grid(draw_samples(get_model(runs[0], GAN), 100, seed=0), columns=10)
        picture.save(out / f"modes-stacked-mnist-{game}.png")
    return measured


def _stack_options(seed: int) -> Options:
    return Options(steps=12_000, batch_size=64, seed=seed, validate_every=0, log_every=500)


register(
    Study(
        name="modes/stacked-mnist",
        title="1,000 triples of digits: are all modes found?",
        citation=CITATION,
        claims=(
            Claim("relativistic-modes", "modes found", 1000, PACGAN, 0, "modes"),
            Claim(
                "relativistic-reverse_kl",
                "reverse KL over modes; 26,000 samples of the data themselves measure 0.019",
                0.06,
                PACGAN,
                0,
                "nats",
                "at most",
            ),
            Claim(
                "dcgan-modes",
                "DCGAN in the same run: modes found",
                99,
                "DCGAN in the same table, with other networks and more steps",
                0,
                "modes",
                "beside",
            ),
            Claim(
                "dcgan-reverse_kl",
                "DCGAN in the same run: reverse KL over modes",
                3.40,
                "DCGAN in the same table, with other networks and more steps",
                0,
                "nats",
                "beside",
            ),
        ),
        minutes=90,
        protocol=(
            f"{STACKED_RUNS} runs (the paper has 10); errors are over runs. 128,000 training "
            "images; DCGAN's networks with 32 channels, 12,000 steps of 64, averaged weights; "
            "26,000 samples, told apart by this package's own network of digits. The relativistic "
            "game has penalties R1 and R2 on a quarter of each batch."
        ),
        run=measure_stacked,
    )
)
