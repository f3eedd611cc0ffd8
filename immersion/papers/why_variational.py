"""Why variational? Reconstruction only, KL only, both: three latent spaces of MNIST."""

from pathlib import Path
from typing import Literal

import torch
from sklearn.decomposition import PCA

from immersion.engine import OptimizerSettings, Options
from immersion.metrics import compute_frechet_distance
from immersion.models import VAE
from immersion.objectives import ELBO
from immersion.papers.study import Claim, Device, Measurement, Study, register
from immersion.papers.training import get_model, measure, train_run
from immersion.random import use_seed
from immersion.runs.load import Run

Keep = Literal["reconstruction", "kl", "both"]
TITLES: dict[Keep, str] = {
    "reconstruction": "reconstruction only",
    "kl": "KL only",
    "both": "both: the ELBO",
}
KEEP = tuple(TITLES)
OPTIONS = Options(steps=15_000, batch_size=100, validate_every=5000)
FEATURES = 50
DRAWN = 10_000


def compare_terms(out: Path, device: Device) -> dict[str, Measurement]:
    """Train the three, draw their latent scatters side by side and measure what each lacks."""
    runs = {
        keep: train_run(
            out / keep,
            "vae",
            "mnist",
            OPTIONS,
            device,
            latent_dim=2,
            objective=ELBO(keep=keep),
            optimizer=OptimizerSettings(schedule="linear"),
        )
        for keep in KEEP
    }
    _draw_scatters(runs, out / "why-variational.png")
    numbers = {keep: measure(run) for keep, run in runs.items()}
    distance = {keep: _compute_sample_distance(run) for keep, run in runs.items()}
    error = {keep: numbers[keep]["squared_error"].value for keep in KEEP}
    return {
        "reconstruction-kl": numbers["reconstruction"]["kl"],
        "reconstruction-samples": Measurement(distance["reconstruction"] / distance["both"]),
        "kl-kl": numbers["kl"]["kl"],
        "kl-error": Measurement(error["kl"] / error["both"]),
        "both-kl": numbers["both"]["kl"],
        "both-error": Measurement(error["both"] / error["reconstruction"]),
    }


def _compute_sample_distance(run: Run) -> float:
    """Return the Frechet distance of samples to test images, on PCA features of pixels.

    Protocol: 10,000 samples x ~ p(x|z), z ~ N(0, I), against the 10,000 binarized test images,
    both projected on the 50 leading principal directions of the test images.
    """
    with torch.no_grad(), use_seed(0, "why-variational"):
        test, _ = run.data.test.batch(torch.arange(DRAWN))
        model = get_model(run, VAE)
        drawn = model.decode(model.prior().sample((DRAWN,))).sample()
    pca = PCA(FEATURES, random_state=0).fit(test.flatten(1).numpy())
    a, b = (torch.from_numpy(pca.transform(x.flatten(1).numpy())) for x in (test, drawn))
    return compute_frechet_distance(a, b)


def _draw_scatters(runs: dict[Keep, Run], file: Path) -> None:
    """Draw a code z ~ q(z|x) of each of 5,000 test images, coloured by digit, three in a row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13.5, 4.4), layout="constrained")
    for axes, (keep, run) in zip(figure.subplots(1, len(runs)), runs.items(), strict=True):
        x, y = run.data.test.batch(torch.arange(5000))
        with torch.no_grad(), use_seed(0, "why-variational"):
            codes = get_model(run, VAE).encode(x).sample()
        points = axes.scatter(
            *codes.T.numpy(), c=None if y is None else y.numpy(), cmap="tab10", s=4, linewidths=0
        )
        axes.set_title(TITLES[keep])
        axes.set_aspect("equal", "datalim")
    figure.legend(*points.legend_elements(), loc="outside right center", title="digit")
    figure.savefig(file, dpi=110)


ARGUMENT = "the argument, as an inequality"

register(
    Study(
        name="why-variational",
        title="Reconstruction only, KL only, both: three 2-D latent spaces of MNIST",
        citation="After Kingma & Welling 2014, https://arxiv.org/abs/1312.6114",
        claims=(
            Claim(
                "reconstruction-kl",
                "reconstruction only: KL to the prior, far above both's",
                20.0,
                ARGUMENT,
                0.0,
                "nats",
            ),
            Claim(
                "reconstruction-samples",
                "reconstruction only: Frechet distance of prior samples to test images (50 "
                "principal components of pixels), as a multiple of both's",
                1.5,
                ARGUMENT,
                0.0,
                "times",
            ),
            Claim(
                "kl-kl",
                "KL only: KL to the prior; its minimum is 0, with q(z|x) = p(z) for all x",
                0.0,
                "exact",
                0.05,
                "nats",
                "at most",
            ),
            Claim(
                "kl-error",
                "KL only: squared reconstruction error, as a multiple of both's",
                1.5,
                ARGUMENT,
                0.0,
                "times",
            ),
            Claim("both-kl", "both: KL to the prior", 4.0, ARGUMENT, 0.0, "nats"),
            Claim(
                "both-error",
                "both: squared reconstruction error, as a multiple of reconstruction only's",
                1.5,
                ARGUMENT,
                0.0,
                "times",
                "at most",
            ),
        ),
        minutes=8,
        protocol=(
            "The default dense network, 2 latents, 15,000 steps of 100, dynamic binarization; the "
            "three differ in which of the two terms the loss keeps."
        ),
        run=compare_terms,
    )
)
