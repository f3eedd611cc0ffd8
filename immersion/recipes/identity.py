"""What identifies an experiment that code outside the package built.

A recipe of the package is identified by its arguments. Other code can change while its name and
its arguments stay, and a run must not be resumed, or taken for finished, by another experiment.
"""

import dataclasses
import functools
import hashlib
import sys
import types
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from immersion.engine import Experiment, Player

LIBRARIES = ("builtins", "immersion", "torch")
"""Packages whose code is identified by its names: their new versions resume earlier runs."""

CODE = "functions"
"""First word of the key of the functions' digest; the version of Python, on which it depends,
follows."""

UNUSED = {"__init__", "__repr__", "__eq__", "__hash__", "extra_repr"}
"""Methods that do not compute an output."""

DEPTH = 12
"""Levels of nesting that are read; below them, names alone."""


def identify(experiment: Experiment) -> dict[str, str]:
    """Return what two experiments have in common if one may resume the other's run.

    The model is identified by its modules' classes and the names and shapes of its weights; an
    objective by its qualified name and its settings: the fields of an object, the defaults and
    the closure of a function. The code of the functions has a separate digest.

    Example:
        >>> from immersion.objectives import ELBO
        >>> model = nn.Linear(2, 2)
        >>> def build(beta):
        ...     player = Player("model", list(model.parameters()), ELBO(beta=beta))
        ...     return Experiment(model, (player,))
        >>> first, second = identify(build(1.0)), identify(build(4.0))
        >>> [name for name in first if first[name] != second[name]]
        ['objective']
    """
    reader = _Reader()
    found = {"model": f"{_name(experiment.model)} {_digest(reader.read(experiment.model))}"}
    names = {id(p): name for name, p in experiment.model.named_parameters()}
    for player in experiment.players:
        before = f"{player.name}'s " if len(experiment.players) > 1 else ""
        settings = _digest(reader.read(player.objective))
        found[f"{before}objective"] = f"{_describe(player.objective)} {settings}"
        found[f"{before}optimizer"] = _describe_updates(player, names)
    found["updates"] = f"{experiment.updates}, data binarized: {experiment.binarize}"
    version = ".".join(map(str, sys.version_info[:2]))
    return found | {f"{CODE} for Python {version}": _digest(reader.codes)}


