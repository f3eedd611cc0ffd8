"""Goodfellow et al. 2014's faces, on faces that are public; and today's, of nobody real.

The Toronto Face Database of the paper is not public. The 13,165 faces of `smiles` replace it.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from immersion.engine import Options
from immersion.evaluation.samples import SampleProtocol
from immersion.models import GAN
from immersion.models.sampling import draw_samples
from immersion.nn import Architecture
from immersion.objectives.penalties import Penalties
from immersion.papers.gan2014 import CITATION, draw_prior_walks
from immersion.papers.study import Claim, Device, Measurement, Study, register
from immersion.papers.training import get_model, measure, train_run
from immersion.recipes.gan import DiscriminatorSettings
from immersion.recipes.gan2014 import PUBLISHED as OPTIMISER
from immersion.report.image_grid import make_grid
from immersion.runs.figures import draw_neighbours
from immersion.runs.load import Run

SIDE = 48
"""Side of the paper's faces."""

OF_FACES = replace(OPTIMISER, learning_rate=0.05, max_norm=1.9365)
"""The published optimizer for faces: a lower rate, and a bound on each unit's weights."""

TODAYS_GAME: dict[str, Any] = {
    "architecture": Architecture("dcgan", width=32),
    "penalties": Penalties(r1=0.03, r2=0.03, share=0.25),
    "settings": DiscriminatorSettings(mirror=True),
}
"""0.2 is too much already: after 1,500 steps 0.44 of the test faces are covered, with
0.03 0.75 (`immersion train gan --data smiles --width 32 --r1 G --r2 G --steps 1500 --ema 0.995
--schedule constant`, then `immersion evaluate` with 1,316 samples in SqueezeNet's features; AMD
EPYC, 2026-11-23)."""

FULL = {"width": 8000, "units": 1200}
"""The published widths for faces; their matrices are for a GPU."""

KINDS = (
    "The nets are those for MNIST: the published generator of faces has a layer of sigmoids, "
    "Gaussian noise, and a second stage that is put before the first."
)

SHORT, TODAY = (
    Options(
        steps=20_000, batch_size=100, ema=0.99999, ema_from=7000, validate_every=0, log_every=500
    ),
    Options(steps=5000, batch_size=64, ema=0.999, validate_every=0, log_every=100),
)
"""On a CPU core; neither takes more than half an hour."""

LONG, LONG_TODAY = (
    Options(
        steps=100_000,
        batch_size=100,
        ema=0.99999,
        ema_from=33_000,
        validate_every=0,
        log_every=500,
    ),
    Options(steps=60_000, batch_size=64, ema=0.999, validate_every=0, log_every=500),
)

PROTOCOL = SampleProtocol(samples=1316, extractor="squeezenet")
"""As many samples as there are test faces, in features of a network of photographs."""


def compare_games(
    out: Path, device: Device, widths: dict[str, int], first: Options, second: Options
) -> dict[str, Measurement]:
    """Train 2014's nets and today's game on faces of 48 x 48, and evaluate both alike."""
    old = train_run(
        out / "2014", "gan2014", "smiles", first, device, size=SIDE, optimizer=OF_FACES, **widths
    )
    new = train_run(out / "today", "gan", "smiles", second, device, size=SIDE, **TODAYS_GAME)
    name = out.name
    measured: dict[str, Measurement] = {}
    for which, run in (("2014", old), ("today", new)):
        make_grid(draw_samples(get_model(run, GAN), 60, seed=0), columns=12).save(
            out / f"gan2014-{name}-{which}.png"
        )
        estimates = measure(run, sample_protocol=PROTOCOL)
        measured |= {
            f"{what}-{which}": estimates[what] for what in ("frechet_unbiased", "coverage")
        }
    return {
        "frechet": measured["frechet_unbiased-today"].over(measured["frechet_unbiased-2014"]),
        "coverage-2014": measured["coverage-2014"],
        "coverage-today": measured["coverage-today"],
    }


