"""Errors as sentences: what is wrong, what was expected, what was received, what to do.

A `UserError` is one that the user can correct: the command line prints its sentence and exits
with 2. Any other exception, also that of a training that diverged, exits with 1.
"""

import math
from collections.abc import Iterable
from difflib import get_close_matches
from importlib.util import find_spec


class UserError(ValueError):
    """A mistake that the user can correct, stated in one sentence.

    Args:
        what: The mistake, as the beginning of a sentence.
        expected: The valid values, without a full stop; empty if they are obvious.
        received: The invalid value.
        remedy: The correction, in the imperative.

    Example:
        >>> print(UserError("the batch is too large", "at most 60", 100, "pass --batch-size 60"))
        the batch is too large: expected at most 60, received 100; pass --batch-size 60.
    """

    def __init__(
        self, what: str, expected: object = "", received: object = "", remedy: str = ""
    ) -> None:
        middle = [f"expected {expected}"] if expected != "" else []
        middle += [f"received {received}"] if received != "" else []
        sentence = what + (": " + ", ".join(middle) if middle else "")
        super().__init__((sentence + (f"; {remedy}" if remedy else "")).rstrip(".") + ".")


class NonFinite(ArithmeticError):
    """Training produced a number that is infinite or NaN; the message says where."""


def check_at_least(least: float, **settings: float) -> None:
    """Raise UserError unless each setting is finite and at least `least`.

    Args:
        least: The smallest valid value.
        settings: Values by the names of their flags.

    Example:
        >>> check_at_least(1, batch_size=0)
        Traceback (most recent call last):
        ...
        immersion.check.UserError: --batch-size is too small: expected 1 or more, received 0.
    """
    for name, value in settings.items():
        flag = "--" + name.replace("_", "-")
        if not math.isfinite(value):
            raise UserError(f"{flag} is not finite", f"{least:g} or more", value)
        if value < least:
            raise UserError(f"{flag} is too small", f"{least:g} or more", value)


def check_installed(extra: str, packages: tuple[str, ...]) -> None:
    """Raise UserError if a package of an extra is not installed.

    Args:
        extra: The extra's name in pyproject.toml.
        packages: Names of the modules that the extra installs.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        what = f"{' and '.join(missing)} must be installed for this"
        raise UserError(what, remedy=name_installation(extra))


def name_installation(extra: str) -> str:
    """Return the remedy for a missing extra; the package is installed from its sources.

    Example:
        >>> name_installation("hub")
        "in the folder of immersion's sources run pip install '.[hub]'"
    """
    return f"in the folder of immersion's sources run pip install '.[{extra}]'"


def check_below_one(**settings: float) -> None:
    """Raise UserError unless each setting, by the name of its flag, is less than 1."""
    for name, value in settings.items():
        if not value < 1:
            flag = "--" + name.replace("_", "-")
            raise UserError(f"{flag} is too large", "a number below 1", value)


def check_choice(what: str, name: str, choices: Iterable[str]) -> str:
    """Return `name` if it is one of `choices`; otherwise raise UserError with similar choices.

    Args:
        what: The kind of thing that is named, such as likelihood.
        name: The name to check.
        choices: The valid names.

    Example:
        >>> check_choice("likelihood", "bernouli", ["bernoulli", "gaussian"])
        Traceback (most recent call last):
        ...
        immersion.check.UserError: unknown likelihood: expected one of bernoulli, gaussian, \
received 'bernouli'; did you mean 'bernoulli'.
    """
    known = sorted(choices)
    if name in known:
        return name
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    remedy = f"did you mean {' or '.join(repr(word) for word in near)}" if near else ""
    raise UserError(f"unknown {what}", f"one of {', '.join(known)}", repr(name), remedy)
