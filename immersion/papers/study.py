"""What a reproduction is: claims with published numbers, and one function that measures them."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from immersion.check import UserError
from immersion.registry import Registry

STUDIES: Registry["Study"] = Registry("study", "immersion.papers")

RESULTS = Path(__file__).parent / "results"
"""Measured values, one JSON file a study; written by `immersion reproduce --record` only."""


@dataclass(frozen=True)
class Claim:
    """One number that is said, and how near ours must come.

    Args:
        name: Within the study.
        statement: What the number is.
        published: The number said.
        source: Who said it, and where.
        tolerance: In the number's unit.
        unit: nats, dB, ...
        sense: `at least` (met from published - tolerance up), `at most`, `about`, or `beside`:
            shown beside the published number and no claim, since the two are not alike.
    """

    name: str
    statement: str
    published: float
    source: str
    tolerance: float
    unit: str
    sense: Literal["at least", "at most", "about", "beside"] = "at least"

    def met(self, measured: float) -> bool:
        """Return whether a measured value bears the claim out.

        Example:
            >>> claim = Claim("elbo", "test ELBO", -96.0, "a test", 0.5, "nats")
            >>> claim.met(-96.4), claim.met(-97.0), claim.met(-90.0)
            (True, False, True)
        """
        above = measured >= self.published - self.tolerance
        below = measured <= self.published + self.tolerance
        senses = {"at least": above, "at most": below, "about": above and below, "beside": True}
        return senses[self.sense]


@dataclass(frozen=True)
class Measurement:
    """What a study measured for one claim.

    Args:
        value: In the claim's unit.
        standard_error: Over test examples; None where the value is no mean.
        seconds: Of training, where the value rests on one run; None where on all of the study's.
    """

    value: float
    standard_error: float | None = None
    seconds: float | None = None

    def over(self, other: "Measurement") -> "Measurement":
        """Return the ratio of two independent ones that have errors; its own to first order.

        Example:
            >>> ratio = Measurement(3.0, 0.03).over(Measurement(6.0, 0.06))
            >>> ratio.value, round(ratio.standard_error, 5)
            (0.5, 0.00707)
        """
        ratio = self.value / other.value
        shares = (each.standard_error / each.value for each in (self, other))
        return Measurement(ratio, abs(ratio) * math.hypot(*shares))


@dataclass(frozen=True)
class Study:
    """One figure or table of a paper.

    Args:
        name: `paper` or `paper/figure`, as `immersion reproduce` takes it.
        title: One line.
        citation: Authors, year, title, link.
        claims: What is measured.
        minutes: What it takes on two CPU cores, roughly.
        protocol: One sentence on what was done, and where it differs from the paper.
        run: Takes a folder for its runs and pictures and a device; returns a measurement for
            each claim's name. Called again after a kill, it goes on where it stopped.
    """

    name: str
    title: str
    citation: str
    claims: tuple[Claim, ...]
    minutes: float
    protocol: str
    run: Callable[[Path, str], dict[str, Measurement]]


def register(study: Study) -> Study:
    """Enter a study in the registry under its own name."""
    return STUDIES.register(study.name)(study)


def rows(study: Study) -> list[dict[str, Any]]:
    """Return a study's claims, each with what was recorded for it, if anything was."""
    return listed(study, _recorded(study))


def listed(study: Study, entries: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a study's claims, each with its entry: what was measured, when, where, how long."""
    return [_row(study, claim, entries.get(claim.name, {})) for claim in study.claims]


def _row(study: Study, claim: Claim, found: dict[str, Any]) -> dict[str, Any]:
    measured = found.get("measured")
    status = "pending" if measured is None else "met" if claim.met(measured) else "missed"
    if status == "met" and claim.sense == "beside":
        status = "measured"
    fields = ("standard_error", "seconds", "machine", "date", "command", "protocol")
    return {
        "paper": study.name,
        "claim": claim.name,
        "statement": claim.statement,
        "sense": claim.sense,
        "published": claim.published,
        "tolerance": claim.tolerance,
        "unit": claim.unit,
        "source": claim.source,
        "measured": measured,
        **{name: found.get(name) for name in fields},
        "status": status,
    }


def record(study: Study, entries: dict[str, dict[str, Any]]) -> Path:
    """Write what a study measured beside the papers.

    Raises:
        UserError: The package's folder cannot be written to: it is no checkout.
    """
    file = _file(study)
    try:
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(entries, indent=2) + "\n")
    except OSError as error:
        remedy = "leave --record out, or install from a checkout with pip install -e ."
        raise UserError("results cannot be recorded", "a checkout", error, remedy) from error
    return file


def entry(measurement: Measurement, circumstances: dict[str, Any]) -> dict[str, Any]:
    """Return a measurement as it is recorded; it may have been quicker than the whole study."""
    own = {"measured": measurement.value, "standard_error": measurement.standard_error}
    seconds = {} if measurement.seconds is None else {"seconds": measurement.seconds}
    return circumstances | own | seconds


def _recorded(study: Study) -> dict[str, Any]:
    file = _file(study)
    return json.loads(file.read_text()) if file.is_file() else {}


def _file(study: Study) -> Path:
    return RESULTS / f"{study.name.replace('/', '-')}.json"
