"""MNIST with dynamic binarization and 20 latents: the one-sample test ELBO in half an hour."""

from pathlib import Path

from immersion.engine import Optimiser, Options
from immersion.nn import Architecture
from immersion.papers.study import Claim, Measurement, Study, register
from immersion.papers.training import measure, trained

PAPER_NET = Architecture("dense", width=500, depth=1, activation="tanh")
DECAY = Optimiser(learning_rate=2e-3, schedule="linear")
OPTIONS = Options(steps=60_000, validate_every=5000)


def run(out: Path, device: str) -> dict[str, Measurement]:
    """Train the paper's one-layer net and the default dense recipe; measure both."""
    paper = trained(
        out / "paper-net", "vae", "mnist", OPTIONS, device, architecture=PAPER_NET, optimiser=DECAY
    )
    default = trained(out / "default", "vae", "mnist", OPTIONS, device, optimiser=DECAY)
    return {"paper-net": measure(paper)["elbo"], "default": measure(default)["elbo"]}


register(
    Study(
        name="mnist-elbo",
        title="One-sample test ELBO of MNIST, dynamic binarization, 20 latents",
        citation="A target of this project, not of a paper.",
        claims=(
            Claim("paper-net", "one hidden layer of 500 tanh units", -96, "target", 0, "nats"),
            Claim("default", "the default dense network", -92, "target", 0, "nats"),
        ),
        minutes=60,
        protocol=(
            "50,000 training images, 60,000 steps of 200, Adam with a linear decay from 0.002; "
            "the 10,000 test images are binarized once and each code is drawn once."
        ),
        run=run,
    )
)
