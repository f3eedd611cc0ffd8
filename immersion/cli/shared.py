"""The flags that every command has, and what the program logs."""

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from immersion.check import UserError


@dataclass(frozen=True)
class SharedFlags:
    """The flags of every command.

    Args:
        json: Whether to print the result as JSON.
        quiet: Whether to print nothing but the result and errors.
        verbose: Whether to log where values come from, the metrics and tracebacks.
        trust_code: Whether to run the code outside the package that a run names.
        config: File of flags, or None.
    """

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    trust_code: bool = False
    config: Path | None = None


SWITCHES = {
    "--json": "json",
    "-q": "quiet",
    "--quiet": "quiet",
    "-v": "verbose",
    "--verbose": "verbose",
    "--trust-code": "trust_code",
}


def split_shared(words: Sequence[str]) -> tuple[SharedFlags, list[str]]:
    """Return the flags of every command, and the other words; after -- there are none of them."""
    end = words.index("--") if "--" in words else len(words)
    found: dict[str, Any] = {}
    rest: list[str] = []
    queue = list(words[:end])
    while queue:
        word = queue.pop(0)
        name, _, value = word.partition("=")
        if word in SWITCHES:
            found[SWITCHES[word]] = True
        elif name == "--config":
            if not value and not queue:
                raise UserError(
                    "--config needs a value", "a file", "nothing", "pass --config FILE"
                )
            found["config"] = Path(value or queue.pop(0))
        else:
            rest.append(word)
    if found.get("quiet") and found.get("verbose"):
        raise UserError("--quiet and --verbose exclude each other", remedy="pass one")
    return SharedFlags(**found), [*rest, *words[end:]]


class _Printer(logging.Handler):
    """Prints to the standard error of the moment, which a progress bar replaces."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        print(self.format(record), file=sys.stderr)


def configure_logging(shared: SharedFlags) -> None:
    """Write what the package logs to standard error: errors, warnings or everything."""
    package = logging.getLogger("immersion")
    package.handlers = [_Printer()]
    package.handlers[0].setFormatter(logging.Formatter("%(name)s: %(message)s"))
    quiet = logging.ERROR if shared.quiet else logging.WARNING
    package.setLevel(logging.DEBUG if shared.verbose else quiet)
