"""The command line: flags are read from the signatures of commands and recipes.

Every command exits with 0 on success, 2 on a user's mistake, told in one sentence, and 1 on a
fault of its own, and 128 + n where signal n ended it; with --json the last line of standard output
is a JSON object.
"""

import contextlib
import importlib
import inspect
import io
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from typing import Annotated, Any

from immersion.check import NonFinite, UserError, check_choice
from immersion.progress import show_progress
from immersion.run_record import RENAMED

COMMANDS = {
    "train": ("immersion.commands.train", "train", "Train a model; the same command goes on."),
    "evaluate": ("immersion.commands.evaluate", "evaluate", "Say how good a model is."),
    "apply": ("immersion.commands.apply", "apply", "Denoise, enlarge, ... one's own pictures."),
    "export": ("immersion.commands.export", "export", "Write such a network as an ONNX file."),
    "invert": ("immersion.commands.invert", "invert", "Give a GAN an encoder."),
    "sample": ("immersion.commands.draw", "sample", "Draw new examples."),
    "reconstruct": ("immersion.commands.draw", "reconstruct", "Encode and decode examples."),
    "interpolate": ("immersion.commands.draw", "interpolate", "Walk between two examples."),
    "manifold": ("immersion.commands.draw", "manifold", "Show the learned manifold."),
    "report": ("immersion.commands.draw", "report", "Write report.html anew."),
    "data": ("immersion.commands.data", "data", "List the known data sets."),
    "reproduce": ("immersion.papers.reproduce", "reproduce", "Reproduce published results."),
    "doctor": ("immersion.commands.doctor", "doctor", "Say what ails a run, or the machine."),
}
"""Command -> module, function and one line. Modules are imported when they are needed: help must
not wait for PyTorch."""

COLUMNS = {
    "data": ("name", "shape", "values", "examples", "place"),
    "reproduce": ("paper", "claim", "sense", "published", "measured", "unit", "status"),
}
"""What a person is shown of a list; --json has all of it."""

ALIASES = {"out": ("-o",), "latent_dim": ("--latent",)}
"""Short names of flags."""

JSON_HELP = "With --json the last line of standard output is JSON."

SIGNALLED = 128
"""Exit status of what a signal ended, less the signal's number, as shells have it."""


def main(argv: list[str] | None = None) -> None:
    """Run one command and exit."""
    # Threads that spin while they wait make a step several times slower on a busy machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    arguments = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in arguments
    arguments = [_rename_flag(argument) for argument in arguments if argument != "--json"]
    try:
        result = _run(arguments)
        if result is not None:
            print(json.dumps(result) if as_json else _shown(arguments[0], result), flush=True)
    except UserError as error:
        _fail(str(error), 2, as_json)
    except NonFinite as error:
        _fail(f"stopped: {error}.", 1, as_json)
    except KeyboardInterrupt:
        _fail("interrupted.", SIGNALLED + signal.SIGINT, as_json)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    except OSError as error:
        _fail(f"{error}; free the place, or name another.", 2, as_json)
    if isinstance(result, dict) and result.get("reason") == "interrupted":
        print("immersion: give the same command to go on from here.", file=sys.stderr)
        sys.exit(SIGNALLED + result["signal"])
    if isinstance(result, dict) and result.get("failed"):
        failed = "; ".join(entry["reason"].rstrip(".") for entry in result["failed"])
        print(f"immersion: {failed}.", file=sys.stderr)
        sys.exit(2)


def _rename_flag(argument: str) -> str:
    """Return a flag of an earlier version, such as `--latent=2`, under its present name."""
    flag, equals, value = argument.partition("=")
    name = flag.removeprefix("--").replace("_", "-")
    if not flag.startswith("--") or name not in RENAMED:
        return argument
    return "--" + RENAMED[name].replace("_", "-") + equals + value


def _run(arguments: list[str]) -> dict[str, Any] | None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return None
    if arguments[0] == "--version":
        from importlib.metadata import version

        print(version("immersion"))
        return None
    command, *rest = arguments
    module, function, _ = COMMANDS[check_choice("command", command, COMMANDS)]
    if command == "train":
        return _train(rest)
    called = getattr(importlib.import_module(module), function)
    if command == "invert":
        called = _with_progress(called)
    with show_progress():
        return _parse(called, rest, f"immersion {command}")


