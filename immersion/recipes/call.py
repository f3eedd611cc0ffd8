"""A recipe call: a recipe's name and its arguments, which the command line, the record and a run's
name all read."""

import dataclasses
import inspect
import shlex
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from immersion.argument_types import convert_settings
from immersion.check import UserError, check_choice
from immersion.engine import Experiment, Options
from immersion.random import use_seed
from immersion.recipes.base import RECIPES, Recipe
from immersion.recipes.own import find_recipe, is_own
from immersion.recipes.own_model import as_experiment
from immersion.run_record import RENAMED, RENAMED_NETWORKS, flatten, rename_legacy_keys
from immersion.spec import Spec

RESUMABLE = {
    *("steps", "minutes", "validate_every", "patience", "log_every", "checkpoint_seconds"),
    *("keep_weights", "draw_every", "track"),
}
"""Options that may change when a run is resumed; all others are part of what the run is."""

COUNTED = {"warmup", "learning_rate_warmup", "momentum_steps"}
"""Arguments, nested in dataclasses or not, that are numbers of steps from the first one."""

RUNS = Path("runs")
"""The folder of runs that were given no `--out`."""


@dataclass(frozen=True)
class RecipeCall:
    """A recipe and the arguments that it is called with.

    Args:
        name: The recipe's registered name, or `file.py:function` or `module:function`.
        arguments: By name, as Python values or as JSON holds them (dataclasses as objects). Those
            left out have their defaults; earlier names are accepted.
        file: Path of the file of a recipe outside the package, where it is not what the name
            means in the current folder.

    Example:
        >>> RecipeCall("vae", {"latent": 2}).changes
        {'latent_dim': 2}
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""

    def __post_init__(self) -> None:
        """Rename arguments that are given under earlier names."""
        object.__setattr__(self, "arguments", rename_legacy_keys(self.arguments))

    @property
    def recipe(self) -> Recipe:
        """Return the function.

        Raises:
            UserError: No recipe has that name, or it is code that may not be run.
        """
        return find_recipe(self.name, self.file) if is_own(self.name) else RECIPES[self.name]

    @cached_property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """Return the recipe's parameters but `spec`, by name, with resolved annotations.

        There are none if no recipe has that name, as in the record of an encoder, or if it is
        code that may not be run.

        Example:
            >>> RecipeCall("vae").parameters["likelihood"].default
            'auto'
        """
        try:
            recipe = self.recipe
        except UserError:
            return {}
        hints = typing.get_type_hints(recipe)
        parameters = inspect.signature(recipe).parameters.values()
        return {
            p.name: p.replace(annotation=hints.get(p.name, Any))
            for p in parameters
            if p.kind is p.KEYWORD_ONLY or (p.default is not p.empty and p.name != "spec")
        }

    def set(self, **settings: Any) -> Self:
        """Return the call with some settings changed, nested ones by their own name.

        Raises:
            UserError: The recipe has no such setting.

        Example:
            >>> RecipeCall("vae").set(latent_dim=2, learning_rate=0.01).changes
            {'latent_dim': 2, 'learning_rate': 0.01}
        """
        arguments = dict(self.to_python())
        for name, value in rename_legacy_keys(settings).items():
            if name in self.parameters:
                hints = {name: self.parameters[name].annotation}
                arguments |= convert_settings({name: value}, hints)
                continue
            outer = next((n for n, p in self.parameters.items() if _has_field(p, name)), None)
            if outer is None:
                known = (*self.settings, *_list_choices({"options": Options}))
                check_choice(f"setting of {self.name}", name, known)
                raise UserError(f"{name} is an option, not an argument of {self.name}")
            before = arguments.get(outer, self.parameters[outer].default)
            plain = convert_settings({name: value}, typing.get_type_hints(type(before)))
            arguments[outer] = dataclasses.replace(before, **plain)
        return dataclasses.replace(self, arguments=arguments)

    def complete(self) -> Self:
        """Return the call with every argument that was left out at its default."""
        defaults = {name: p.default for name, p in self.parameters.items()}
        return dataclasses.replace(self, arguments=defaults | dict(self.arguments))

    def to_python(self) -> dict[str, Any]:
        """Return the arguments as the recipe takes them, objects as dataclasses.

        Raises:
            UserError: The recipe has no such argument.
        """
        unknown = sorted(set(self.arguments) - set(self.parameters))
        if unknown:
            expected, received = ", ".join(self.parameters), ", ".join(unknown)
            raise UserError("the recipe has no such argument", expected, received)
        return {
            name: self.parameters[name].annotation(**value) if isinstance(value, dict) else value
            for name, value in self.arguments.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Return the arguments as JSON holds them, dataclasses as objects."""
        return to_json(self.arguments)

    def limit_steps(self, most: int) -> Self:
        """Return the call with every warm-up limited to a number of steps.

        Args:
            most: Steps after which warm-ups and momentum schedules must be over.

        Example:
            >>> RecipeCall("gan2014").limit_steps(100).to_json()["optimizer"]["momentum_steps"]
            100
        """
        arguments = self.complete().arguments
        limited = {name: _limit_steps(name, value, most) for name, value in arguments.items()}
        changed = {name: value for name, value in limited.items() if value != arguments[name]}
        return dataclasses.replace(self, arguments=dict(self.arguments) | changed)

    def build(self, spec: Spec, seed: int = 0) -> Experiment:
        """Call the recipe.

        Args:
            spec: The data.
            seed: Seed of the initial weights.

        Raises:
            UserError: There is no such recipe or argument, or the recipe does not suit the data.
        """
        recipe, arguments = self.recipe, self.to_python()
        with use_seed(seed, "weights"):
            return as_experiment(recipe(spec, **arguments), self.name)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Return every argument, nested ones too, by name; those left out have their defaults."""
        defaults = {} if not self.arguments else dataclasses.replace(self, arguments={}).settings
        return defaults | flatten(self.complete().to_json())

    @property
    def changes(self) -> dict[str, Any]:
        """Return the arguments that differ from their defaults, nested ones too, by name."""
        return _find_changes(dataclasses.replace(self, arguments={}).settings, self.settings)

    @property
    def flags(self) -> dict[str, tuple[str, ...]]:
        """Return the flags of `immersion train` for this recipe, options included.

        Returns:
            Flag, without its dashes -> the allowed words, or none if any value is allowed.

        Example:
            >>> RecipeCall("gan2014").flags["game"]
            ('non-saturating', 'minimax')
        """
        types = {name: p.annotation for name, p in self.parameters.items()}
        choices = _list_choices(types | {"options": Options})
        return {name.replace("_", "-"): words for name, words in choices.items()}

    def command_line(self, data: str, size: int | None, options: Options) -> str:
        """Return the command that trains the same model.

        Example:
            >>> RecipeCall("vae", {"latent_dim": 2}).command_line("digits", None, Options(seed=1))
            'immersion train vae --data digits --latent-dim 2 --seed 1'
        """
        size_flag = {"size": size} if size else {}
        changes = self.changes | _find_changed_options(options) | size_flag
        flags = [_format_flag(name, value) for name, value in changes.items()]
        return " ".join([f"immersion train {self.name} --data {shlex.quote(data)}", *flags])

    def run_name(self, data: str, size: int | None, options: Options, legacy: bool = False) -> str:
        """Return the name of the run's folder: recipe, data and what differs from the defaults.

        Args:
            data: The data's name or path.
            size: Side to which images are resized, or None.
            options: Training options; those that may change when a run is resumed are left out.
            legacy: If True, arguments and networks have their earlier names.

        Example:
            >>> RecipeCall("vae", {"latent_dim": 2}).run_name("mnist", None, Options(steps=100))
            'vae-mnist-latent_dim=2'
        """
        changes = ({"size": size} if size else {}) | self.changes | _find_changed_options(options)
        words = [
            f"{name}={_format_value(value)}"
            for name, value in (_restore_legacy_keys(changes) if legacy else changes).items()
            if name not in RESUMABLE
        ]
        name = self.name.rpartition(":")[2]
        return "-".join([name, Path(data).resolve().name, *words])

    def run_path(self, data: str, size: int | None, options: Options) -> Path:
        """Return the run's default folder, or that of an earlier version where only it exists."""
        path, legacy = (
            RUNS / self.run_name(data, size, options, legacy) for legacy in (False, True)
        )
        return legacy if legacy.exists() and not path.exists() else path


