"""Flags and positional arguments: read from the signature and the docstring of a function."""

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from immersion.check import UserError
from immersion.cli.values import (
    count_words,
    format_placeholder,
    is_expressible,
)

REQUIRED = inspect.Parameter.empty
"""Default of a flag that must be given."""

SHORT = {"out": "-o"}
"""Short names of flags."""

RESERVED = {"config", "help", "json", "quiet", "trust_code", "verbose"}
"""Names of the flags that every command has."""

NOUNS = re.compile(r"\b(run|file|picture|folder)(s?)\b")
"""What a path is of, in its description."""


@dataclass(frozen=True)
class Flag:
    """A flag or a positional argument of a command.

    Args:
        name: Name of the parameter, or of a field of a parameter that is a dataclass.
        kind: Type of the value.
        default: The default, or REQUIRED.
        text: Description.
        group: The parameter whose field it is; empty for a parameter.
        positional: If True, it is given by its place.
    """

    name: str
    kind: Any
    default: Any = REQUIRED
    text: str = ""
    group: str = ""
    positional: bool = False

    @property
    def word(self) -> str:
        """Return how it is written: --latent-dim, or RUN."""
        return self.name.upper() if self.positional else f"--{self.name.replace('_', '-')}"

    @property
    def placeholder(self) -> str:
        """Return the placeholder of its value in help: RUN, N, NAME, ...

        That of a path is what its description begins with: a run, a file or a folder.
        """
        placeholder, several = format_placeholder(self.kind), self.count is None
        if placeholder.removesuffix("...") not in ("TEXT", "PATH"):
            return placeholder
        clause = re.split(r"[;:.]", self.text.lower())[0]
        found = NOUNS.findall(clause) if "PATH" in placeholder else []
        nouns = list(dict.fromkeys(noun for noun, plural in found if several or not plural))
        word = "run" if nouns[:1] == ["run"] else "|".join(nouns) or self.name.rpartition("_")[2]
        return word.upper() + ("..." if several else "")

    @property
    def switch(self) -> bool:
        """Return whether it takes no value: --page or --no-page."""
        return self.kind is bool

    @property
    def count(self) -> int | None:
        """Return the number of its words, or None if any number is allowed."""
        return 0 if self.switch else count_words(self.kind)


def read_flags(
    parameters: Iterable[inspect.Parameter], texts: Mapping[str, str]
) -> dict[str, Flag]:
    """Return the flags of parameters and of the fields of dataclasses among them, by name.

    A parameter that may be given by its place is a positional argument. One that no words can
    express, such as a function, is left at its default.

    Args:
        parameters: The parameters, with resolved annotations.
        texts: Descriptions of the parameters; see `read_texts`.

    Raises:
        UserError: Two have one name, or the name of a flag that every command has.
    """
    flags: dict[str, Flag] = {}
    for parameter in parameters:
        for flag in _read_parameter(parameter, texts.get(parameter.name, "")):
            if flag.name in flags or flag.name in RESERVED:
                raise UserError(
                    f"two parameters would be the flag {flag.word}", remedy="rename one"
                )
            flags[flag.name] = flag
    return flags


def _read_parameter(parameter: inspect.Parameter, text: str) -> list[Flag]:
    name, kind, default = parameter.name, parameter.annotation, parameter.default
    if dataclasses.is_dataclass(kind):
        return _read_fields(name, kind, default)
    if kind in (Any, REQUIRED):  # your own recipe: without a type, that of the default
        kind = str if default in (None, REQUIRED) else type(default)
    positional = parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    flag = Flag(name, kind, default, text, positional=positional)
    return [flag] if is_expressible(kind) else []


def _read_fields(group: str, kind: Any, default: Any) -> list[Flag]:
    """Return the flags of a dataclass's fields; the parameter's default has precedence."""
    hints, texts = typing.get_type_hints(kind), read_texts(inspect.getdoc(kind) or "")
    flags = []
    for field in dataclasses.fields(kind):
        value = field.default if default is REQUIRED else getattr(default, field.name)
        value = REQUIRED if value is dataclasses.MISSING else value
        flag = Flag(field.name, hints[field.name], value, texts.get(field.name, ""), group)
        flags += [flag] if field.init and is_expressible(flag.kind) else []
    return flags


def read_texts(documentation: str) -> dict[str, str]:
    """Return the descriptions in the section Args of a docstring, by name.

    Example:
        >>> read_texts("Count.\\n\\nArgs:\\n    data: A set,\\n        or a file.\\n    seed: S.")
        {'data': 'A set, or a file.', 'seed': 'S.'}
    """
    _, _, section = documentation.partition("Args:\n")
    section = re.split(r"^\S", section, maxsplit=1, flags=re.MULTILINE)[0]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def fill_parameters(
    parameters: Iterable[inspect.Parameter], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a function: given values, in their dataclasses where they belong.

    Args:
        parameters: The parameters that flags were read from.
        values: Values of flags by name; the others keep their defaults.

    Raises:
        UserError: A dataclass does not allow its values.
    """
    arguments: dict[str, Any] = {}
    for parameter in parameters:
        name, kind, default = parameter.name, parameter.annotation, parameter.default
        if not dataclasses.is_dataclass(kind):
            arguments |= {name: values[name]} if name in values else {}
            continue
        names = {field.name for field in dataclasses.fields(kind) if field.init}
        given = {field: values[field] for field in names & set(values)}
        if default is REQUIRED:
            arguments[name] = typing.cast(Any, kind)(**given)
        elif given:
            arguments[name] = dataclasses.replace(default, **given)
    return arguments
