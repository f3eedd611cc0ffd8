"""What a diagnosis is made of: the evidence that a run folder holds, and a finding."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from immersion.objectives.games import GAMES

Severity = Literal["failure", "warning", "note", "fine"]

FEWEST = 100
"""Examples below which a share of them, such as precision, says next to nothing: among 30 test
examples every flat grey picture can lie near one."""

LINES = 6
"""Lines of the metrics below which nothing is said: thirds of a training need two each."""

FLAG = re.compile(r"--([a-z][a-z0-9-]*)(?: ([a-z][a-z-]*|[0-9.]*[0-9]))?")
"""A flag, and the word or number behind it, in the text of a remedy."""

FLOORS = {"discriminator-steps": 1}
"""The least that a flag takes, where that is not 0."""


@dataclass(frozen=True)
class Finding:
    """One thing about a run that a person should know.

    Args:
        name: In a few words.
        sentence: What was seen, with its numbers.
        remedy: What to try, as an imperative without a full stop; empty where nothing is amiss.
        severity: failure (the model is of no use), warning, note or fine.
    """

    name: str
    sentence: str
    remedy: str
    severity: Severity


@dataclass(frozen=True)
class Evidence:
    """What the rules read.

    Args:
        train: Term -> its values, one a line of the metrics.
        steps: The lines' steps.
        estimates: Estimate -> value, of the evaluation; of shares of examples those alone that
            rest on enough of them.
        evaluation: The whole of it.
        flags: What the run's command takes: flag, without its dashes -> the words that it may be
            given, none where it takes any.
        game: Which adversarial game was played, or None.
        diverged: Where the number was that ended training by not being finite; empty if none did.
        settings: What the run was given: flag, without its dashes -> its value.
        usual_penalty: The weight of R1 that suits such data.
    """

    train: Mapping[str, np.ndarray]
    steps: np.ndarray
    estimates: Mapping[str, float]
    evaluation: Mapping[str, Any]
    flags: Mapping[str, Collection[str]]
    game: str | None
    diverged: str
    settings: Mapping[str, Any]
    usual_penalty: float

    def third(self, term: str, number: int) -> float:
        """Return the median of a term over the first (0), second or last (2) third."""
        return float(np.median(np.array_split(self.train[term], 3)[number]))

    @property
    def judged(self) -> bool:
        """Return whether a discriminator was trained for long enough to say something."""
        return "discriminator/accuracy" in self.train and len(self.steps) >= LINES

    @property
    def own_loss(self) -> float:
        """Return the discriminator's loss without penalties, at the end."""
        loss = self.train["discriminator/loss"]
        own = loss - self.train.get("discriminator/penalty", np.zeros_like(loss))
        return float(np.median(np.array_split(own, 3)[2]))

    @property
    def of_probabilities(self) -> bool:
        """Return whether the discriminator ascends V(D, G), so that its loss is -V in nats."""
        return self.game is not None and GAMES[self.game].of_probabilities

    @property
    def few(self) -> int:
        """Return the examples behind shares that were left out for being few; 0 if none was."""
        found = self.evaluation.get("estimates", {})
        return min(
            (found[name]["examples"] for name in set(found) - set(self.estimates)), default=0
        )

    def advice(self, *parts: str) -> str:
        """Return as one remedy those of the parts that the run's command has the flags for.

        What the run has already is no advice; of parts of which none is left, all are told.
        """
        taken = [part for part in parts if self._takes(part)]
        known = [part for part in taken if not self._has(part)] or taken
        return ", ".join(known[:-1]) + ", or " * (len(known) > 1) + "".join(known[-1:])

    def _takes(self, part: str) -> bool:
        return all(
            flag in self.flags and (not self.flags[flag] or word in self.flags[flag])
            for flag, word in FLAG.findall(part)
        )

    def _has(self, part: str) -> bool:
        """Return whether the run was given what a part asks for."""
        low = "lower" in part or "smaller" in part
        found = [self._given(flag, word, low) for flag, word in FLAG.findall(part)]
        told = [given for given in found if given is not None]
        return bool(told) and (any(told) if " or --" in part else all(told))

    def _given(self, flag: str, word: str, low: bool) -> bool | None:
        """Return whether a flag was given so, or is as low as it can be; None if neither."""
        value = self.settings.get(flag)
        if low:
            return value is not None and value <= FLOORS.get(flag, 0)
        if isinstance(value, bool):
            return value
        if value is None or not word:
            return None
        if word[0].isdigit():
            return float(value) >= float(word)
        return value == word if self.flags[flag] or isinstance(value, str) else None


def gathered(
    metrics: list[dict[str, Any]],
    evaluation: Mapping[str, Any],
    flags: Mapping[str, Collection[str]],
    game: str | None,
    diverged: str,
    settings: Mapping[str, Any],
    usual_penalty: float,
) -> Evidence:
    """Return what the rules read, from a run folder's files."""
    lines = [row for row in metrics if row["split"] == "train"]
    # A term that not every line has cannot be followed.
    names = [name for name in lines[0] if all(name in row for row in lines)] if lines else []
    names = [name for name in names if name != "split"]
    return Evidence(
        {name: np.array([row[name] for row in lines]) for name in names},
        np.array([row["step"] for row in lines]),
        _estimates(evaluation),
        evaluation,
        flags,
        game,
        diverged,
        settings,
        usual_penalty,
    )


def _estimates(evaluation: Mapping[str, Any]) -> dict[str, float]:
    found = evaluation.get("estimates", {})
    return {
        name: estimate["value"]
        for name, estimate in found.items()
        if estimate.get("unit") != "share" or estimate.get("examples", FEWEST) >= FEWEST
    }