def _with_progress(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that trains, with its progress shown."""
    from immersion.progress import track_training

    def run(*places: Any, options: Any, **given: Any) -> dict[str, Any]:
        with track_training(options.steps) as on_metrics:
            return command(*places, **given, options=options, on_metrics=on_metrics)

    signature = inspect.signature(command, eval_str=True)
    flags = [p for p in signature.parameters.values() if p.name != "on_metrics"]
    run.__signature__ = signature.replace(parameters=flags)
    run.__doc__ = inspect.getdoc(command)
    return run


def _train(arguments: list[str]) -> dict[str, Any] | None:
    from immersion.commands.train import train
    from immersion.recipes import RECIPES

    if arguments and arguments[0] in ("-h", "--help"):
        print("usage: immersion train RECIPE [--data NAME|PATH] [--out RUN] [...]\n\nrecipes:")
        for name, recipe in RECIPES.items():
            print(f"  {name:12}{_first_line(recipe)}")
        print("\nimmersion train RECIPE --help tells a recipe's flags.")
        return None
    if not arguments or arguments[0].startswith("-"):
        received = arguments[0] if arguments else "nothing"
        raise UserError("no recipe was named", f"one of {', '.join(RECIPES)}", received)
    recipe, *rest = arguments
    return _parse(_with_recipe(train, recipe), rest, f"immersion train {recipe}")


def _with_recipe(train: Callable[..., Any], recipe: str) -> Callable[..., Any]:
    """Return `train` for one recipe, with the recipe's arguments as its own."""
    from immersion.progress import track_training
    from immersion.recipes import RECIPES
    from immersion.recipes.call import RecipeCall
    from immersion.recipes.image_to_image import patches_of

    theirs = RecipeCall(recipe).parameters

    def run(**given: Any) -> dict[str, Any]:
        arguments = {name: given.pop(name) for name in theirs}
        with track_training(given["options"].steps) as on_metrics:
            return train(recipe, **given, arguments=arguments, on_metrics=on_metrics)

    ours = dict(inspect.signature(train, eval_str=True).parameters)
    if patches_of(RECIPES[recipe]):  # no set of pictures is everybody's, as digits are
        ours["data"] = ours["data"].replace(default=inspect.Parameter.empty)
    parameters = [*(ours[name] for name in ("data", "out", "size")), *theirs.values()]
    run.__signature__ = inspect.Signature([*parameters, ours["options"]])
    run.__doc__ = _joined_help(RECIPES[recipe], train)
    return run


def _joined_help(recipe: Callable[..., Any], train: Callable[..., Any]) -> str:
    """Return the recipe's docstring with the data and output arguments of `train`."""
    lines = (inspect.getdoc(train) or "").splitlines()
    shared = [line for line in lines if line.lstrip().startswith(("data:", "out:", "size:"))]
    return "\n".join([(inspect.getdoc(recipe) or "").rstrip(), *shared])


def _parse(function: Callable[..., Any], arguments: list[str], program: str) -> dict[str, Any]:
    """Call a function with flags read from its signature; a wrong flag is told in one sentence."""
    import tyro

    signature = inspect.signature(function, eval_str=True)
    # What stands before the * in a signature is given by place, even where it has a default.
    parameters = [
        p.replace(annotation=tyro.conf.Positional[p.annotation])
        if p.kind is p.POSITIONAL_OR_KEYWORD
        else p.replace(annotation=Annotated[p.annotation, tyro.conf.arg(aliases=ALIASES[p.name])])
        if p.name in ALIASES
        else p
        for p in signature.parameters.values()
    ]

    def collect(*args: Any, **kwargs: Any) -> inspect.BoundArguments:
        return signature.bind(*args, **kwargs)

    collect.__signature__ = signature.replace(parameters=parameters)
    collect.__annotations__ = {p.name: p.annotation for p in parameters}
    first, _, rest = (inspect.getdoc(function) or "").partition("\n")
    collect.__doc__ = f"{first}\n\n{JSON_HELP}\n{rest}"
    heard = io.StringIO()
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.DisallowNone)
    try:
        with contextlib.redirect_stderr(heard):
            bound = tyro.cli(collect, args=arguments, prog=program, config=config)
    except SystemExit as stop:
        if stop.code:
            raise UserError(_sentence(heard.getvalue())) from None
        raise
    return function(*bound.args, **bound.kwargs)


def _sentence(box: str) -> str:
    """Return what is said in one of tyro's boxes as one sentence, without its page of help."""
    lines = [line.strip("─│╭╮╰╯| ") for line in box.splitlines()[1:]]  # the first is a title
    # Rules are drawn with dashes where the terminal has no better characters.
    said = [line for line in lines if line.strip("-+") and not line.startswith("For full help")]
    words = re.sub(r"\[/?bold\]", "", " ".join(said))
    words = re.sub(r"^Error parsing \w+: ", "", words.split(" Argument helptext:")[0])
    return " ".join(words.split()).rstrip(".")


def _overview() -> str:
    lines = [
        "Immersion learns the manifold that data lie on, says how good the model is,",
        "and lets a person walk on it.",
        "",
        "usage: immersion COMMAND [...] [--json]",
        "",
        *(f"  {name:13}{line}" for name, (_, _, line) in COMMANDS.items()),
        "",
        "A first model:  immersion train vae --data digits --latent-dim 2 --steps 3000",
        "A command's flags:  immersion COMMAND --help",
    ]
    return "\n".join(lines)


def _first_line(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").splitlines()[0]


def _shown(command: str, result: Any) -> str:
    """Return a result for a person to read: lists as tables of what matters most."""
    rows = result.get("datasets") if isinstance(result, dict) else result
    if command not in COLUMNS or not isinstance(rows, list):
        return _readable(result)
    table = [
        COLUMNS[command],
        *([_readable(row[name]) for name in COLUMNS[command]] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    padded = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in table)
    return "\n".join(padded)


def _readable(value: Any, indent: str = "") -> str:
    """Return a result for a person to read: one line a value, nested ones indented."""
    if isinstance(value, dict) and {"value", "standard_error", "unit"} <= set(value):
        error = "" if value["standard_error"] is None else f" +- {value['standard_error']:.4f}"
        return f"{value['value']:.4f}{error} {value['unit']}"
    if isinstance(value, dict):
        lines = []
        for name, inner in value.items():
            text = _readable(inner, indent + "  ")
            nested = isinstance(inner, (dict, list)) and "\n" in text
            lines.append(f"{indent}{name}:" + ("\n" + text if nested else f" {text.strip()}"))
        return "\n".join(lines)
    if isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value):
        return "\n\n".join(_readable(item, indent) for item in value)
    if isinstance(value, (list, tuple)):
        return ", ".join(_readable(item) for item in value)
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def _fail(message: str, status: int, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"error": message, "status": status}))
    print(f"immersion: {message}", file=sys.stderr)
    sys.exit(status)
