"""What identifies an experiment that code outside the package built.

A recipe of the package is identified by its arguments. Other code can change while its name and
its arguments stay, and a run must not be resumed, or taken for finished, by another experiment.
Of functions, names and arguments are compared, not their code.
"""

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from typing import Any

from torch import nn

from immersion.check import UserError
from immersion.engine import Experiment, Player


def identify(experiment: Experiment) -> dict[str, str]:
    """Return what two experiments have in common if one may resume the other's run.

    The model is identified by its modules as PyTorch prints them and by the names and shapes of
    its weights; an objective by its qualified name and its settings.

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
    model = experiment.model
    found = {"model": _describe_model(model)}
    names = {id(p): name for name, p in model.named_parameters()}
    for player in experiment.players:
        before = f"{player.name}'s " if len(experiment.players) > 1 else ""
        found[f"{before}objective"] = _describe(player.objective)
        found[f"{before}optimizer"] = _describe_updates(player, names)
    return found | {"updates": f"{experiment.updates}, data binarized: {experiment.binarize}"}


def check_model(before: Mapping[str, str], model: nn.Module) -> None:
    """Raise UserError unless a model is the one of the identity that a run recorded."""
    recorded, found = before.get("model"), _describe_model(model)
    if recorded and recorded != found:
        raise UserError(
            "the model is not the one that was trained: a module, a setting or a shape differs",
            recorded,
            found,
            "build it as it was",
        )


def _describe_model(model: nn.Module) -> str:
    shapes = [(name, tuple(t.shape)) for name, t in model.state_dict().items()]
    return f"{type(model).__qualname__} {_digest((repr(model), shapes))}"


def find_difference(
    before: Mapping[str, str], after: Mapping[str, str]
) -> tuple[str, str, str] | None:
    """Return (name, old, new) of the first difference between two identities, or None.

    Nothing is known of a run of an earlier version, whose identity is empty.
    """
    if not before or not after:
        return None
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return (names[0], before.get(names[0], ""), after.get(names[0], "")) if names else None


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


def _describe(objective: Any) -> str:
    """Return an objective's qualified name, with its settings that are numbers or words."""
    if isinstance(objective, functools.partial):
        return f"{_describe(objective.func)} of {objective.args} {objective.keywords}"
    settings = {
        name: value
        for name, value in getattr(objective, "__dict__", {}).items()
        if isinstance(value, (bool, int, float, str)) and not name.startswith("__")
    }
    name = getattr(objective, "__qualname__", type(objective).__qualname__)
    return f"{name}({', '.join(f'{name}={value}' for name, value in settings.items())})"


def _digest(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]
