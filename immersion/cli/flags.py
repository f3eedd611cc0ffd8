"""Command-line flags: read from the signatures and docstrings of commands and recipes."""

import contextlib
import importlib
import inspect
import io
import re
from collections.abc import Callable
from typing import Annotated, Any, cast

import tyro

from immersion.check import UserError
from immersion.progress import show_progress, track_training
from immersion.run_record import RENAMED

ALIASES = {"out": ("-o",)}
"""Short names of flags."""

JSON_HELP = "With --json the last line of standard output is JSON."

SHARED = ("data", "out", "size")
"""Parameters of `train` that every recipe's command has."""


def call_command(module: str, function: str, arguments: list[str]) -> Any:
    """Parse a command's arguments, run it and return its result.

    Args:
        module: The command's module.
        function: The command's name, which is that of its function.
        arguments: The command line after the command.

    Raises:
        UserError: The arguments are not valid.
    """
    command = getattr(importlib.import_module(module), function)
    program = f"immersion {function}"
    if function == "train":
        recipe, *arguments = _check_recipe(arguments)
        return parse(make_train_command(command, recipe), arguments, f"{program} {recipe}")
    if function == "invert":
        command = show_training(command)
    with show_progress():
        return parse(command, arguments, program)


def _check_recipe(arguments: list[str]) -> list[str]:
    """Return the arguments of `train` if they begin with a recipe's name."""
    if not arguments or arguments[0].startswith("-"):
        from immersion.recipes import RECIPES

        received = arguments[0] if arguments else "nothing"
        raise UserError("no recipe was named", f"one of {', '.join(RECIPES)}", received)
    return arguments


def make_train_command(train: Callable[..., Any], recipe: str) -> Callable[..., Any]:
    """Return `train` for one recipe, with the recipe's parameters among its own."""
    from immersion.recipes import RECIPES
    from immersion.recipes.call import RecipeCall
    from immersion.recipes.image_to_image import get_patches

    function = RECIPES[recipe]
    theirs = RecipeCall(recipe).parameters

    def run(**values: Any) -> dict[str, Any]:
        arguments = {name: values.pop(name) for name in theirs}
        with track_training(values["options"].steps) as on_metrics:
            return train(recipe, **values, arguments=arguments, on_metrics=on_metrics)

    ours = dict(inspect.signature(train, eval_str=True).parameters)
    if get_patches(function):  # there is no usual set of pictures, as there is of digits
        ours["data"] = ours["data"].replace(default=inspect.Parameter.empty)
    parameters = [*(ours[name] for name in SHARED), *theirs.values(), ours["options"]]
    documentation = "\n".join(
        [(inspect.getdoc(function) or "").rstrip(), *_find_shared_help(train)]
    )
    return _present(run, inspect.Signature(parameters), documentation)


def _find_shared_help(train: Callable[..., Any]) -> list[str]:
    """Return the lines of `train`'s docstring on the parameters that every recipe has."""
    lines, shared = [], False
    for line in (inspect.getdoc(train) or "").splitlines():
        if entry := re.match(r" {4}(\w+): ", line):
            shared = entry[1] in SHARED
        elif not line.startswith(" " * 5):
            shared = False
        lines += [line] if shared else []
    return lines


def show_training(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that trains, with its progress shown."""

    def run(*positional: Any, options: Any, **values: Any) -> dict[str, Any]:
        with track_training(options.steps) as on_metrics:
            return command(*positional, **values, options=options, on_metrics=on_metrics)

    signature = inspect.signature(command, eval_str=True)
    parameters = [p for p in signature.parameters.values() if p.name != "on_metrics"]
    return _present(run, signature.replace(parameters=parameters), inspect.getdoc(command) or "")


def _present(
    function: Callable[..., Any], signature: inspect.Signature, documentation: str
) -> Callable[..., Any]:
    """Return a function after giving it the signature and docstring that flags are read from."""
    vars(function)["__signature__"] = signature
    function.__doc__ = documentation
    function.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return function


def parse(function: Callable[..., Any], arguments: list[str], program: str) -> Any:
    """Call a function with the values of the flags that its signature defines.

    Args:
        function: Parameters before the * of its signature are positional arguments.
        arguments: The command line after the program.
        program: The program's name in its help page.

    Raises:
        UserError: A flag or value is not valid.
        SystemExit: Help was requested and has been printed.
    """
    signature = inspect.signature(function, eval_str=True)

    def collect(*args: Any, **kwargs: Any) -> inspect.BoundArguments:
        return signature.bind(*args, **kwargs)

    first, _, rest = (inspect.getdoc(function) or "").partition("\n")
    flags = signature.replace(parameters=[_annotate(p) for p in signature.parameters.values()])
    program_function = _present(collect, flags, f"{first}\n\n{JSON_HELP}\n{rest}")
    errors = io.StringIO()
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.DisallowNone)
    current = [_rename_flag(argument) for argument in arguments]
    try:
        with contextlib.redirect_stderr(errors):
            bound = tyro.cli(program_function, args=current, prog=program, config=config)
    except SystemExit as stop:
        if stop.code:
            raise UserError(_extract_sentence(errors.getvalue())) from None
        raise
    return function(*bound.args, **bound.kwargs)


def _annotate(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return a parameter with its place or its aliases on the command line."""
    annotation = parameter.annotation
    if parameter.kind is parameter.POSITIONAL_OR_KEYWORD:  # positional even if it has a default
        annotation = cast(Any, tyro.conf.Positional)[annotation]
    elif parameter.name in ALIASES:
        annotation = Annotated[annotation, tyro.conf.arg(aliases=ALIASES[parameter.name])]
    return parameter.replace(annotation=annotation)


def _rename_flag(argument: str) -> str:
    """Return a flag of an earlier version, such as `--latent=2`, under its present name."""
    flag, equals, value = argument.partition("=")
    prefix = "--no-" if flag.startswith("--no-") else "--"
    name = flag.removeprefix(prefix).replace("-", "_")
    if not flag.startswith("--") or name not in RENAMED:
        return argument
    return prefix + RENAMED[name].replace("_", "-") + equals + value


def _extract_sentence(box: str) -> str:
    """Return the message in one of tyro's boxes as one sentence, without the help it repeats."""
    lines = [line.strip("─│╭╮╰╯| ") for line in box.splitlines()[1:]]  # the first is a title
    # Rules are drawn with dashes where the terminal has no better characters.
    text = [line for line in lines if line.strip("-+") and not line.startswith("For full help")]
    words = re.sub(r"\[/?bold\]", "", " ".join(text))
    words = re.sub(r"^Error parsing \w+: ", "", words.split(" Argument helptext:")[0])
    return " ".join(words.split()).rstrip(".")
