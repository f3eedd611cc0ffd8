"""Denoising grey photographs: the tables of DnCNN and FFDNet, by one blind network."""

import math
from pathlib import Path

from immersion.engine import Options
from immersion.evaluation.translators import evaluate_translator
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.papers.study import Claim, Device, Measurement, Sense, Study, register
from immersion.papers.training import describe_amount, train_run
from immersion.pretrained.resolve import image_model_of
from immersion.report.curves import draw_curves
from immersion.runs.load import Run

CITATION = (
    "K. Zhang, W. Zuo, L. Zhang, FFDNet: Toward a Fast and Flexible Solution for CNN-Based Image "
    "Denoising, IEEE Transactions on Image Processing 2018, https://arxiv.org/abs/1710.04026"
)
FFDNET = "FFDNet, tables II and III, as quoted"
"""Its network receives sigma; one network for all strengths, as ours, which is blind."""

PUBLISHED = {
    ("set12", 15): 32.75,
    ("set12", 25): 30.43,
    ("set12", 50): 27.32,
    ("bsd68", 15): 31.63,
    ("bsd68", 25): 29.19,
    ("bsd68", 50): 26.29,
}

CLAIMED, LEAST, TARGET = ("set12", 25), 29.8, "a target of this project for two hours of a CPU"
"""Set and sigma of the claim, its PSNR in dB, and its source."""

SIDE = 48
"""Side of the patches."""

SHORT = Options(steps=260_000, batch_size=4, validate_every=0, log_every=1000)
"""Many small steps: at equal time, four patches a step are 1.1 dB above 32 after five minutes."""

LONG = Options(steps=150_000, batch_size=64, validate_every=0, log_every=500)

PROTOCOL = (
    "One network, blind, for sigma 0 to 75: what it is shown of the noise it measures itself. "
    f"Trained on patches of {SIDE} x {SIDE} of 384 Berkeley photographs, none of them in BSD68. "
    "Unclipped Gaussian noise, seed 0 for each picture; the output rounded to 256 levels; no "
    "crop. "
)


def measure_table(
    out: Path, device: Device, options: Options, depth: int
) -> dict[str, Measurement]:
    """Train a blind denoiser of grey pictures and evaluate it on Set12 and BSD68."""
    run = train_run(
        out / "grey",
        "denoise",
        "bsds500-grey",
        options,
        device,
        size=SIDE,
        translation=ImageToImageArchitecture("noise-aware", depth=depth),
    )
    (out / f"denoise-{out.name}-curve.svg").write_text(draw_curve(run))
    return measure_psnr(run)


def draw_curve(run: Run) -> str:
    """Return a chart of the PSNR of training patches, of noise of all strengths, against steps."""
    rows = [
        {
            "step": row["step"],
            "split": row["split"],
            "PSNR_of_training_patches_in_dB": -10 * math.log10(row["squared_error"]),
        }
        for row in run.folder.metrics()
    ]
    return draw_curves(rows)


def measure_psnr(run: Run) -> dict[str, Measurement]:
    """Return PSNR on both sets at three strengths, and the coverage of the intervals."""
    measured = {}
    for name in ("set12", "bsd68"):
        estimates = evaluate_translator(image_model_of(run), name)["estimates"]
        for sigma in (15, 25, 50):
            psnr = estimates[f"sigma_{sigma}"]["psnr"]
            measured[f"{name}-{sigma}"] = Measurement(psnr["value"], psnr["standard_error"])
        covered = estimates["sigma_25"]["interval_90"]
        measured[f"{name}-interval"] = Measurement(covered["value"], covered["standard_error"])
    return measured


def make_claims(short: bool) -> tuple[Claim, ...]:
    """Return the claims: FFDNet's row; for a short schedule one target, the row for comparison."""
    numbers = [
        _claim_target(*place) if short and place == CLAIMED else _claim_published(*place, short)
        for place in PUBLISHED
    ]
    intervals = [
        Claim(
            f"{name}-interval",
            f"{name}, sigma 25: values inside their 90 % interval",
            0.9,
            "what such an interval is",
            0.02,
            "share",
            "about",
        )
        for name in ("set12", "bsd68")
    ]
    return (*numbers, *intervals)


def _claim_published(name: str, sigma: int, short: bool) -> Claim:
    sense: Sense = "beside" if short else "at least"
    value = PUBLISHED[name, sigma]
    return Claim(f"{name}-{sigma}", f"{name}, sigma {sigma}", value, FFDNET, 0, "dB", sense)


def _claim_target(name: str, sigma: int) -> Claim:
    return Claim(f"{name}-{sigma}", f"{name}, sigma {sigma}", LEAST, TARGET, 0, "dB")


register(
    Study(
        name="denoise",
        title="Set12 and BSD68 by one blind denoiser",
        citation=CITATION,
        claims=make_claims(short=False),
        minutes=1500,
        protocol=f"{PROTOCOL}16 residual blocks of 64 channels, {describe_amount(LONG)}.",
        run=lambda out, device: measure_table(out, device, LONG, 16),
    )
)

register(
    Study(
        name="denoise/short",
        title="Set12 and BSD68 by one blind denoiser, on a CPU",
        citation=CITATION,
        claims=make_claims(short=True),
        minutes=100,
        protocol=f"{PROTOCOL}Reduced: 6 residual blocks of 64 channels, {describe_amount(SHORT)}.",
        run=lambda out, device: measure_table(out, device, SHORT, 6),
    )
)
