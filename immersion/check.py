"""Errors as sentences: what is wrong, what was expected, what was received, what to do.

A `UserError` is the user's to mend: the command line prints its sentence and exits with 2.
Anything else that is raised, a training that diverged among it, exits with 1.
"""

import math
from collections.abc import Iterable
from difflib import get_close_matches
from importlib.util import find_spec


class UserError(ValueError):
    """A mistake that the user can mend, told in one sentence.

    Args:
        what: What is wrong, as the beginning of a sentence.
        expected: What was expected, without a full stop; left out where it is plain.
        received: What was received instead.
        remedy: What to do about it, as an imperative.

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
    """Training met a number that is infinite or not a number; the message says where."""


def check_at_least(least: float, **settings: float) -> None:
    """Raise unless each setting, by the name of its flag, is finite and at least `least`.

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
    """Refuse to begin without the packages of an extra.

    Raises:
        UserError: One of them is not installed.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        what = f"{' and '.join(missing)} must be installed for this"
        raise UserError(what, remedy=f"run pip install 'immersion[{extra}]'")


def check_below_one(**settings: float) -> None:
    """Raise unless each setting, by the name of its flag, is less than 1."""
    for name, value in settings.items():
        if not value < 1:
            flag = "--" + name.replace("_", "-")
            raise UserError(f"{flag} is too large", "a number below 1", value)


def check_choice(what: str, name: str, choices: Iterable[str]) -> str:
    """Return `name` if it is one of `choices`; otherwise raise, naming the nearest choices.

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
