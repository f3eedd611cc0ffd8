"""A command that can be run: a function, and the flags that its signature defines."""

import importlib
import inspect
import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from immersion.cli.commands import COMMANDS
from immersion.cli.flags import REQUIRED, Flag, fill_parameters, read_flags, read_texts
from immersion.progress import hide_progress, show_progress, track_training

logger = logging.getLogger(__name__)

SHOWN = ("data", "out")
"""Flags that the usage shows even if they may be left out."""


@dataclass(frozen=True)
class Command:
    """A command.

    Args:
        name: As after `immersion`: evaluate, or train vae.
        function: The function.
        parameters: The parameters that flags are read from, with resolved annotations.
        texts: Descriptions of the parameters.
        documentation: The docstring, which describes the command.
        shows_training: True if the function takes a callback for the progress of a training.
    """

    name: str
    function: Callable[..., Any]
    parameters: tuple[inspect.Parameter, ...]
    texts: Mapping[str, str]
    documentation: str
    shows_training: bool = False

    @cached_property
    def flags(self) -> dict[str, Flag]:
        """Return its flags and positional arguments by name."""
        return read_flags(self.parameters, self.texts)

    @property
    def positional(self) -> list[Flag]:
        """Return its positional arguments in their order."""
        return [flag for flag in self.flags.values() if flag.positional]

    @property
    def usage(self) -> str:
        """Return its command line, with what must be given and what is read and written."""
        words = ["immersion", self.name]
        for flag in [*self.positional, *self.flags.values()]:
            word = f"{flag.word} {flag.placeholder}"
            if flag.positional:
                word = flag.word + ("..." if flag.count is None else "")
            if flag.positional or flag.default is REQUIRED or flag.name in SHOWN:
                words.append(word if flag.default is REQUIRED else f"[{word}]")
        return " ".join([*dict.fromkeys(words), "[flags]"])

    def run(self, values: Mapping[str, Any], quiet: bool = False) -> Any:
        """Call the function, with its progress shown unless quiet, and return its result."""
        arguments = fill_parameters(self.parameters, values)
        # A training displays its own bar, and no counts below it.
        display = hide_progress if quiet else nullcontext if self.shows_training else show_progress
        with display():
            if self.shows_training and not quiet:
                return self._train(arguments)
            return self.function(**arguments)

    def _train(self, arguments: Mapping[str, Any]) -> Any:
        """Call a function that trains, with its metrics shown and logged."""
        options = arguments.get("options", self._default("options"))
        with track_training(options.steps) as show:

            def on_metrics(row: dict[str, Any]) -> None:
                logger.debug("metrics %s", row)
                show(row)

            return self.function(**arguments, on_metrics=on_metrics)

    def _default(self, name: str) -> Any:
        return next(p.default for p in self.parameters if p.name == name)


def load_command(name: str) -> Command:
    """Import a command other than `train`."""
    function = getattr(importlib.import_module(COMMANDS[name].module), name)
    parameters = inspect.signature(function, eval_str=True).parameters
    documentation = inspect.getdoc(function) or ""
    texts, shows = read_texts(documentation), "on_metrics" in parameters
    return Command(name, function, tuple(parameters.values()), texts, documentation, shows)


def load_training(recipe: str) -> Command:
    """Import `train` for one recipe: its parameters are among those of `train`.

    Args:
        recipe: The name, or file.py:function or package.module:function, whose code is run.

    Raises:
        UserError: There is no such recipe.
    """
    from immersion.commands.train import make_call, train
    from immersion.recipes.image_to_image import get_patches

    call = make_call(recipe, {})
    documentation = inspect.getdoc(call.recipe) or ""
    theirs = [p.replace(kind=p.KEYWORD_ONLY) for p in call.parameters.values()]
    ours = dict(inspect.signature(train, eval_str=True).parameters)
    del ours["recipe"], ours["arguments"]
    if get_patches(call.recipe):  # there is no usual set of pictures, as there is of digits
        ours["data"] = ours["data"].replace(default=REQUIRED)

    def run(**values: Any) -> dict[str, Any]:
        arguments = {name: values.pop(name) for name in call.parameters if name in values}
        return train(recipe, **values, arguments=arguments)

    options = ours.pop("options")
    texts = read_texts(inspect.getdoc(train) or "") | read_texts(documentation)
    parameters = (*ours.values(), *theirs, options)
    return Command(f"train {recipe}", run, parameters, texts, documentation, True)
