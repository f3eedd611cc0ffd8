"""The evidence that a run folder holds, and the findings that are drawn from it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from immersion.diagnostics.remedy import Advice, Remedy, select
from immersion.evaluation_record import Estimates
from immersion.objectives.games import GAMES

Severity = Literal["failure", "warning", "note", "fine"]

FEWEST = 100
"""Examples below which a share of them, such as precision, is too uncertain to use: among 30 test
examples every flat grey picture can be near one."""

LINES = 6
"""The fewest lines of the metrics that are diagnosed: each third of a training needs two."""


@dataclass(frozen=True)
class Finding:
    """One observation about a run.

    Args:
        name: A name of a few words.
        sentence: The observation, with its numbers.
        severity: failure (the model is of no use), warning, note or fine.
        advice: Remedies to try; None where nothing needs to be done.
    """

    name: str
    sentence: str
    severity: Severity
    advice: Advice | None = None

    @property
    def remedy(self) -> str:
        """What to try in words, an imperative without a full stop; may be empty."""
        return "" if self.advice is None else str(self.advice)

    def to_dict(self) -> dict[str, str]:
        """Return the finding as health.json holds it."""
        return {
            "name": self.name,
            "sentence": self.sentence,
            "remedy": self.remedy,
            "severity": self.severity,
        }


@dataclass(frozen=True)
class Evidence:
    """The input of the rules.

    Args:
        train: Term -> its values, one for each line of the metrics.
        steps: The lines' steps.
        estimates: The evaluation's estimates, by setting and measure.
        evaluation: The whole evaluation.
        flags: Flag that the run's command takes, without its dashes -> the words it accepts;
            none where it accepts any.
        game: The adversarial game, or None.
        diverged: Location of the non-finite number that ended training; empty if none did.
        settings: Flag, without its dashes -> the run's value.
        usual_penalty: The weight of R1 that suits such data.
    """

    train: Mapping[str, np.ndarray]
    steps: np.ndarray
    estimates: Estimates
    evaluation: Mapping[str, Any]
    flags: Mapping[str, Collection[str]]
    game: str | None
    diverged: str
    settings: Mapping[str, Any]
    usual_penalty: float

    def median(self, term: str, third: int) -> float:
        """Return the median of a term over the first (0), second or last (2) third of training."""
        return float(np.median(np.array_split(self.train[term], 3)[third]))

    @property
    def has_game(self) -> bool:
        """Whether a discriminator was trained for long enough to be diagnosed."""
        return "discriminator/accuracy" in self.train and len(self.steps) >= LINES

    @property
    def unpenalised_loss(self) -> float:
        """The discriminator's loss without penalties, the median over the last third."""
        loss = self.train["discriminator/loss"]
        own = loss - self.train.get("discriminator/penalty", np.zeros_like(loss))
        return float(np.median(np.array_split(own, 3)[2]))

    @property
    def of_probabilities(self) -> bool:
        """Whether the discriminator ascends V(D, G), so that its loss is -V in nats."""
        return self.game is not None and GAMES[self.game].of_probabilities

    @cached_property
    def values(self) -> dict[str, float]:
        """Measure -> value, of a model with a single setting, without shares of few examples."""
        found = self.estimates.get("", {})
        return {name: each["value"] for name, each in found.items() if _is_reliable(each)}

    @property
    def too_few_examples(self) -> int:
        """The fewest examples behind a share that is left out of `values`; 0 if none is."""
        found = self.estimates.get("", {}).values()
        return min((each["examples"] for each in found if not _is_reliable(each)), default=0)

    def advise(self, *remedies: Remedy, aim: str = "", also: tuple[Remedy, ...] = ()) -> Advice:
        """Return the remedies that suit the run, as one advice; see `select`."""
        return Advice(
            select(remedies, self.flags, self.settings),
            aim,
            select(also, self.flags, self.settings),
        )


def read_terms(metrics: list[dict[str, Any]]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the terms of training that every line of the metrics has, and the lines' steps."""
    lines = [row for row in metrics if row["split"] == "train"]
    names = [name for name in lines[0] if all(name in row for row in lines)] if lines else []
    train = {name: np.array([row[name] for row in lines]) for name in names if name != "split"}
    return train, np.array([row["step"] for row in lines])


def _is_reliable(estimate: Mapping[str, Any]) -> bool:
    return estimate.get("unit") != "share" or estimate.get("examples", FEWEST) >= FEWEST
