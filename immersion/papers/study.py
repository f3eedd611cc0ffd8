"""The parts of a reproduction: published claims, and a function that measures them."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from immersion.check import UserError
from immersion.registry import Registry

Device = Literal["auto", "cpu", "cuda"]
Sense = Literal["at least", "at most", "about", "beside"]

STUDIES: Registry["Study"] = Registry("study", "immersion.papers")

RESULTS = Path(__file__).parent / "results"
"""Folder of measured values, one JSON file a study, written by `immersion reproduce --record`."""


@dataclass(frozen=True)
class Claim:
    """A published number, and how close the measured one must be.

    Args:
        name: Name within the study.
        statement: Description of the number.
        published: The number.
        source: Author and place of the number.
        tolerance: Accepted difference, in the number's unit.
        unit: Unit: nats, dB, ...
        sense: `at least` (met from published - tolerance up), `at most`, `about`, or `beside`:
            a number for comparison, measured under another protocol, and no claim.
    """

    name: str
    statement: str
    published: float
    source: str
    tolerance: float
    unit: str
    sense: Sense = "at least"

    def is_met(self, measured: float) -> bool:
        """Return whether a measured value supports the claim.

        Example:
            >>> claim = Claim("elbo", "test ELBO", -96.0, "a test", 0.5, "nats")
            >>> claim.is_met(-96.4), claim.is_met(-97.0), claim.is_met(-90.0)
            (True, False, True)
        """
        above = measured >= self.published - self.tolerance
        below = measured <= self.published + self.tolerance
        senses = {"at least": above, "at most": below, "about": above and below, "beside": True}
        return senses[self.sense]


@dataclass(frozen=True)
class Measurement:
    """The measured value of one claim.

    Args:
        value: Value in the claim's unit.
        standard_error: Standard error over test examples; None if the value is not a mean.
        seconds: Training time if the value rests on one run; None if on all runs of the study.
    """

    value: float
    standard_error: float | None = None
    seconds: float | None = None

    def over(self, other: "Measurement") -> "Measurement":
        """Return the ratio to an independent measurement, with its error to first order.

        Example:
            >>> ratio = Measurement(3.0, 0.03).over(Measurement(6.0, 0.06))
            >>> ratio.value, round(ratio.standard_error, 5)
            (0.5, 0.00707)
        """
        if self.standard_error is None or other.standard_error is None:
            raise ValueError("the error of a ratio needs both standard errors")
        ratio = self.value / other.value
        relative = self.standard_error / self.value, other.standard_error / other.value
        return Measurement(ratio, abs(ratio) * math.hypot(*relative))


@dataclass(frozen=True)
class Study:
    """One figure or table of a paper.

    Args:
        name: `paper` or `paper/figure`, as `immersion reproduce` takes it.
        title: One line.
        citation: Authors, year, title, link.
        claims: The numbers to measure.
        minutes: Approximate time on two CPU cores.
        protocol: One sentence on the procedure, and where it differs from the paper.
        run: (folder, device) -> a measurement for each claim's name. Runs and figures are written
            to the folder; called again after an interruption, it resumes.
    """

    name: str
    title: str
    citation: str
    claims: tuple[Claim, ...]
    minutes: float
    protocol: str
    run: Callable[[Path, Device], dict[str, Measurement]]


def register(study: Study) -> Study:
    """Enter a study in the registry under its own name."""
    return STUDIES.register(study.name)(study)


Entries = dict[str, dict[str, Any]]
"""Claim -> measured value, standard error, seconds, machine, date, command and protocol."""


def list_claims(study: Study, entries: Entries | None = None) -> list[dict[str, Any]]:
    """Return a study's claims, each with its entry; by default with the recorded ones."""
    found = _read_entries(study) if entries is None else entries
    return [_make_row(study, claim, found.get(claim.name, {})) for claim in study.claims]


def _make_row(study: Study, claim: Claim, found: dict[str, Any]) -> dict[str, Any]:
    measured = found.get("measured")
    status = "pending" if measured is None else "met" if claim.is_met(measured) else "missed"
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


def record(study: Study, entries: Entries) -> Path:
    """Write the entries of a study into the package.

    Raises:
        UserError: If the package's folder cannot be written to: it is not a checkout.
    """
    file = _result_file(study)
    try:
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(entries, indent=2) + "\n")
    except OSError as error:
        remedy = "leave --record out, or install from a checkout with pip install -e ."
        raise UserError("results cannot be recorded", "a checkout", error, remedy) from error
    return file


def make_entry(measurement: Measurement, circumstances: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a measurement; its own seconds take precedence over the study's."""
    own = {"measured": measurement.value, "standard_error": measurement.standard_error}
    seconds = {} if measurement.seconds is None else {"seconds": measurement.seconds}
    return circumstances | own | seconds


def _read_entries(study: Study) -> Entries:
    file = _result_file(study)
    return json.loads(file.read_text()) if file.is_file() else {}


def _result_file(study: Study) -> Path:
    return RESULTS / f"{study.name.replace('/', '-')}.json"
