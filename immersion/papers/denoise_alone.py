"""Denoising learnt from noisy pictures alone, beside the same network taught by clean ones."""

from pathlib import Path

from immersion.commands.networks import Network
from immersion.commands.translation_quality import translation_quality
from immersion.data.dataset import to_float
from immersion.data.pictures import load_pictures
from immersion.engine import Options
from immersion.imaging.noise import gaussian
from immersion.loading import Run
from immersion.nn.translation import Translation
from immersion.papers.study import Claim, Measurement, Study, register
from immersion.papers.training import trained
from immersion.pictures import Picture, to_levels, write
from immersion.random import seeded
from immersion.tasks.denoise import Denoise

CITATION = (
    "T. Huang, S. Li, X. Jia, H. Lu, J. Liu, Neighbor2Neighbor: Self-Supervised Denoising from "
    "Single Noisy Images, CVPR 2021, https://arxiv.org/abs/2101.02824"
)
SIGMA = 25.0
OPTIONS = Options(steps=12_000, batch_size=4, validate_every=0, log_every=500)
SIDE = 48
"""Of what a network sees in training; a noisy patch is twice as wide, and halved."""


def alone(out: Path, device: str) -> dict[str, Measurement]:
    """Train one denoiser from clean pictures and one from noisy ones; judge both on Set12."""
    arguments = {"translation": Translation(depth=6)}
    known = Denoise(strength=(SIGMA, SIGMA))
    clean = trained(
        out / "clean", "denoise", "bsds500-grey", OPTIONS, device, task=known, **arguments
    )
    folder = str(noisy(out / "noisy"))
    learnt = Denoise(learn="noisy")
    own = trained(
        out / "alone", "denoise", folder, OPTIONS, device, size=2 * SIDE, task=learnt, **arguments
    )
    return {"clean": judged(clean), "alone": judged(own), "before": judged(own, "psnr_before")}


def noisy(folder: Path) -> Path:
    """Return a folder with the noisy pictures, one file each; what is there is left as it is."""
    pictures = load_pictures("bsds500-grey").train.pictures
    for number, levels in enumerate(pictures):
        path = folder / f"{number:03d}.png"
        if path.exists():
            continue
        with seeded(0, "noise", number):
            x = gaussian(to_float(levels, "unit").unsqueeze(0), SIGMA / 255)
        write(Picture(to_levels(x.squeeze(0).clamp(0, 1), 16)), path)
    return folder


def judged(run: Run, measure: str = "psnr") -> Measurement:
    """Return a PSNR on Set12 at the sigma that was learnt."""
    estimates = translation_quality(Network.of(run), "set12")["estimates"]
    found = estimates[f"{measure}_sigma_{SIGMA:g}"]
    return Measurement(found["value"], found["standard_error"])


TARGET = "a target of this project"

register(
    Study(
        name="denoise/alone",
        title="A denoiser that never saw a clean picture",
        citation=CITATION,
        claims=(
            Claim(
                "alone",
                "Set12, sigma 25: learnt from noisy pictures alone",
                28.0,
                TARGET,
                0,
                "dB",
            ),
            Claim(
                "clean",
                "the same network and steps, learnt from clean pictures",
                28.5,
                TARGET,
                0,
                "dB",
            ),
            Claim("before", "the noisy pictures", 20.2, "sigma 25", 0.1, "dB", "beside"),
        ),
        minutes=15,
        protocol=(
            "384 Berkeley photographs in grey, each with Gaussian noise of sigma 25 added once, "
            "clipped and stored with 16 bits; 6 residual blocks of 64 channels, 12,000 steps of 4 "
            "patches, of which a network sees 48 x 48. Set12's noise is not clipped, seed 0 for "
            "each picture; the output rounded to 256 levels."
        ),
        run=alone,
    )
)
