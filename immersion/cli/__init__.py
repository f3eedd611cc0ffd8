"""The command line: `immersion COMMAND ...`.

Exit status: 0 on success; 2 on a user's mistake, stated in one sentence; 1 on an internal error;
128 + n if signal n ended the command. With --json the last line of standard output is JSON.
"""

import json
import os
import signal
import sys
from importlib import resources
from typing import Any

from immersion.check import NonFinite, UserError, check_choice

COMMANDS = {
    "train": ("immersion.commands.train", "train", "Train a model, or resume its training."),
    "evaluate": ("immersion.commands.evaluate", "evaluate", "Evaluate a model."),
    "apply": ("immersion.commands.apply", "apply", "Denoise, enlarge, ... your own pictures."),
    "export": ("immersion.commands.export", "export", "Write a model as an ONNX file."),
    "share": ("immersion.commands.share", "share", "Share a model: file, card, example; the hub."),
    "invert": ("immersion.commands.invert", "invert", "Train an encoder for a GAN."),
    "encode": ("immersion.commands.encode", "encode", "Encode your own examples."),
    "score": ("immersion.commands.encode", "score", "Score your own examples."),
    "sample": ("immersion.commands.sample", "sample", "Sample new examples."),
    "reconstruct": ("immersion.commands.draw", "reconstruct", "Encode and decode examples."),
    "interpolate": ("immersion.commands.draw", "interpolate", "Interpolate between examples."),
    "manifold": ("immersion.commands.draw", "manifold", "Show the learned manifold."),
    "report": ("immersion.commands.report", "report", "Write a run's report."),
    "runs": ("immersion.commands.runs", "runs", "List runs with their estimates."),
    "data": ("immersion.commands.data", "data", "List the known data sets."),
    "reproduce": ("immersion.papers.reproduce", "reproduce", "Reproduce published results."),
    "doctor": ("immersion.commands.doctor", "doctor", "Diagnose a run or this machine."),
}
"""Command -> module, function and summary. A module is imported when its command runs: help must
not wait for PyTorch."""

COLUMNS = {
    "data": ("name", "shape", "values", "examples", "place"),
    "runs": ("name", "recipe", "data", "step", "reason", "estimate", "date"),
    "reproduce": ("paper", "claim", "sense", "published", "measured", "unit", "status"),
}
"""Columns of lists that are printed as tables; --json has all of them."""

LISTS = {"data": "datasets", "runs": "runs"}
"""Keys of lists in the results of commands."""

HELP = ("-h", "--help")

SIGNALLED = 128
"""Exit status of a command that a signal ended, less the signal's number, as in shells."""


def main(argv: list[str] | None = None) -> None:
    """Run one command and exit."""
    # Threads that spin while they wait make a step several times slower on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in arguments
    arguments = [argument for argument in arguments if argument != "--json"]
    try:
        result = _run(arguments)
        if result is not None:
            text = json.dumps(result) if as_json else format_result(arguments[0], result)
            print(text, flush=True)
    except UserError as error:
        _fail(str(error), 2, as_json)
    except NonFinite as error:
        _fail(f"stopped: {error}.", 1, as_json)
    except KeyboardInterrupt:
        _fail("interrupted.", SIGNALLED + signal.SIGINT, as_json)
    except BrokenPipeError:  # the reader, such as head, needs no more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    except OSError as error:
        _fail(f"{error}; free the place, or name another.", 2, as_json)
    if isinstance(result, dict) and result.get("reason") == "interrupted":
        print("immersion: give the same command to resume.", file=sys.stderr)
        sys.exit(SIGNALLED + result["signal"])
    if isinstance(result, dict) and result.get("failed"):
        failed = "; ".join(entry["reason"].rstrip(".") for entry in result["failed"])
        print(f"immersion: {failed}.", file=sys.stderr)
        sys.exit(2)


def _run(arguments: list[str]) -> Any:
    """Run a command and return its result, or print help and return None."""
    if not arguments or arguments[0] in HELP:
        _print_page(write_overview())
        return None
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(version("immersion"))
        return None
    command, *rest = arguments
    check_choice("command", command, COMMANDS)
    if any(argument in HELP for argument in rest) and (page := read_help(arguments)):
        _print_page(page)
        return None
    from immersion.cli.flags import call_command

    return call_command(*COMMANDS[command][:2], rest)


def read_help(arguments: list[str]) -> str:
    """Return the generated help page of a command and, for `train`, of a recipe.

    Args:
        arguments: The command line without the program, such as ["train", "vae", "--help"].

    Returns:
        The page, or an empty text if none was generated.
    """
    recipe = arguments[0] == "train" and arguments[1] not in HELP
    file = resources.files("immersion.cli") / "help" / f"{'-'.join(arguments[: 1 + recipe])}.txt"
    return file.read_text("utf-8").rstrip("\n") if file.is_file() else ""


def write_overview() -> str:
    """Return the help page of `immersion`."""
    lines = [
        "Immersion learns the manifold that data lie on, measures how good the model is,",
        "and lets you walk on it.",
        "",
        "usage: immersion COMMAND [...] [--json]",
        "",
        *(f"  {name:13}{line}" for name, (_, _, line) in COMMANDS.items()),
        "",
        "A first model:  immersion train vae --data digits --latent-dim 2 --steps 3000",
        "A command's flags:  immersion COMMAND --help",
    ]
    return "\n".join(lines)


def _print_page(page: str) -> None:
    """Print a help page, in the characters that standard output has."""
    encoding = sys.stdout.encoding or "utf-8"
    if encoding.lower().replace("-", "") != "utf8":
        page = page.translate(str.maketrans("─│╭╮╰╯", "-|++++"))
        page = page.encode(encoding, "replace").decode(encoding)
    print(page)


def format_result(command: str, result: Any) -> str:
    """Return a result as text: certain lists as tables of their main columns."""
    rows = result.get(LISTS.get(command)) if isinstance(result, dict) else result
    if command not in COLUMNS or not isinstance(rows, list):
        return format_value(result)
    table = [
        list(COLUMNS[command]),
        *([format_value(row[name]) for name in COLUMNS[command]] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    padded = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in table)
    return "\n".join(padded)


def format_value(value: Any, indent: str = "") -> str:
    """Return a value as text, one line per entry, nested entries indented."""
    if isinstance(value, dict) and {"value", "standard_error", "unit"} <= set(value):
        error = "" if value["standard_error"] is None else f" +- {value['standard_error']:.4f}"
        return f"{value['value']:.4f}{error} {value['unit']}"
    if isinstance(value, dict):
        lines = []
        for name, inner in value.items():
            text = format_value(inner, indent + "  ")
            nested = isinstance(inner, (dict, list)) and "\n" in text
            lines.append(f"{indent}{name}:" + ("\n" + text if nested else f" {text.strip()}"))
        return "\n".join(lines)
    if isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value):
        return "\n\n".join(format_value(item, indent) for item in value)
    if isinstance(value, (list, tuple)):
        return ", ".join(format_value(item) for item in value)
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def _fail(message: str, status: int, as_json: bool) -> None:
    """Print an error and exit."""
    if as_json:
        print(json.dumps({"error": message, "status": status}))
    print(f"immersion: {message}", file=sys.stderr)
    sys.exit(status)
