"""The command line: `immersion COMMAND ...`.

Exit status: 0 on success; 2 on a user's mistake, stated in one sentence; 1 on an internal error;
128 + n if signal n ended the command. With --json the last line of standard output is JSON.
"""

import logging
import os
import signal
import sys
from importlib import resources
from typing import Any

from immersion.check import NonFinite, UserError, check_choice
from immersion.cli.commands import COMMANDS
from immersion.cli.output import format_json, format_result
from immersion.cli.shared import SharedFlags, configure_logging, split_shared

__all__ = ["COMMANDS", "main"]

COMPLETE = "__complete"
"""What a shell's completion script calls instead of a command."""

HELP = {"-h", "--help"}

SIGNALLED = 128
"""Exit status of a command that a signal ended, less the signal's number, as in shells."""

logger = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    """Run one command and exit."""
    # Threads that spin while they wait make a step several times slower on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == [COMPLETE]:
        from immersion.cli.completion import complete

        print("\n".join(complete(arguments[1:])))
        return
    as_json = "--json" in arguments
    try:
        shared, arguments = split_shared(arguments)
        configure_logging(shared)
        result = _run(arguments, shared)
        if result is not None:
            text = format_json(result) if as_json else format_result(arguments[0], result)
            print(text, flush=True)
    except UserError as error:
        logger.debug("the cause", exc_info=True)
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


def _run(words: list[str], shared: SharedFlags) -> Any:
    """Run a command and return its result, or print help and return None."""
    if not words or words[0] in HELP:
        from immersion.cli.pages import write_overview

        _print_page(write_overview())
        return None
    if words[0] == "--version":
        from importlib.metadata import version

        print(version("immersion"))
        return None
    command, *rest = words
    check_choice("command", command, COMMANDS)
    if HELP & set(rest):
        _print_page(read_help(command, rest))
        return None
    from immersion.cli.invoke import call_command

    return call_command(command, rest, shared)


def read_help(command: str, words: list[str]) -> str:
    """Return the help page of a command: the generated one, or for your own recipe a new one.

    Args:
        command: The command.
        words: The words after it.
    """
    recipe = words[0] if command == "train" and not words[0].startswith("-") else ""
    name = f"{command}-{recipe}" if recipe else command
    file = resources.files("immersion.cli") / "help" / f"{name}.txt"
    if file.is_file():
        return file.read_text("utf-8").rstrip("\n")
    from immersion.cli.command import load_command, load_training
    from immersion.cli.examples import find_examples
    from immersion.cli.pages import write_page

    loaded = load_training(recipe) if recipe else load_command(command)
    return write_page(loaded, find_examples(loaded.name))


def _print_page(page: str) -> None:
    """Print a help page, in the characters that standard output has."""
    encoding = sys.stdout.encoding or "utf-8"
    print(page.encode(encoding, "replace").decode(encoding))


def _fail(message: str, status: int, as_json: bool) -> None:
    """Print an error and exit."""
    if as_json:
        print(format_json({"error": message, "status": status}))
    print(f"immersion: {message}", file=sys.stderr)
    sys.exit(status)