def _limit_steps(name: str, value: Any, most: int) -> Any:
    """Return an argument, in whatever form, with every number of steps limited."""
    if isinstance(value, Mapping):
        return {key: _limit_steps(key, inner, most) for key, inner in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        inner = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        limited = {key: _limit_steps(key, part, most) for key, part in inner.items()}
        return dataclasses.replace(value, **limited) if limited != inner else value
    return min(value, most) if name in COUNTED else value


def to_json(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments as JSON holds them, dataclasses as objects."""
    return {
        name: dataclasses.asdict(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type)
        else value
        for name, value in arguments.items()
    }


def _has_field(parameter: inspect.Parameter, name: str) -> bool:
    """Return whether a parameter is a dataclass with that field."""
    kind = parameter.annotation
    return dataclasses.is_dataclass(kind) and name in {f.name for f in dataclasses.fields(kind)}


def _find_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in after.items() if value != before.get(name)}


def _find_changed_options(options: Options) -> dict[str, Any]:
    return _find_changes(dataclasses.asdict(Options()), dataclasses.asdict(options))


def _list_choices(types: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the allowed words of each argument by name, of dataclasses those of their fields."""
    choices: dict[str, tuple[str, ...]] = {}
    for name, kind in types.items():
        if dataclasses.is_dataclass(kind):
            hints = typing.get_type_hints(kind)
            choices |= _list_choices({f.name: hints[f.name] for f in dataclasses.fields(kind)})
        else:
            choices[name] = typing.get_args(kind) if typing.get_origin(kind) is Literal else ()
    return choices


def _format_flag(name: str, value: Any) -> str:
    """Return an argument as the command line takes it."""
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    words = value if isinstance(value, (tuple, list)) else [value]
    return " ".join([f"--{flag}", *(shlex.quote(str(word)) for word in words)])


def _restore_legacy_keys(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings under their earlier names; networks too."""
    keys = {new: old for old, new in RENAMED.items()}
    networks = {new: old for old, new in RENAMED_NETWORKS.items()}
    return {
        keys.get(name, name): networks.get(value, value) if name == "network" else value
        for name, value in settings.items()
    }


def _format_value(value: Any) -> str:
    """Return a setting as a part of a folder's name."""
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
