"""The table of all flags, generated with the help pages: what can be known without PyTorch."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources

PATH, RUN = "<path>", "<run>"
"""Words of the table that mean any file or folder, and for any run folder."""

FILE = "flags.json"

Words = list[str] | None
"""The words that a flag may take, as far as they are known; None if it takes no value."""


@cache
def read_table() -> Mapping[str, Mapping[str, Words]]:
    """Return command -> flag or positional argument -> its words.

    The commands are evaluate, train vae, ...; positional arguments are in their order.
    """
    file = resources.files("immersion.cli") / "help" / FILE
    return json.loads(file.read_text("utf-8")) if file.is_file() else {}


def find_owners(command: str, flag: str) -> str:
    """Return the hint that a flag is one of other recipes, or "".

    Args:
        command: The command, such as train vae.
        flag: The flag.

    Example:
        >>> find_owners("train vae", "--pack")
        'it is a flag of immersion train gan'
    """
    kind = command.split()[0]
    commands = [name.split() for name, flags in read_table().items() if flag in flags]
    owners = [words[1] for words in commands if words[0] == kind and len(words) > 1]
    return f"it is a flag of immersion {kind} {' | '.join(owners)}" if owners else ""
