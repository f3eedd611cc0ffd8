"""Help pages of commands: text of 80 columns, without colour or boxes."""

import re
import textwrap
from collections.abc import Iterable, Sequence

from immersion.cli.choices import list_choices
from immersion.cli.command import Command
from immersion.cli.commands import COMMANDS, GROUPS
from immersion.cli.flags import REQUIRED, SHORT, Flag
from immersion.cli.values import format_words

WIDTH = 80
INDENT = 24
"""Column of descriptions."""

GLOBAL = {
    "--config FILE": "Flags in a file: the run.json of a run, or TOML.",
    "--json": "The last line of standard output is JSON; a number that is not finite is null.",
    "-q, --quiet": "Nothing but the result and errors.",
    "-v, --verbose": "Where values come from, each line of the metrics, and tracebacks.",
    "--trust-code": "Run the code outside the package that a run or a file names.",
    "-h, --help": "Help on a command.",
}
"""Flags of every command."""

FOOTER = "--config FILE, --json, --quiet and --verbose: see immersion --help."


def write_overview() -> str:
    """Return the help page of `immersion`."""
    lines = [
        "Immersion learns the manifold that data lie on, measures how good the model is,",
        "and lets you walk on it.",
        "",
        "usage: immersion COMMAND [...] [flags]",
    ]
    for group, commands in GROUPS.items():
        lines += ["", f"{group}:", *(f"  {name:13}{e.summary}" for name, e in commands.items())]
    lines += ["", "flags of every command:"]
    lines += [f"  {flag:18}{text}" for flag, text in GLOBAL.items()]
    lines += [
        "  --no-FLAG         Turns a switch off that is on by default or in a file.",
        "",
        "IMMERSION_TRAIN_STEPS=500 in the environment is --steps 500 of immersion train,",
        "and so for all flags. Flags given win over --config, and it over the environment.",
        "",
        "A first model:  immersion train vae --data digits --latent-dim 2 --steps 3000",
        "A command's flags:  immersion COMMAND --help",
    ]
    return "\n".join(lines)


def write_recipes(recipes: Iterable[tuple[str, str]]) -> str:
    """Return the help page of `immersion train`.

    Args:
        recipes: Name and documentation of each recipe.
    """
    lines = [
        "usage: immersion train RECIPE [flags]",
        "",
        COMMANDS["train"].summary,
        "",
        "recipes:",
    ]
    for name, text in sorted(recipes):
        lines += _wrap(text.splitlines()[0], f"  {name:12}", " " * 14)
    lines += ["", "or a function of yours, file.py:function or package.module:function.", ""]
    lines += ["examples:", *(f"  immersion train {words}" for words in COMMANDS["train"].examples)]
    return "\n".join([*lines, "", "A recipe's flags:  immersion train RECIPE --help", FOOTER])


def write_page(command: Command, examples: Sequence[str]) -> str:
    """Return the help page of a command: usage, examples, basic flags, and then all others.

    Basic flags are those that must be given and those that the examples use.

    Args:
        command: The command.
        examples: Command lines, without `immersion` and the command's name.
    """
    used = {word for line in examples for word in line.split() if word.startswith("--")}
    flags = [flag for flag in command.flags.values() if not flag.positional]
    basic = [flag for flag in flags if flag.default is REQUIRED or flag.word in used]
    others = [flag for flag in flags if flag not in basic]
    groups: dict[str, list[Flag]] = {"arguments:": command.positional, "basic flags:": basic}
    groups["more flags:" if basic else "flags:"] = [flag for flag in others if not flag.group]
    for flag in others:
        if flag.group:
            title = f"{flag.group.replace('_', ' ')}: {command.texts.get(flag.group, '')}"
            groups.setdefault(title, []).append(flag)
    parts = [f"usage: {command.usage}", *_describe(command), "examples:"]
    parts[-1] += "".join(f"\n  immersion {command.name} {words}".rstrip() for words in examples)
    for title, members in groups.items():
        if members:
            lines = _wrap(title.strip()) + [
                line for flag in members for line in _format_flag(flag, command)
            ]
            parts.append("\n".join(lines))
    return "\n\n".join([*parts, FOOTER])


def _describe(command: Command) -> list[str]:
    """Return the paragraphs of the docstring above its sections."""
    text = re.split(r"^\w+:\n", command.documentation, maxsplit=1, flags=re.MULTILINE)[0]
    return ["\n".join(_wrap(part)) for part in text.strip().split("\n\n") if part]


def _format_flag(flag: Flag, command: Command) -> list[str]:
    """Return a flag's lines: its names and placeholder, and its description."""
    words = f"{SHORT[flag.name]}, {flag.word}" if flag.name in SHORT else flag.word
    if flag.positional:
        words += "..." if flag.count is None else ""
    elif flag.switch:
        words = f"--no-{words[2:]}" if flag.default is True else words
    else:
        closed = flag.kind is str and list_choices(flag, command)[1]
        words += " NAME" if closed else f" {flag.placeholder}"
    text = " ".join([_link(flag.text, command), _state_values(flag, command)]).strip()
    first, *rest = _wrap(text, " " * INDENT, " " * INDENT) or [""]
    if len(words) > INDENT - 4:
        return [f"  {words}", first, *rest]
    return [f"  {words:{INDENT - 2}}{first.lstrip()}".rstrip(), *rest]


def _state_values(flag: Flag, command: Command) -> str:
    """Return the words that a flag may take and its default, as far as it has them."""
    words, closed = list_choices(flag, command)
    stated = all(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", flag.text) for word in words)
    choices = "" if stated else f"{'one of' if closed else 'names:'} {', '.join(words)}"
    default = "" if flag.default in (None, REQUIRED, ()) else " ".join(format_words(flag.default))
    if flag.switch:
        default = "yes" if flag.default else "no"
    parts = [choices] if choices else []
    parts += [f"default: {default}"] if default else []
    return f"({'; '.join(parts)})" if parts else ""


def _link(text: str, command: Command) -> str:
    """Return a description with the flags for the parameters that it names."""

    def link(match: re.Match[str]) -> str:
        flag = command.flags.get(match[1])
        return match[1] if flag is None else flag.word

    return re.sub(r"`(\w+)`", link, text)


def _wrap(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=False,
    )
