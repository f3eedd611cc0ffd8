"""Run the command that a command line names, with what files and the environment give."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from immersion.check import UserError
from immersion.cli.command import Command, load_command, load_training
from immersion.cli.parse import override, parse
from immersion.cli.shared import SharedFlags
from immersion.cli.sources import Config, read_environment


def call_command(name: str, words: Sequence[str], shared: SharedFlags = SharedFlags()) -> Any:
    """Parse a command's flags, run it and return its result.

    Args:
        name: The command.
        words: The words after it, without the shared flags.
        shared: The shared flags.

    Raises:
        UserError: The command line is not valid.
    """
    with _trust() if shared.trust_code else nullcontext():
        command, values = resolve_command(name, words, shared.config)
        return command.run(values, shared.quiet)


def _trust() -> AbstractContextManager[None]:
    from immersion.recipes.own import trust_code  # imports PyTorch

    return trust_code()


def resolve_command(
    name: str, words: Sequence[str], file: Path | None = None
) -> tuple[Command, dict[str, Any]]:
    """Return a command and the values of its flags: given, of a file, or of the environment.

    Args:
        name: The command; for `train` the recipe is the first word, or in the file.
        words: The words after it.
        file: A file of flags; see `sources`.

    Raises:
        UserError: The command line, the file or a variable is not valid.
    """
    config = None if file is None else Config.read(file, name)
    if name == "train":
        recipe, words = _select_recipe(words, config)
        command = load_training(recipe)
    else:
        command = load_command(name)
    given = read_environment(command)
    given = given if config is None else override(given, config.give(command))
    return command, parse(command, words, given)


def _select_recipe(words: Sequence[str], config: Config | None) -> tuple[str, Sequence[str]]:
    """Return the recipe that the first word or the file names, and the other words."""
    named = words[0] if words and not words[0].startswith("-") else ""
    configured = "" if config is None else config.recipe
    if not named and not configured:
        from immersion.recipes import RECIPES

        received = words[0] if words else "nothing"
        remedy = "name one, or your own as file.py:function"
        raise UserError("no recipe was named", f"one of {', '.join(RECIPES)}", received, remedy)
    if config is not None and named and configured and Path(named).name != configured:
        remedy = "name the same recipe, or leave it out"
        raise UserError(f"'{config.file}' is of another recipe", configured, named, remedy)
    if config is not None and not named and ":" in configured:
        from immersion.recipes.own import find_recipe

        find_recipe(configured, config.code)  # refused unless the user trusts it
        if config.code:
            configured = f"{config.code}:{configured.rpartition(':')[2]}"
    return named or configured, words[1:] if named else words
