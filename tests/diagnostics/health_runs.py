"""Small adversarial games that go well, or wrong on purpose: what the diagnosis is calibrated on.

`python tests/diagnostics/health_runs.py` plays them all again, a minute each, and writes
the input of the tests, health_runs.json: for each run some lines of its metrics; precision,
recall, coverage and modes of its samples; and how far its discriminator overfits.
"""

import json
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from immersion.data import load, standardise, to_original_units
from immersion.data.dataset import MemorySplit
from immersion.data.synthetic import RING
from immersion.engine import Experiment, OptimizerSettings, Options, Player, train
from immersion.metrics.samples.coverage import compute_coverage
from immersion.metrics.samples.memorisation import (
    compute_discriminator_overfitting,
    compute_memorisation,
)
from immersion.metrics.samples.modes import count_mixture_modes
from immersion.models import GAN, Discriminator
from immersion.nn import Architecture
from immersion.objectives import DiscriminatorLoss, GeneratorLoss
from immersion.objectives.games import GAMES
from immersion.objectives.penalties import Penalties
from immersion.priors import StandardNormal
from immersion.random import use_seed
from immersion.run_folder import RunFolder
from immersion.spec import Spec

FILE = Path(__file__).with_suffix(".json")

KEPT = 18
"""Lines kept of each run."""

READ = ("accuracy", "value", "loss", "penalty", "real", "fake", "gradient_norm")
"""Terms of the discriminator that are kept."""

USUAL = OptimizerSettings(learning_rate=2e-4, schedule="constant", momentum=0.5)
FASTER = replace(USUAL, learning_rate=1e-3)
MEDIUM = replace(USUAL, learning_rate=5e-4)
HEAVY = OptimizerSettings("sgd", 0.1, "constant", momentum=0.95, final_momentum=0.95)


@dataclass(frozen=True)
class Setting:
    """One game between two dense networks of two hidden layers of 64 units."""

    finding: str
    data: str = "digits"
    steps: int = 800
    game: str = "non-saturating"
    optimizer: OptimizerSettings = USUAL
    rate: float = 1.0
    turns: int = 1
    penalties: Penalties = field(default_factory=Penalties)
    updates: str = "alternating"
    latent_dim: int = 8


HEALTHY = "healthy"
WON, WEAK = "the discriminator has won", "the discriminator is too weak"
MEMORISES, OSCILLATION, DIVERGING = "the discriminator memorises", "oscillation", "diverging"

SETTINGS = {
    "digits": Setting(HEALTHY, steps=1200),
    "digits, R1": Setting(HEALTHY, steps=1200, penalties=Penalties(r1=1.0)),
    "digits, relativistic": Setting(
        HEALTHY, game="relativistic", penalties=Penalties(1.0, 1.0), optimizer=MEDIUM
    ),
    "digits, Wasserstein": Setting(
        HEALTHY,
        game="wasserstein",
        penalties=Penalties(gradient_penalty=10.0),
        optimizer=MEDIUM,
        turns=3,
    ),
    "digits, hinge": Setting(HEALTHY, game="hinge"),
    "digits, least squares": Setting(HEALTHY, game="least-squares"),
    "ring, R1": Setting(
        HEALTHY, "ring", 1200, optimizer=FASTER, penalties=Penalties(r1=0.1), latent_dim=2
    ),
    "ring, relativistic": Setting(
        HEALTHY, "ring", 1200, "relativistic", FASTER, penalties=Penalties(0.1, 0.1), latent_dim=2
    ),
    "50 times the rate": Setting(WON, steps=1200, rate=50.0),
    "20 moves a step": Setting(WON, steps=250, turns=20),
    "a ten-thousandth of the rate": Setting(WEAK, steps=1200, rate=1e-4),
    "R1 of 4000": Setting(WEAK, penalties=Penalties(r1=4000.0)),
    "32 examples": Setting(MEMORISES, "normal", 400, optimizer=FASTER, latent_dim=16),
    "ring, Wasserstein, no penalty": Setting(
        OSCILLATION,
        "ring",
        1200,
        "wasserstein",
        replace(FASTER, momentum=0.9),
        latent_dim=2,
    ),
    "Wasserstein, no penalty": Setting(
        DIVERGING, steps=1200, game="wasserstein", optimizer=replace(USUAL, learning_rate=2e-3)
    ),
    "Wasserstein, no penalty, slow": Setting(DIVERGING, steps=1200, game="wasserstein"),
    "heavy momentum": Setting(
        WEAK, "ring", 1200, optimizer=HEAVY, updates="simultaneous", latent_dim=2
    ),
}


