"""Denoising learnt from noisy pictures alone, compared with the same network and clean ones."""

from pathlib import Path
from typing import cast

from immersion.data.dataset import to_float
from immersion.data.patches import PatchSplit
from immersion.data.restoration import load_pictures
from immersion.engine import Options
from immersion.evaluation.translators import evaluate_translator
from immersion.image_io import Picture, to_levels, write
from immersion.imaging.noise import add_gaussian
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.papers.study import Claim, Device, Measurement, Study, register
from immersion.papers.training import describe_amount, train_run
from immersion.pretrained.resolve import image_model_of
from immersion.random import use_seed
from immersion.runs.load import Run
from immersion.tasks.denoise import Denoise

CITATION = (
    "T. Huang, S. Li, X. Jia, H. Lu, J. Liu, Neighbor2Neighbor: Self-Supervised Denoising from "
    "Single Noisy Images, CVPR 2021, https://arxiv.org/abs/2101.02824"
)
SIGMA = 25.0
OPTIONS = Options(steps=12_000, batch_size=4, validate_every=0, log_every=500)
SIDE = 48
"""Side of the network's input in training; a noisy patch is twice as wide, and halved."""


def compare_trainings(out: Path, device: Device) -> dict[str, Measurement]:
    """Train one denoiser from clean pictures and one from noisy ones; evaluate both on Set12."""
    arguments = {"translation": ImageToImageArchitecture("restorer", depth=6)}
    taught = train_run(
        out / "taught",
        "denoise",
        str(write_photographs(out / "clean", 0.0)),
        OPTIONS,
        device,
        size=SIDE,
        task=Denoise(strength=(SIGMA, SIGMA)),
        **arguments,
    )
    alone = train_run(
        out / "alone",
        "denoise",
        str(write_photographs(out / "noisy", SIGMA)),
        OPTIONS,
        device,
        size=2 * SIDE,
        task=Denoise(targets="noisy"),
        **arguments,
    )
    before, after = measure_psnr(alone)
    return {"clean": measure_psnr(taught)[1], "alone": after, "before": before}


def write_photographs(folder: Path, sigma: float) -> Path:
    """Write pictures with noise, one file each, and return the folder; existing files stay."""
    pictures = cast(PatchSplit, load_pictures("bsds500-grey").train).pictures
    for number, levels in enumerate(pictures):
        path = folder / f"{number:03d}.png"
        if path.exists():
            continue
        with use_seed(0, "noise", number):
            x = add_gaussian(to_float(levels, "unit").unsqueeze(0), sigma / 255)
        write(Picture(to_levels(x.squeeze(0).clamp(0, 1), 16)), path)
    return folder


def measure_psnr(run: Run) -> tuple[Measurement, Measurement]:
    """Return the PSNR on Set12, before and after, at the sigma that was learnt."""
    estimates = evaluate_translator(image_model_of(run), "set12")["estimates"]
    found = (estimates[f"sigma_{SIGMA:g}"][name] for name in ("psnr_before", "psnr"))
    before, after = (Measurement(e["value"], e["standard_error"]) for e in found)
    return before, after


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
            "308 Berkeley photographs in grey for both, and of the noisy ones nothing else: "
            "Gaussian noise of sigma 25 added once, clipped and stored with 16 bits; a restorer "
            "of 6 residual blocks of 64 channels, that is shown nothing of the noise, "
            f"{describe_amount(OPTIONS)}, of which a network sees {SIDE} x {SIDE}. Set12's noise "
            "is not clipped, seed 0 for each picture; the output rounded to 256 levels."
        ),
        run=compare_trainings,
    )
)