def measure_people(
    out: Path, device: Device, options: Options, width: int
) -> dict[str, Measurement]:
    """Train a generator of faces of 64 x 64; draw them with their nearest training faces."""
    run = train_people(out, device, options, width)
    name = f"gan2014-{out.name}"
    make_grid(draw_samples(get_model(run, GAN), 60, seed=0), columns=12).save(out / f"{name}.png")
    draw_neighbours(run).save(out / f"{name}-neighbours.png")
    draw_prior_walks(run, pairs=6).save(out / f"{name}-walks.png")
    estimates = measure(run, sample_protocol=PROTOCOL)
    names = ("nearer_than_held_out", "precision", "coverage")
    return {what: estimates[what] for what in names}


def train_people(out: Path, device: Device, options: Options, width: int) -> Run:
    """Train the generator of 64 x 64 faces."""
    game: dict[str, Any] = {**TODAYS_GAME, "architecture": Architecture("dcgan", width=width)}
    return train_run(out / "people", "gan", "smiles", options, device, **game)


SAME_JUDGE = (
    "Judged alike: 1,316 samples against the 1,316 test faces in features of SqueezeNet, which "
    "was trained on photographs; no number here is to be compared with one of another network."
)
ASKED = "a target of this project"


def make_face_claims() -> tuple[Claim, ...]:
    """Return the claims about two trainings on the same faces."""
    return (
        Claim(
            "frechet",
            "Frechet distance, unbiased, today's as a share of 2014's",
            1.0,
            "ten years of work",
            0,
            "times",
            "at most",
        ),
        Claim("coverage-2014", "2014's nets: coverage of test faces", 0.05, ASKED, 0, "share"),
        Claim("coverage-today", "today's game: coverage of test faces", 0.5, ASKED, 0, "share"),
    )


def make_people_claims() -> tuple[Claim, ...]:
    """Return the claims about faces that are not real people."""
    return (
        Claim(
            "nearer_than_held_out",
            "pairs in which a sample is nearer to a training face than a test face does: 1/2 "
            "where nothing is copied",
            0.6,
            ASKED,
            0,
            "share",
            "at most",
        ),
        Claim("precision", "samples among the test faces", 0.5, ASKED, 0, "share"),
        Claim("coverage", "coverage of test faces", 0.5, ASKED, 0, "share"),
    )


FACES = "The original face experiment, on public faces: 2014's nets and today's game"
PEOPLE = "Faces that are not real people, 64 x 64, with their nearest training faces"

register(
    Study(
        name="gan2014/faces",
        title=FACES,
        citation=CITATION,
        claims=make_face_claims(),
        minutes=600,
        protocol=(
            "The published widths for faces (8,000 and 1,200), 48 x 48; 100,000 steps of 100 "
            f"against 60,000 of 64. {KINDS} {SAME_JUDGE}"
        ),
        run=lambda out, device: compare_games(out, device, FULL, LONG, LONG_TODAY),
    )
)

register(
    Study(
        name="gan2014/faces-short",
        title=FACES + ", on a CPU",
        citation=CITATION,
        claims=make_face_claims(),
        minutes=30,
        protocol=(
            "A reduced schedule: MNIST's widths (1,200 and 240) instead of the published 8,000 "
            "and 1,200, 48 x 48; 20,000 steps of 100, weights averaged over the last 13,000, "
            f"against 5,000 of 64, in no more minutes. {KINDS} {SAME_JUDGE}"
        ),
        run=lambda out, device: compare_games(out, device, {}, SHORT, TODAY),
    )
)

register(
    Study(
        name="gan2014/people",
        title=PEOPLE,
        citation=CITATION,
        claims=make_people_claims(),
        minutes=600,
        protocol="DCGAN's networks with 64 channels, 60,000 steps of 64. " + SAME_JUDGE,
        run=lambda out, device: measure_people(out, device, LONG_TODAY, 64),
    )
)

register(
    Study(
        name="gan2014/people-short",
        title=PEOPLE + ", on a CPU",
        citation=CITATION,
        claims=make_people_claims(),
        minutes=100,
        protocol="A reduced schedule: 32 channels, 18,000 steps of 64. " + SAME_JUDGE,
        run=lambda out, device: measure_people(out, device, replace(LONG_TODAY, steps=18_000), 32),
    )
)
