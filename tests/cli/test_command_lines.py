"""Command lines that were written down are valid: in documents, records, cards and run folders."""

import dataclasses
import json
import re
import shlex
import typing
from pathlib import Path

import pytest

from immersion.cli.invoke import resolve_command
from immersion.cli.shared import split_shared
from immersion.engine import Options
from immersion.recipes import RECIPES
from immersion.recipes.call import RecipeCall

ROOT = Path(__file__).parents[2]


def written() -> set[str]:
    """The command lines of the documents, without descriptions, and those of JSON files."""
    lines = set()
    for file in (*ROOT.glob("README.md"), *(ROOT / "docs").glob("*.md")):
        for line in file.read_text().splitlines():
            if line.startswith("immersion "):
                first, *others = re.split(r"\s{2,}", line)[0].split(" | ")
                lines |= {first, *(f"immersion {other}" for other in others)}
            lines |= set(re.findall(r"`(immersion [^`]+)`", line))
    for folder in ("papers/results", "pretrained/weights"):
        for file in (ROOT / "immersion" / folder).glob("*.json"):
            lines |= set(re.findall(r'"command": "([^"]+)"', file.read_text()))
    vague = ("INPUT...", "mine.py", "--config")
    lines = {line for line in lines if not any(word in line for word in vague)}
    return {line for line in lines if len(line.split()) > 2}


@pytest.mark.parametrize("line", sorted(written()))
def test_a_written_command_line_is_valid(line):
    _, words = split_shared(shlex.split(line.replace("[", "").replace("]", "")))
    resolve_command(words[1], words[2:])


def alter(kind: object, value: object) -> object:
    """Another value of a type, if one is known."""
    kinds = [part for part in typing.get_args(kind) or [kind] if part is not type(None)]
    if typing.get_origin(kind) is typing.Literal:
        return next((other for other in kinds if other != value), value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value * 0.5 if isinstance(value, float) else value + 1
    return {int: 3, float: 0.25}.get(kinds[0], value) if value is None else value


def alter_all(kind: type, value: object) -> object:
    """A dataclass with every field altered that may be."""
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        try:
            other = alter(hints[field.name], getattr(value, field.name))
            value = dataclasses.replace(value, **{field.name: other})
        except ValueError:
            pass
    return value


@pytest.mark.parametrize("name", RECIPES)
def test_the_recorded_command_of_any_call_gives_the_same_call(name):
    arguments = {
        key: alter_all(p.annotation, p.default)
        if dataclasses.is_dataclass(p.annotation)
        else alter(p.annotation, p.default)
        for key, p in RecipeCall(name).parameters.items()
    }
    call, options = RecipeCall(name, arguments), alter_all(Options, Options())
    line = shlex.split(call.command_line("some data", 16, options))
    command, values = resolve_command(line[1], line[2:])
    given = {}
    object.__setattr__(command, "function", lambda **received: given.update(received))
    command.run(values, quiet=True)
    assert (given.pop("data"), given.pop("size"), given.pop("options")) == (
        "some data",
        16,
        options,
    )
    assert RecipeCall(name, given).settings == call.settings != RecipeCall(name).settings
    assert json.dumps(RecipeCall(name, given).to_json())