class Scaled(nn.Module):
    """A generator that samples from N(0, I) itself, but for a scale that it may learn."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(16))

    def forward(self, z: Tensor) -> Tensor:
        return self.scale * z


def experiment(setting: Setting, spec: Spec) -> Experiment:
    levels = spec.values == "unit"
    critic = Architecture("dense", 64, 2, "relu").build(spec.shape, (1,))
    generator = Architecture("dense", 64, 2, "relu").build((setting.latent_dim,), spec.shape)
    if levels:
        generator = nn.Sequential(generator, nn.Sigmoid())
    slow = setting.optimizer
    if setting.data == "normal":
        generator, slow = Scaled(), replace(slow, learning_rate=1e-4)
    prior = StandardNormal(setting.latent_dim)
    model = GAN(generator, Discriminator(critic, levels=levels), prior, setting.latent_dim)
    rules, rate = GAMES[setting.game](), setting.rate * setting.optimizer.learning_rate
    first = Player(
        "discriminator",
        list(critic.parameters()),
        DiscriminatorLoss(rules, setting.penalties),
        replace(setting.optimizer, learning_rate=rate),
        setting.turns,
    )
    second = Player("generator", list(generator.parameters()), GeneratorLoss(rules), slow)
    return Experiment(model, (first, second), updates=setting.updates, batch_size=64)


@dataclass(frozen=True)
class Few:
    """32 training examples of N(0, I) in 16 dimensions, and 500 held out."""

    spec: Spec
    train: MemorySplit
    validation: MemorySplit
    test: MemorySplit

    @classmethod
    def sample(cls) -> "Few":
        x = torch.randn(1032, 16, generator=torch.manual_seed(0))
        parts = (MemorySplit(part, None, "real") for part in x.split([32, 500, 500]))
        return cls(Spec("normal", (16,), "real"), *parts)


def play(setting: Setting, path: Path) -> dict[str, object]:
    """Return the record of one run."""
    data = Few.sample() if setting.data == "normal" else standardise(load(setting.data))
    with use_seed(0, "weights"):
        game = experiment(setting, data.spec)
    size = min(64, len(data.train))
    options = Options(
        steps=setting.steps,
        batch_size=size,
        log_every=20,
        validate_every=0,
        precision="float32",
    )
    folder = RunFolder(path)
    train(game, data, folder, options)
    return {"rows": excerpt(folder.metrics()), "estimates": measure(game.model, data)}


def excerpt(rows: list[dict]) -> list[dict]:
    """Return evenly spaced training lines, their numbers of four digits."""
    lines = [row for row in rows if row["split"] == "train"]
    return [
        {
            name: float(f"{value:.4g}") if isinstance(value, float) else value
            for name, value in row.items()
            if name in ("step", "split") or name.removeprefix("discriminator/") in READ
        }
        for row in lines[:: max(1, len(lines) // KEPT)]
    ]


@torch.no_grad()
def measure(model: GAN, data) -> dict[str, float]:
    """Return the measures of 500 samples that the diagnosis reads."""
    model.eval().cpu()
    test = data.test.batch(torch.arange(min(500, len(data.test))))[0]
    with use_seed(0, "draws"):
        x = model.generate(model.sample_codes(len(test), None))
    known = data.train.batch(torch.arange(len(data.train)))[0]
    found = compute_coverage(test.flatten(1), x.flatten(1)) | compute_memorisation(x, test, known)
    overfitting = compute_discriminator_overfitting(
        *(model.discriminator(part, None) for part in (known, test, x))
    )
    if overfitting is not None:
        found["discriminator_overfitting"] = overfitting
    if data.spec.name == "ring":
        found |= count_mixture_modes(to_original_units(x, data.spec), RING.means, RING.sigma)
    return {name: float(f"{estimate.value:.4g}") for name, estimate in found.items()}


def main() -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        runs = {
            name: {"finding": setting.finding, **play(setting, Path(place) / name)}
            for name, setting in SETTINGS.items()
        }
    lines = [f"{json.dumps(name)}: {json.dumps(run)}" for name, run in runs.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
