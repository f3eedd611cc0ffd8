"""The settings of runs as they were used, and those in which runs differ."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from immersion.report import text
from immersion.report.contents import RunContents
from immersion.report.markup import Markup, join, table, tag
from immersion.run_record import RunRecord, flatten

OFF, UNKNOWN = "off", "not recorded"

ZERO_COUNTS = frozenset(
    (
        *("seed", "learning_rate", "momentum", "final_momentum", "beta2", "beta", "gamma"),
        *("depth", "adversarial_weight", "discriminator_rate", "checkpoint_seconds", "ema_from"),
    )
)
"""Settings of which 0 is a value; every other setting of 0 is off."""

RESOLVED = frozenset(
    (
        *("device", "precision", "likelihood", "binarize", "network", "latent_dim", "batch_size"),
        *("steps", "validate_every", "patience", "ema", "r1", "r2", "beta", "strength"),
    )
)
"""Settings that are resolved where the user leaves them out; without a value they are unknown."""

HAS_PART: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "ema_from": lambda settings: bool(settings.get("ema")),
    "patience": lambda settings: bool(settings.get("validate_every", True)),
    "final_momentum": lambda settings: bool(settings.get("momentum_steps")),
    "decay": lambda settings: settings.get("schedule") == "exponential",
    "beta2": lambda settings: settings.get("optimizer") == "adam",
    "momentum": lambda settings: settings.get("optimizer") != "adagrad",
    "baseline": lambda settings: settings.get("gradient") == "score-function",
    "share": lambda settings: bool(settings.get("r1") or settings.get("r2")),
    "game": lambda settings: settings.get("adversarial", 1) != 0,
}
"""Setting -> whether it has a part in a training with the settings, by their names."""


def list_settings(record: RunRecord) -> dict[str, dict[str, str]]:
    """Return the settings of a run as they were used: title of a group -> name -> value.

    What was resolved takes the place of what was given. A feature that the run did not use is
    `off`; what an earlier version resolved and did not record is `not recorded`.

    Example:
        >>> given, resolved = {"latent_dim": None}, {"latent_dim": 20, "ema": 0.0}
        >>> list_settings(RunRecord(arguments=given, options={"ema": None}, model=resolved))
        {'Model': {'latent_dim': '20'}, 'Training': {'ema': 'off'}}
    """
    machine = {"device": record.device, "precision": record.precision}
    options = record.options | {name: value for name, value in machine.items() if value}
    options |= {name: record.model[name] for name in options if name in record.model}
    own = {
        name: value
        for name, value in record.model.items()
        if name not in options and name not in ("generative", "class")
        # A model without a likelihood or a code has no such setting.
        if value is not None
    }
    groups = {"Model": _merge(record.arguments, own), "Training": options}
    every = flatten(groups["Model"]) | flatten(options)
    return {
        title: {
            name: _describe(name.rpartition(".")[2], value, every)
            for name, value in flatten(values, dotted=True).items()
        }
        for title, values in groups.items()
        if values
    }


def _merge(given: Mapping[str, Any], resolved: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested values, with the resolved ones in the place of the given ones."""
    merged = dict(given)
    for name, value in resolved.items():
        before = given.get(name)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            value = _merge(before, value)
        merged[name] = value
    return merged


def _describe(name: str, value: Any, settings: Mapping[str, Any]) -> str:
    """Return a setting's value in words.

    Args:
        name: The setting's own name, without that of its group.
        value: The value to describe.
        settings: All settings by their own names.
    """
    default = {"width": 0, "depth": -1}.get(name, "auto")
    if value == default or (name in RESOLVED and value is None):
        return UNKNOWN
    absent = value is None or value is False or value in ("", "none", [], ())
    if absent or (value == 0 and name not in ZERO_COUNTS):
        return OFF
    if name in HAS_PART and not HAS_PART[name](settings):
        return OFF
    return _format(value)


def _format(value: Any) -> str:
    """Return a value as text."""
    if isinstance(value, bool):
        return "on" if value else OFF
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_format, value))
    if isinstance(value, int) and value >= 10_000:
        return f"{value:,}"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def render_settings(runs: Sequence[RunContents]) -> Markup:
    """Return the settings of a run; of several, first those in which they differ."""
    if len(runs) == 1:
        groups = list_settings(runs[0].record)
        halves = [_render_group(title, values) for title, values in groups.items()]
        return _section(tag("div", *halves, class_="pair")) if halves else Markup()
    each = [_flatten_groups(run) for run in runs]
    names = list(dict.fromkeys(name for settings in each for name in settings))
    values = {name: [settings.get(name, "") for settings in each] for name in names}
    differing = [[_break_name(name), *row] for name, row in values.items() if len(set(row)) > 1]
    common = {name: row[0] for name, row in values.items() if len(set(row)) == 1}
    return _section(
        tag("h3", "Different"),
        table(differing, ["", *(run.label for run in runs)]) or tag("p", "All are the same."),
        _render_group("The same in all", common) if common else "",
    )


def _flatten_groups(run: RunContents) -> dict[str, str]:
    """Return what defines a run, by name."""
    record = run.record
    settings = {"recipe": record.recipe, "data": text.name_data(record)}
    for values in list_settings(record).values():
        settings |= values
    return settings | {"steps made": _format(run.step)}


def _render_group(title: str, values: Mapping[str, str]) -> Markup:
    rows = [[_break_name(name), value] for name, value in values.items()]
    return tag("div", tag("h3", title), table(rows))


def _break_name(name: str) -> Markup:
    """Return a name that a line may break after a dot or an underscore."""
    return join(*(join(part, tag("wbr")) for part in re.split(r"(?<=[._])", name)))


def _section(*content: object) -> Markup:
    return tag("section", tag("h2", "Settings"), *content)
