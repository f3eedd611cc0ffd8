"""Colouring grey pictures: one answer against grey and the mean colour, and several answers."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from immersion.commands.gallery import translations
from immersion.commands.judges import ROUNDED
from immersion.commands.translation_quality import distribution
from immersion.data.dataset import to_float
from immersion.engine import Options
from immersion.evaluation import Estimate
from immersion.evaluation.restoration.colourfulness import colourfulness_error, psnr_ab
from immersion.evaluation.restoration.psnr import quantised
from immersion.imaging.colour import lab_from_srgb
from immersion.loading import Run
from immersion.nn.translation import Translation
from immersion.papers.study import Claim, Measurement, Study, register
from immersion.papers.training import amount, measure, trained
from immersion.tasks.colourise import Colourise

CITATION = (
    "Zhang, Isola & Efros 2016, Colorful Image Colorization, https://arxiv.org/abs/1603.08511; "
    "Hasler & Suesstrunk 2003, Measuring Colourfulness in Natural Images, "
    "https://doi.org/10.1117/12.477378"
)

LATENT, DRAWS, PICTURES = 16, 8, 1000
"""Of the code; drawn for a picture; pictures that are drawn for, at most: the first ones."""


@dataclass(frozen=True)
class Plan:
    """What is trained on, and for how long.

    Args:
        data: A set of colour pictures.
        options: Of all three networks.
        width: Channels at full resolution.
    """

    data: str
    options: Options
    width: int = 32


OFTEN = Options(steps=30_000, batch_size=16, validate_every=0, log_every=500)
PHOTOGRAPHS = Plan("bsds500", OFTEN)
PHOTOGRAPHS_SHORT = Plan("bsds500", replace(OFTEN, steps=5000, batch_size=2, log_every=250), 24)
CIFAR10 = Plan("cifar10", replace(OFTEN, steps=100_000, batch_size=128))
CIFAR10_SHORT = Plan("cifar10", replace(OFTEN, steps=3000, batch_size=16, log_every=250), 16)


def coloured(out: Path, device: str, plan: Plan) -> dict[str, Measurement]:
    """Train a network with one answer, one with levels, one with a code; judge them."""
    shape = Translation(width=plan.width)
    kinds = {
        "one": {},
        "levels": {"task": Colourise(discretised=True)},
        "several": {"latent": LATENT},
    }
    one, levels, several = (
        trained(
            out / name,
            "colourise",
            plan.data,
            plan.options,
            device,
            translation=shape,
            **kind,
        )
        for name, kind in kinds.items()
    )
    for run in (one, levels, several):
        translations(run).save(out / f"colourise-{out.name}-{run.folder.path.name}.png")
    measured, of_levels = measure(one), measure(levels)
    return {
        "gain-over-grey": measured["psnr_chroma_gain_over_grey_lab"],
        "gain-over-mean": measured["psnr_chroma_gain_over_mean_lab"],
        "colourfulness": _share(measured),
        "colourfulness-of-levels": _share(of_levels),
        "levels-over-grey": of_levels["psnr_chroma_gain_over_grey_lab"],
        **of_draws(one, several, DRAWS),
    }


def _share(measured: dict[str, Measurement]) -> Measurement:
    """Return the distance from the true colourfulness in units of the mean colour's."""
    distance = measured["colourfulness_error_lab"].value
    return Measurement(distance / measured["colourfulness_error_mean_lab"].value)


def of_draws(one: Run, several: Run, count: int) -> dict[str, Measurement]:
    """Return what the best of several draws gains over one answer, and how colourful a draw is."""
    gains, errors, baseline = [], [], []
    task = one.model.task
    for number, picture in enumerate(one.data.test.pictures[:PICTURES]):
        pair = task.pair(to_float(picture, "unit").unsqueeze(0), None)
        answer = task.answer(distribution(one.model, pair.input))
        drawn = several.model.draw(pair.input, count, seed=number).squeeze(1)
        said = torch.cat([answer, drawn, task.grey(pair.input)])
        made = quantised(task.finish(pair.input.expand(len(said), -1, -1, -1), said))
        truth = quantised(task.finish(pair.input, pair.target)).expand_as(made)
        psnr = psnr_ab(lab_from_srgb(made), lab_from_srgb(truth)).clamp(max=ROUNDED)
        error = colourfulness_error(made, truth)
        gains.append(psnr[1:-1].max() - psnr[0])
        errors.append(error[1])
        baseline.append(error[-1])
    share = torch.stack(errors).mean() / torch.stack(baseline).mean()
    return {
        "best-of-draws": _measurement(torch.stack(gains)),
        "colourfulness-of-draws": Measurement(share.item()),
    }


