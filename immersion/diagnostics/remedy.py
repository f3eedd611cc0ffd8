"""Remedies as data: which flag to change, in which direction, and the sentence made from it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Direction = Literal["set", "raise", "lower"]

LEAST = {"discriminator-steps": 1}
"""The smallest value of a flag, where it is not 0."""


@dataclass(frozen=True)
class Change:
    """A change of one flag of `immersion train`.

    Args:
        flag: The flag, without its dashes.
        direction: set (a word, or a switch), raise or lower (a number).
        value: The word to set, or the least number to raise to; None for a switch, and where no
            number is proposed.

    Example:
        >>> str(Change("clip", "raise", 1.0)), str(Change("momentum", "lower"))
        ('--clip 1', '--momentum')
    """

    flag: str
    direction: Direction
    value: str | float | None = None

    def __str__(self) -> str:
        if self.value is None:
            return f"--{self.flag}"
        value = self.value if isinstance(self.value, str) else f"{self.value:g}"
        return f"--{self.flag} {value}"

    def is_accepted(self, flags: Mapping[str, Collection[str]]) -> bool:
        """Return whether a command takes the flag and the word; see `diagnose` for `flags`."""
        words = flags.get(self.flag)
        return words is not None and (not words or self.value in words)

    def is_present(self, settings: Mapping[str, Any]) -> bool | None:
        """Return whether a run has it already, or cannot go lower; None if that is unknown."""
        given = settings.get(self.flag)
        if self.direction == "lower":
            return given is not None and given <= LEAST.get(self.flag, 0)
        if isinstance(given, bool):
            return given
        if given is None or self.value is None:
            return None
        if self.direction == "raise":
            return float(given) >= float(self.value)
        return bool(given == self.value)


@dataclass(frozen=True)
class Remedy:
    """One thing to try.

    Args:
        text: An imperative without a full stop; each {} in it is replaced by a change, in order.
        changes: The changes of flags; none where no flag does it.
        any_of: If True, one of the changes is enough; else they belong together.

    Example:
        >>> str(Remedy("clip the gradient ({})", (Change("clip", "raise", 1.0),)))
        'clip the gradient (--clip 1)'
    """

    text: str
    changes: tuple[Change, ...] = ()
    any_of: bool = False

    def __str__(self) -> str:
        return self.text.format(*self.changes)

    def is_accepted(self, flags: Mapping[str, Collection[str]]) -> bool:
        """Return whether a command takes every flag of the remedy."""
        return all(change.is_accepted(flags) for change in self.changes)

    def is_present(self, settings: Mapping[str, Any]) -> bool:
        """Return whether a run follows the remedy already, as far as its settings show."""
        known = [change.is_present(settings) for change in self.changes]
        decided = [present for present in known if present is not None]
        return bool(decided) and (any(decided) if self.any_of else all(decided))


@dataclass(frozen=True)
class Advice:
    """Remedies to try for a finding.

    Args:
        alternatives: The remedies, the most promising first.
        aim: Common aim of the remedies, as an imperative; may be empty.
        also: Remedies to try besides.

    Example:
        >>> str(Advice((Remedy("get more data"), Remedy("take a smaller model")), "generalise"))
        'generalise: get more data, or take a smaller model'
    """

    alternatives: tuple[Remedy, ...] = ()
    aim: str = ""
    also: tuple[Remedy, ...] = ()

    def __str__(self) -> str:
        *others, last = map(str, self.alternatives or (Remedy(""),))
        choice = f"{', '.join(others)}, or {last}" if others else last
        text = f"{self.aim}: {choice}" if self.aim else choice
        return "; ".join([text, *map(str, self.also)])

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """All remedies."""
        return self.alternatives + self.also


def select(
    remedies: Collection[Remedy],
    flags: Mapping[str, Collection[str]],
    settings: Mapping[str, Any],
) -> tuple[Remedy, ...]:
    """Return the remedies whose flags a command takes and which a run does not follow already.

    If the run follows all of them already, all are returned.

    Args:
        remedies: The remedies.
        flags: Flags that the command takes; see `diagnose`.
        settings: Settings of the run; see `diagnose`.
    """
    accepted = tuple(remedy for remedy in remedies if remedy.is_accepted(flags))
    return tuple(r for r in accepted if not r.is_present(settings)) or accepted
