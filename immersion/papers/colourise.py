"""Colouring grey pictures: one answer against grey and the mean colour, and several answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from immersion.data.dataset import to_float
from immersion.data.patches import PatchSplit
from immersion.data.restoration import load_pictures
from immersion.engine import Options
from immersion.evaluation.image_metrics import ROUNDED
from immersion.evaluation.translators import evaluate_translator
from immersion.imaging.colour import lab_from_srgb
from immersion.metrics import Estimate
from immersion.metrics.restoration.colourfulness import (
    compute_colourfulness_error,
    compute_psnr_ab,
)
from immersion.metrics.restoration.psnr import quantise
from immersion.models import Translator
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.papers.study import Claim, Device, Measurement, Study, register
from immersion.papers.training import describe_amount, get_model, train_run
from immersion.pretrained.resolve import image_model_of
from immersion.runs.figures import draw_translations
from immersion.runs.load import Run
from immersion.tasks.colourise import SHORTEST, Colourise

CITATION = (
    "Zhang, Isola & Efros 2016, Colorful Image Colorization, https://arxiv.org/abs/1603.08511; "
    "Hasler & Suesstrunk 2003, Measuring Colourfulness in Natural Images, "
    "https://doi.org/10.1117/12.477378"
)

LATENT, DRAWS, PICTURES = 16, 8, 1000
"""Latent dimensions; samples for each picture; pictures: the first of CIFAR-10."""

LEVELS = {"task": Colourise(discretised=True)}
LONG = Options(steps=100_000, batch_size=128, validate_every=0, log_every=500)
SHORT = Options(steps=30_000, batch_size=16, validate_every=0, log_every=500)


def measure_short(out: Path, device: Device) -> dict[str, Measurement]:
    """Train a network that predicts probabilities of levels, and evaluate it."""
    return measure_gains(train_colouriser(out, device, "levels", LEVELS, SHORT))


def measure_all(out: Path, device: Device) -> dict[str, Measurement]:
    """Train a network with levels, one with one answer and one with a code; evaluate them."""
    levels = train_colouriser(out, device, "levels", LEVELS, LONG)
    one = train_colouriser(out, device, "one", {}, LONG)
    drawn = train_colouriser(out, device, "several", {"latent_dim": LATENT}, LONG)
    models = get_model(one, Translator), get_model(drawn, Translator)
    split = load_pictures("cifar10").test
    of_one = {f"{name}-of-one": value for name, value in measure_gains(one).items()}
    return (
        measure_gains(levels) | of_one | measure_samples(*models, cast(PatchSplit, split), DRAWS)
    )


def train_colouriser(
    out: Path, device: Device, name: str, kind: Mapping[str, Any], options: Options
) -> Run:
    """Train a colouriser of 32 channels on CIFAR-10 and save its outputs."""
    shape = ImageToImageArchitecture("unet", width=32)
    run = train_run(out / name, "colourise", "cifar10", options, device, translation=shape, **kind)
    draw_translations(run).save(out / f"colourise-{out.name}-{name}.png")
    return run


def measure_gains(run: Run) -> dict[str, Measurement]:
    """Return the gain of a colouriser over grey and over the mean colour, on each set."""
    measured = {}
    for name in GAINS:
        found = evaluate_translator(image_model_of(run), name)["estimates"]["lab"]
        for baseline in ("grey", "mean"):
            gain = found[f"psnr_chroma_gain_over_{baseline}"]
            measured[f"{name}-{baseline}"] = Measurement(gain["value"], gain["standard_error"])
        distance = found["colourfulness_error"]["value"]
        share = distance / found["colourfulness_error_mean"]["value"]
        measured[f"{name}-colourfulness"] = Measurement(share)
    return measured


def measure_samples(
    one: Translator, several: Translator, split: PatchSplit, count: int
) -> dict[str, Measurement]:
    """Return the gain of the best of several samples over one answer, and their colourfulness."""
    gains, errors, baseline = [], [], []
    task = cast(Colourise, one.task)
    for number, picture in enumerate(split.pictures[:PICTURES]):
        pair = task.pair(to_float(picture, "unit").unsqueeze(0), None)
        with torch.inference_mode():
            answer = one.predict(pair.input).mean
            drawn = [several.predict(pair.input, count * number + k).mean for k in range(count)]
        outputs = torch.cat([answer, *drawn, task.presentation.grey(pair.input)])
        made = quantise(
            task.presentation.to_picture(pair.input.expand(len(outputs), -1, -1, -1), outputs)
        )
        truth = quantise(task.presentation.to_picture(pair.input, pair.target)).expand_as(made)
        psnr = compute_psnr_ab(lab_from_srgb(made), lab_from_srgb(truth)).clamp(max=ROUNDED)
        error = compute_colourfulness_error(made, truth)
        gains.append(psnr[1:-1].max() - psnr[0])
        errors.append(error[1])
        baseline.append(error[-1])
    share = torch.stack(errors).mean() / torch.stack(baseline).mean()
    return {
        "best-of-draws": _average(torch.stack(gains)),
        "colourfulness-of-draws": Measurement(share.item()),
    }


def _average(values: Tensor) -> Measurement:
    estimate = Estimate.of(values, "dB")
    return Measurement(estimate.value, estimate.standard_error)


ASKED = "a target of this project"
GAINS = {"bsds500": 0.2, "cifar10": 0.5}
"""Sets whose test pictures are evaluated, and the claimed gain over grey and over the mean colour,
in dB."""


def make_claims(of: str = "", words: str = "") -> list[Claim]:
    """Return the claims about a colouriser on both sets.

    Args:
        of: End of the claims' names.
        words: Beginning of their statements.
    """
    numbers = []
    for name, gain in GAINS.items():
        for baseline, words_of_baseline in (("grey", "grey"), ("mean", "the mean colour")):
            text = f"{words}{name}: PSNR of chroma, picture by picture, over {words_of_baseline}"
            numbers.append(Claim(f"{name}-{baseline}{of}", text, gain, ASKED, 0, "dB"))
        text = (
            f"{words}{name}: distance from the true colourfulness, as a share of the mean colour's"
        )
        numbers.append(Claim(f"{name}-colourfulness{of}", text, 0.9, ASKED, 0, "share", "at most"))
    return numbers


DRAWN = (
    Claim(
        "best-of-draws",
        f"several answers: what the best of {DRAWS} samples gains over the one answer",
        0.5,
        ASKED,
        0,
        "dB",
    ),
    Claim(
        "colourfulness-of-draws",
        "several answers: one sample's distance from the true colourfulness, as a share of grey's",
        0.8,
        ASKED,
        0,
        "share",
        "at most",
    ),
)

LEARNT = (
    "Learnt from CIFAR-10's 45,000 training pictures, by a U-Net of 32 channels and three "
    "halvings from L to (a, b)"
)
JUDGED = (
    "PSNR of a and b of CIE Lab, peak 255, of pictures rounded to 256 levels; whole test "
    "pictures: CIFAR-10's 10,000, and 8 photographs of Berkeley's at their own size, of which the "
    f"network sees thumbnails with a shorter side of {SHORTEST}"
)

register(
    Study(
        name="colourise",
        title="Colours for grey pictures: one answer, probabilities of levels, several answers",
        citation=CITATION,
        claims=(*make_claims(), *make_claims("-of-one", "one answer: "), *DRAWN),
        minutes=2000,
        protocol=(
            f"{LEARNT}: probabilities of 33 levels of a and of b; one answer, a Gaussian with a "
            f"scale for every value; and a conditional VAE with {LATENT} latent dimensions. "
            f"{describe_amount(LONG)} each. {JUDGED}; draws for the first {PICTURES:,} of them."
        ),
        run=measure_all,
    )
)

register(
    Study(
        name="colourise/short",
        title="Colours for grey pictures, on a CPU",
        citation=CITATION,
        claims=tuple(make_claims()),
        minutes=100,
        protocol=(
            f"{LEARNT}: probabilities of 33 levels of a and of b. A reduced schedule: "
            f"{describe_amount(SHORT)}. {JUDGED}."
        ),
        run=measure_short,
    )
)