def find_difference(
    before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[str, str, str] | None:
    """Return (name, old, new) of the first difference between two identities, or None.

    Nothing is known of a run of an earlier version, nor of functions under another Python.
    """
    for name in before:
        if name in after and before[name] != after[name]:
            return name, before[name], after[name]
    return next(
        ((name, before[name], "none") for name in before if not _is_optional(name, after)), None
    )


def _is_optional(name: str, after: Mapping[str, str]) -> bool:
    return not after or name in after or name.startswith(CODE)


def _describe_updates(player: Player, names: Mapping[int, str]) -> str:
    """Return a player's optimizer, where it differs from the default, and what it updates."""
    usual = type(player.optimizer)()
    changes = {
        field.name: value
        for field in dataclasses.fields(usual)
        if (value := getattr(player.optimizer, field.name)) != getattr(usual, field.name)
    }
    words = [f"{name}={value}" for name, value in changes.items()] or ["default"]
    trained = _digest(sorted(names.get(id(p), "another") for p in player.parameters))
    return f"{', '.join(words)}; {player.turns} a step of {trained}"


class _Reader:
    """Reads values into nested lists of words and numbers, and the code that they name."""

    def __init__(self) -> None:
        self.codes: list[Any] = []
        self.classes: dict[int, type] = {}
        self.path: list[int] = []
        # The values are kept: the number of an object that is gone may be reused.
        self.done: dict[int, tuple[Any, Any]] = {}

    def read(self, value: Any) -> Any:
        """Return what a value is."""
        if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
            return repr(value)
        number = id(value)
        if number in self.path or len(self.path) > DEPTH:
            return _name(value)
        if number not in self.done:
            self.path.append(number)
            self.done[number] = value, [_name(value), self._read_parts(value)]
            self.path.pop()
        return self.done[number][1]

    def _read_parts(self, value: Any) -> Any:
        if isinstance(value, type):
            return self._read_class(value)
        if isinstance(value, nn.Module):
            return self._read_module(value)
        if isinstance(value, Tensor):
            content = "" if value.requires_grad else _digest(value.detach().cpu().tolist())
            return [list(value.shape), str(value.dtype), content]
        if isinstance(value, types.FunctionType):
            return self._read_function(value)
        if isinstance(value, types.MethodType):
            return [self.read(value.__func__), self.read(value.__self__)]
        if isinstance(value, functools.partial):
            return [self.read(value.func), self.read(value.args), self.read(value.keywords)]
        if isinstance(value, Mapping):
            return sorted((str(name), self.read(inner)) for name, inner in value.items())
        if isinstance(value, (list, tuple)):
            return [self.read(inner) for inner in value]
        if isinstance(value, (set, frozenset)):
            return sorted(str(self.read(inner)) for inner in value)
        if hasattr(value, "tolist"):  # an array
            return _digest(value.tolist())
        if isinstance(value, types.ModuleType) or not hasattr(value, "__dict__"):
            return ""
        self._read_class(type(value))
        return [(name, self.read(inner)) for name, inner in sorted(vars(value).items())]

    def _read_module(self, module: nn.Module) -> Any:
        """Return the classes of modules, and the names and shapes of weights."""
        for inner in module.modules():
            self._read_class(type(inner))
        classes = [
            (name, type(inner).__qualname__, inner.extra_repr(), self._read_numbers(inner))
            for name, inner in module.named_modules()
        ]
        shapes = [(name, list(t.shape)) for name, t in module.state_dict().items()]
        return [classes, shapes]

    def _read_numbers(self, module: nn.Module) -> Any:
        """Return the settings of a module of another package."""
        plain = {} if _is_library(type(module)) else vars(module)
        return [
            (name, repr(value))
            for name, value in sorted(plain.items())
            if isinstance(value, (bool, int, float, str)) and name != "training"
        ]

    def _read_class(self, kind: type) -> None:
        """Read the methods of a class that are called from elsewhere, and those that they call."""
        if _is_library(kind) or id(kind) in self.classes:
            return
        self.classes[id(kind)] = kind
        bases = [base for base in kind.__mro__ if _is_library(base)]
        own = {name for base in kind.__mro__ if not _is_library(base) for name in vars(base)}
        called = [
            name
            for name in sorted(own - UNUSED)
            if name in ("__call__", "forward") or any(hasattr(base, name) for base in bases)
        ]
        for name in called:  # grows
            method = getattr(kind, name)
            if isinstance(method, types.FunctionType):
                self.read(method)
                inner = (n for n in method.__code__.co_names if n in own - UNUSED)
                called.extend(n for n in inner if n not in called)

    def _read_function(self, function: types.FunctionType) -> Any:
        """Return the settings of a function, and read its code and that of its module's others."""
        if _is_library(function):
            return ""
        code, known = function.__code__, function.__globals__
        self.codes.append([function.__qualname__, _read_code(code)])
        found = {name: known[name] for name in code.co_names if name in known}
        constants = [
            (name, self.read(value))
            for name, value in found.items()
            if name.isupper() or getattr(value, "__module__", None) == function.__module__
        ]
        cells = [self._read_cell(cell) for cell in function.__closure__ or ()]
        defaults = self.read([function.__defaults__, function.__kwdefaults__])
        return [defaults, cells, constants]

    def _read_cell(self, cell: types.CellType) -> Any:
        try:
            return self.read(cell.cell_contents)
        except ValueError:  # it has none yet
            return ""


def _read_code(code: types.CodeType) -> list[Any]:
    constants = [
        _read_code(value)
        if isinstance(value, types.CodeType)
        else sorted(map(repr, value))
        if isinstance(value, frozenset)
        else repr(value)
        for value in code.co_consts
    ]
    return [code.co_code.hex(), constants, code.co_names, code.co_varnames, code.co_freevars]


def _describe(objective: Any) -> str:
    """Return an objective's qualified name, with its settings that are numbers."""
    if not dataclasses.is_dataclass(objective):
        return _name(objective)
    values = {
        field.name: getattr(objective, field.name) for field in dataclasses.fields(objective)
    }
    numbers = [f"{name}={v}" for name, v in values.items() if isinstance(v, (bool, int, float))]
    return f"{_name(objective)}({', '.join(numbers)})"


def _is_library(value: Any) -> bool:
    return str(getattr(value, "__module__", "")).split(".")[0] in LIBRARIES


def _name(value: Any) -> str:
    """Return the qualified name of a function or a class, or that of an object's class."""
    return str(getattr(value, "__qualname__", type(value).__qualname__))


def _digest(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]
