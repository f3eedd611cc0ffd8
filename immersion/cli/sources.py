"""Values of flags that are not on the command line: of a file, and of environment variables.

A file is the `run.json` of any run, whose values it repeats, or TOML or JSON with flags by name,
flat or in one table for each command:

    recipe = "vae"          # of immersion train
    [train]
    steps = 3000
    learning_rate = 1e-3

The environment variable IMMERSION_TRAIN_LEARNING_RATE gives --learning-rate of immersion train,
and likewise for every flag and command. The command line has precedence over a file, a file over
the environment. IMMERSION_DATA names the data store and gives no flag.
"""

import json
import os
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from immersion.check import UserError
from immersion.cli.command import Command
from immersion.cli.commands import COMMANDS
from immersion.cli.parse import Given, suggest
from immersion.cli.table import read_table
from immersion.cli.values import format_words
from immersion.run_record import RunRecord, flatten, rename_legacy_keys

RECORD = {"recipe", "arguments", "options", "data"}
"""Keys that only the record of a run has."""

ENCODER = "encoder"
"""Recipe in the record of an encoder, which `immersion invert` trained."""


@dataclass(frozen=True)
class Config:
    """Values of flags in a file.

    Args:
        file: The file.
        values: Values by name of the flag.
        recipe: The recipe of `immersion train`, or empty.
        code: Path of the file of a recipe outside the package, where a run was trained by it.
    """

    file: Path
    values: Mapping[str, Any]
    recipe: str = ""
    code: str = ""

    @classmethod
    def read(cls, file: Path, command: str) -> "Config":
        """Return the values of a file for a command.

        Raises:
            UserError: The file cannot be read, or is of another command.
        """
        content = _read_file(file)
        if set(content) >= RECORD:
            return cls._of_record(file, content, command)
        own = content.get(command, {})
        tables = {name for name, value in content.items() if isinstance(value, dict)}
        flat = {n: value for n, value in content.items() if n not in tables & set(COMMANDS)}
        values = rename_legacy_keys(flat | flatten(own if command in tables else {}))
        values = {name.replace("-", "_"): value for name, value in values.items()}
        recipe = values.pop("recipe", "") if command == "train" else ""
        return cls(file, values, recipe)

    @classmethod
    def _of_record(cls, file: Path, content: dict[str, Any], command: str) -> "Config":
        """Return the recipe call, the data and the options of a run."""
        from immersion.run_folder import RunFolder  # imports PyTorch

        record = RunRecord.from_json(content)
        owner = "invert" if record.recipe == ENCODER else "train"
        if command != owner:
            raise UserError(
                f"'{file}' cannot give the flags of immersion {command}",
                "a TOML file",
                f"the record of immersion {owner}",
            )
        values = flatten(record.arguments) | flatten(record.options)
        if owner == "invert":
            return cls(file, values)
        paths = RunFolder(file.parent).paths()
        data = paths.get("data", record.data.source)
        values |= {"data": data if isinstance(data, str) else record.data.source}
        values |= {"size": record.data.size}
        return cls(file, values, record.recipe, paths.get("code", ""))

    def give(self, command: Command) -> dict[str, Given]:
        """Return what the file gives for a command's flags.

        Raises:
            UserError: A key is no flag.
        """
        known = {name: name for name in command.flags}
        for name in self.values:
            if name not in known:
                raise UserError(
                    f"unknown key in '{self.file}'",
                    f"a flag of immersion {command.name}",
                    f"'{name}'",
                    suggest(name, known | {word: word for word in COMMANDS})
                    or f"see immersion {command.name} --help",
                )
        return {
            name: Given(None if value is None else format_words(value), f"{name} in '{self.file}'")
            for name, value in self.values.items()
        }


def _read_file(file: Path) -> dict[str, Any]:
    """Return the content of a TOML or JSON file."""
    try:
        text = file.read_text("utf-8")
        content = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except OSError as error:
        raise UserError(f"'{file}' cannot be read", "--config FILE", error.strerror) from error
    except ValueError as error:
        format = "TOML" if file.suffix == ".toml" else "JSON, or a name that ends in .toml"
        raise UserError(f"'{file}' is damaged", format, error) from error
    if not isinstance(content, dict):
        raise UserError(f"'{file}' has no flags", "flags by name", type(content).__name__)
    return content


def read_environment(command: Command) -> dict[str, Given]:
    """Return what environment variables give for a command's flags; values are split at spaces.

    Raises:
        UserError: A variable with the command's prefix names no flag of it or of its other
            recipes.
    """
    kind = command.name.split()[0]
    prefix = f"IMMERSION_{kind.upper()}_"
    flags = {flag.name: flag for flag in command.flags.values() if not flag.positional}
    others = {
        flag.lstrip("-").replace("-", "_")
        for name, words in read_table().items()
        if name.split()[0] == kind
        for flag in words
    }
    given = {}
    for variable, value in os.environ.items():
        name = variable.removeprefix(prefix).lower()
        if not variable.startswith(prefix) or (name in others and name not in flags):
            continue
        if name not in flags:
            raise UserError(
                "unknown environment variable",
                f"{prefix} and a flag of immersion {kind}",
                variable,
                suggest(name, {flag: prefix + flag.upper() for flag in flags}) or "unset it",
            )
        split = flags[name].count not in (0, 1)
        given[name] = Given(tuple(shlex.split(value)) if split else (value,), variable)
    return given
