"""Enlarging photographs: the table of Set5 since SRCNN."""

from pathlib import Path

from immersion.engine import Options
from immersion.evaluation.translators import evaluate_translator
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.papers.study import Claim, Device, Measurement, Study, register
from immersion.papers.training import describe_amount, train_run
from immersion.pretrained.resolve import image_model_of
from immersion.tasks.enlarge import FACTORS, Enlarge

CITATION = (
    "C. Dong, C. C. Loy, K. He, X. Tang, Image Super-Resolution Using Deep Convolutional "
    "Networks, IEEE TPAMI 2016, https://arxiv.org/abs/1501.00092; J. Kim, J. K. Lee, K. M. Lee, "
    "Accurate Image Super-Resolution Using Very Deep Convolutional Networks, CVPR 2016, "
    "https://arxiv.org/abs/1511.04587"
)
SRCNN = {2: 36.66, 3: 32.75, 4: 30.48}
VDSR = {2: 37.56, 3: 33.67, 4: 31.35}
BICUBIC = {2: 33.66, 3: 30.39, 4: 28.42}
"""PSNR of Y on Set5, in dB, as quoted."""

SHORT = Options(steps=30_000, batch_size=4, validate_every=0, log_every=500)
LONG = Options(steps=100_000, batch_size=32, validate_every=0, log_every=500)

SMALL = 32
"""Side of a patch before it is enlarged."""

PROTOCOL = (
    f"One network a factor, trained on patches of 384 Berkeley photographs in colour, {SMALL} x "
    f"{SMALL} when small. "
    "MATLAB's antialiased bicubic kernel on RGB, rounded to 256 levels; the output rounded too; "
    "PSNR of BT.601's Y without a border as wide as the factor. "
)


def measure_table(
    out: Path, device: Device, options: Options, depth: int
) -> dict[str, Measurement]:
    """Train an enlarger for each factor and evaluate them on Set5."""
    measured = {}
    for factor in FACTORS:
        run = train_run(
            out / f"x{factor}",
            "enlarge",
            "bsds500",
            options,
            device,
            size=SMALL * factor,
            task=Enlarge(factor),
            translation=ImageToImageArchitecture("restorer", depth=depth),
        )
        estimates = evaluate_translator(image_model_of(run), "set5")["estimates"]
        for name, measure in (("", "psnr_y"), ("-bicubic", "psnr_y_before")):
            found = estimates[f"x{factor}"][measure]
            measured[f"x{factor}{name}"] = Measurement(found["value"], found["standard_error"])
    return measured


def make_claims(published: dict[int, float], source: str) -> tuple[Claim, ...]:
    """Return the claims for each factor, with bicubic enlargement as published."""
    return tuple(
        claim
        for factor in FACTORS
        for claim in (
            Claim(f"x{factor}", f"Set5, x{factor}", published[factor], source, 0, "dB"),
            Claim(
                f"x{factor}-bicubic",
                f"Set5, x{factor}: bicubic enlargement, under the same protocol",
                BICUBIC[factor],
                "the same tables",
                0.03,
                "dB",
                "about",
            ),
        )
    )


register(
    Study(
        name="enlarge",
        title="Set5, two, three and four times as large",
        citation=CITATION,
        claims=make_claims(VDSR, "VDSR, table 2, as quoted"),
        minutes=1500,
        protocol=f"{PROTOCOL}16 residual blocks of 64 channels, {describe_amount(LONG)}.",
        run=lambda out, device: measure_table(out, device, LONG, 16),
    )
)

register(
    Study(
        name="enlarge/short",
        title="Set5, two, three and four times as large, on a CPU",
        citation=CITATION,
        claims=make_claims(SRCNN, "SRCNN, as quoted"),
        minutes=90,
        protocol=f"{PROTOCOL}Reduced: 6 residual blocks of 64 channels, {describe_amount(SHORT)}.",
        run=lambda out, device: measure_table(out, device, SHORT, 6),
    )
)
