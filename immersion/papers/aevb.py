"""Kingma & Welling 2014, Auto-Encoding Variational Bayes: the learned manifolds and samples."""

from pathlib import Path
from typing import Any

from PIL import Image

from immersion.engine import OptimizerSettings, Options
from immersion.models import VAE
from immersion.models.codes import sample_means
from immersion.nn import Architecture
from immersion.papers.study import Claim, Device, Measurement, Study, register
from immersion.papers.training import get_model, measure, train_run
from immersion.report.image_grid import make_grid
from immersion.runs.decoded_images import draw_manifold
from immersion.runs.load import Run

CITATION = (
    "D. P. Kingma, M. Welling, Auto-Encoding Variational Bayes, ICLR 2014, "
    "https://arxiv.org/abs/1312.6114"
)
RERUNS = "others' reruns with dense networks, as quoted; the paper prints no numbers"

PUBLISHED = {2: -137.1, 5: -113.0, 10: -98.4, 20: -94.8}
LATENTS = tuple(PUBLISHED)

PROTOCOL = (
    "The paper's networks (one hidden tanh layer: 500 units for MNIST, 200 for Frey Face), "
    "batches of 100, one draw; Adam instead of Adagrad; MNIST binarized dynamically, 50,000 "
    "training images, "
)
REDUCED = (
    "bfloat16 where native. A reduced schedule: 6 million training samples, where the paper's "
    "longest curves have 100."
)

MNIST_NET = Architecture("dense", width=500, depth=1, activation="tanh")
FREY_NET = Architecture("dense", width=200, depth=1, activation="tanh")
ADAM = OptimizerSettings(learning_rate=2e-3, schedule="linear")
"""The paper's networks, batch size and number of samples; Adam in place of Adagrad, because it
needs fewer steps."""

SHORT = Options(steps=60_000, batch_size=100, validate_every=5000)
"""6 million training samples: what two CPU cores do in minutes."""

LONG = Options(steps=1_000_000, batch_size=100, validate_every=50_000, precision="float32")
"""100 million training samples, as far as the axis of the paper's figure 2 goes: for a GPU."""

FREY = Options(steps=30_000, batch_size=100, validate_every=5000)


def train_mnist(out: Path, latent_dim: int, schedule: Options, device: Device) -> Run:
    """Train the paper's MNIST model with `latent_dim` dimensions."""
    arguments: dict[str, Any] = {
        "latent_dim": latent_dim,
        "architecture": MNIST_NET,
        "optimizer": ADAM,
    }
    return train_run(out / f"mnist-{latent_dim}", "vae", "mnist", schedule, device, **arguments)


def reproduce_figure4(out: Path, device: Device) -> dict[str, Measurement]:
    """Learn 2-D manifolds of MNIST and Frey Face and draw both."""
    digits = train_mnist(out, 2, SHORT, device)
    faces = train_run(
        out / "frey-2",
        "vae",
        "frey",
        FREY,
        device,
        latent_dim=2,
        likelihood="gaussian",
        architecture=FREY_NET,
        optimizer=ADAM,
    )
    draw_manifold(get_model(digits, VAE), 20).save(out / "aevb-fig4-mnist.png")
    draw_manifold(get_model(faces, VAE), 10).save(out / "aevb-fig4-frey.png")
    of_digits, of_faces = measure(digits, 500), measure(faces, 500)
    gain = of_faces["importance_weighted_bound"].value - of_faces["ppca_log_likelihood"].value
    return {
        "mnist-elbo": of_digits["elbo"],
        "mnist-log-likelihood": of_digits["importance_weighted_bound"],
        "frey-over-ppca": Measurement(gain, seconds=of_faces["elbo"].seconds),
    }


def reproduce_figure5(out: Path, device: Device) -> dict[str, Measurement]:
    """Train MNIST models with 2, 5, 10 and 20 latents and draw from each."""
    measured, pictures = {}, []
    for latent_dim in LATENTS:
        run = train_mnist(out, latent_dim, SHORT, device)
        measured[f"elbo-{latent_dim}"] = measure(run)["elbo"]
        pictures.append(make_grid(sample_means(get_model(run, VAE), 100, seed=0), columns=10))
    _join_pictures(pictures).save(out / "aevb-fig5.png")
    return measured


def reproduce_long_curves(out: Path, device: Device) -> dict[str, Measurement]:
    """Train figure 5's models on as many samples as the paper's longest curves."""
    return {
        f"elbo-{latent_dim}": measure(train_mnist(out, latent_dim, LONG, device))["elbo"]
        for latent_dim in LATENTS
    }


def _join_pictures(pictures: list[Image.Image], gap: int = 24) -> Image.Image:
    width = sum(picture.width for picture in pictures) + gap * (len(pictures) - 1)
    row = Image.new("RGB", (width, max(picture.height for picture in pictures)), "white")
    left = 0
    for picture in pictures:
        row.paste(picture, (left, 0))
        left += picture.width + gap
    return row


def claim_elbos(tolerance: float) -> tuple[Claim, ...]:
    """Return a claim for each number of latents."""
    return tuple(
        Claim(f"elbo-{d}", f"test ELBO, {d} latents", published, RERUNS, tolerance, "nats")
        for d, published in PUBLISHED.items()
    )


register(
    Study(
        name="aevb/fig4",
        title="2-D manifolds of MNIST and Frey Face through the inverse Gaussian CDF",
        citation=CITATION,
        claims=(
            Claim("mnist-elbo", "test ELBO, 2 latents", -137.1, RERUNS, 5.0, "nats"),
            Claim("mnist-log-likelihood", "test L_500, 2 latents", -135.7, RERUNS, 5.0, "nats"),
            Claim(
                "frey-over-ppca",
                "Frey Face: test L_500 above the log-likelihood of probabilistic PCA, 2 latents",
                0.0,
                "a curved manifold must fit better than the best plane",
                0.0,
                "nats",
            ),
        ),
        minutes=12,
        protocol=PROTOCOL + REDUCED,
        run=reproduce_figure4,
    )
)

register(
    Study(
        name="aevb/fig5",
        title="Samples of MNIST models with 2, 5, 10 and 20 latents",
        citation=CITATION,
        claims=claim_elbos(5.0),
        minutes=30,
        protocol=PROTOCOL + REDUCED,
        run=reproduce_figure5,
    )
)

register(
    Study(
        name="aevb/long",
        title="Figure 5's models on 100 million training samples each",
        citation=CITATION,
        claims=claim_elbos(3.0),
        minutes=450,
        protocol=PROTOCOL + "float32.",
        run=reproduce_long_curves,
    )
)
