"""MNIST with dynamic binarization and 20 latents: the one-sample test ELBO in half an hour."""

from pathlib import Path

from immersion.engine import OptimizerSettings, Options
from immersion.nn import Architecture
from immersion.papers.study import Claim, Device, Measurement, Study, register
from immersion.papers.training import measure, train_run

PAPER_NET = Architecture("dense", width=500, depth=1, activation="tanh")
DECAY = OptimizerSettings(learning_rate=2e-3, schedule="linear")
OPTIONS = Options(steps=60_000, batch_size=200, validate_every=5000)
USUAL = Options(steps=20_000, validate_every=1000)


def measure_elbos(out: Path, device: Device) -> dict[str, Measurement]:
    """Train the paper's net, the default network as long, and the recipe's own settings."""
    paper = train_run(
        out / "paper-net", "vae", "mnist", OPTIONS, device, architecture=PAPER_NET, optimizer=DECAY
    )
    default = train_run(out / "default", "vae", "mnist", OPTIONS, device, optimizer=DECAY)
    untouched = train_run(out / "untouched", "vae", "mnist", USUAL, device)
    runs = {"paper-net": paper, "default": default, "untouched": untouched}
    return {name: measure(run)["elbo"] for name, run in runs.items()}


register(
    Study(
        name="mnist-elbo",
        title="One-sample test ELBO of MNIST, dynamic binarization, 20 latents",
        citation="A target of this project, not of a paper.",
        claims=(
            Claim("paper-net", "one hidden layer of 500 tanh units", -96, "target", 0, "nats"),
            Claim("default", "the default dense network", -92, "target", 0, "nats"),
            Claim(
                "untouched",
                "immersion train vae --data mnist --steps 20000",
                -92,
                "target",
                0,
                "nats",
            ),
        ),
        minutes=45,
        protocol=(
            "50,000 training images, 60,000 steps of 200, Adam with a linear decay from 0.002 "
            "(the command without flags: 20,000 steps, from 0.001); the 10,000 test images are "
            "binarized once and each code is drawn once."
        ),
        run=measure_elbos,
    )
)