def _measurement(values: Tensor) -> Measurement:
    estimate = Estimate.of(values, "dB")
    return Measurement(estimate.value, estimate.standard_error)


ASKED = "a target of this project"


def claims(gain: float) -> tuple[Claim, ...]:
    """Return what is claimed of a colouriser.

    Args:
        gain: What it is to gain over the mean colour of its training pictures, in dB.
    """
    over = "PSNR of chroma, picture by picture, over"
    return (
        Claim("gain-over-grey", f"{over} grey", gain, ASKED, 0, "dB"),
        Claim("gain-over-mean", f"{over} the mean colour", gain, ASKED, 0, "dB"),
        Claim(
            "colourfulness",
            "distance from the true colourfulness, as a share of the mean colour's",
            0.9,
            ASKED,
            0,
            "share",
            "at most",
        ),
        Claim(
            "colourfulness-of-levels",
            "the same of a network that gives probabilities to levels",
            0.9,
            ASKED,
            0,
            "share",
            "at most",
        ),
        Claim("levels-over-grey", f"levels: {over} grey", 0, ASKED, 0, "dB", "beside"),
        Claim(
            "best-of-draws",
            f"several answers: what the best of {DRAWS} draws gains over the one answer",
            0.5,
            ASKED,
            0,
            "dB",
        ),
        Claim(
            "colourfulness-of-draws",
            "several answers: one draw's distance from the true colourfulness, as a share of "
            "grey's",
            0.8,
            ASKED,
            0,
            "share",
            "at most",
        ),
    )


JUDGED = (
    "U-Nets of three halvings from L to (a, b), a Gaussian with a scale for every value; one "
    f"answer; probabilities of 33 levels of a and of b; and a conditional VAE with {LATENT} "
    "latent dimensions. PSNR of a and b of CIE Lab, "
    "peak 255, of pictures rounded to 256 levels; whole test pictures."
)


def enter(name: str, title: str, plan: Plan, gain: float, minutes: float, schedule: str) -> None:
    """Enter the study of one set of pictures in the registry."""
    register(
        Study(
            name=f"colourise/{name}",
            title=title,
            citation=CITATION,
            claims=claims(gain),
            minutes=minutes,
            protocol=f"{schedule} {JUDGED}",
            run=lambda out, device: coloured(out, device, plan),
        )
    )


BERKELEY = "Colours for grey photographs, learnt from 384 of Berkeley's"
SMALL = "Colours for grey pictures of 32 x 32, learnt from CIFAR-10"

enter(
    "photographs",
    BERKELEY,
    PHOTOGRAPHS,
    0.5,
    700,
    f"{amount(PHOTOGRAPHS.options)} of 96 x 96; 8 test pictures.",
)
enter(
    "photographs-short",
    BERKELEY + ", on a CPU",
    PHOTOGRAPHS_SHORT,
    0.2,
    30,
    f"A reduced schedule: 24 channels instead of 32, {amount(PHOTOGRAPHS_SHORT.options)}; 8 test "
    "pictures.",
)
enter(
    "cifar10",
    SMALL,
    CIFAR10,
    1.0,
    2000,
    f"{amount(CIFAR10.options)}, whole pictures; draws for the first {PICTURES:,} test pictures "
    "of 10,000.",
)
enter(
    "cifar10-short",
    SMALL + ", on a CPU",
    CIFAR10_SHORT,
    0.5,
    45,
    f"A reduced schedule: 16 channels instead of 32, {amount(CIFAR10_SHORT.options)}; draws for "
    f"the first {PICTURES:,} test pictures of 10,000.",
)
