"""What a diagnosis is made of: the evidence that a run folder holds, and a finding."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from immersion.run_folder import labelled_alike

Severity = Literal["failure", "warning", "note", "fine"]

LINES = 6
"""Lines of the metrics below which nothing is said: thirds of a training need two each."""


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
        looks: The looks at the validation split, as lines.
        estimates: Estimate -> value, of the evaluation.
        evaluation: The whole of it.
        diverged: Whether training ended at a number that was not finite.
    """

    train: Mapping[str, np.ndarray]
    steps: np.ndarray
    looks: Sequence[Mapping[str, Any]]
    estimates: Mapping[str, float]
    evaluation: Mapping[str, Any]
    diverged: bool

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
        penalised = "discriminator/penalty" in self.train
        penalty = self.third("discriminator/penalty", 2) if penalised else 0.0
        return self.third("discriminator/loss", 2) - penalty

    @property
    def of_probabilities(self) -> bool:
        """Return whether the discriminator ascends V(D, G): minimax and non-saturating games."""
        return math.isclose(
            self.own_loss, -self.third("discriminator/value", 2), rel_tol=0.02, abs_tol=0.02
        )


def gathered(
    metrics: list[dict[str, Any]], evaluation: Mapping[str, Any], diverged: bool
) -> Evidence:
    """Return what the rules read, from a run folder's files."""
    rows = labelled_alike(metrics)
    lines = [row for row in rows if row["split"] == "train"]
    # A term that not every line has cannot be followed.
    names = [name for name in lines[0] if all(name in row for row in lines)] if lines else []
    names = [name for name in names if name != "split"]
    return Evidence(
        {name: np.array([row[name] for row in lines]) for name in names},
        np.array([row["step"] for row in lines]),
        [row for row in rows if row["split"] == "validation"],
        {name: e["value"] for name, e in evaluation.get("estimates", {}).items()},
        evaluation,
        diverged,
    )
