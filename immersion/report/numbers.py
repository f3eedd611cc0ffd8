"""The estimates of one run, or of several next to one another."""

from collections.abc import Mapping, Sequence
from typing import Any

from immersion.report import labels, text
from immersion.report.contents import RunContents
from immersion.report.markup import Markup, join, table, tag
from immersion.run_record import flatten


def render_numbers(runs: Sequence[RunContents]) -> Markup:
    """Return a table of all estimates with their errors, a column for each run."""
    keys = [(s, m) for run in runs for s, measures in run.estimates.items() for m in measures]
    if not keys:
        return Markup()
    settings, order = [setting for setting, _ in keys], [*labels.MEASURES, *(m for _, m in keys)]
    keys = sorted(dict.fromkeys(keys), key=lambda k: (settings.index(k[0]), order.index(k[1])))
    rows = [_make_row(runs, setting, measure) for setting, measure in keys]
    columns = ["estimate ± standard error"] if len(runs) == 1 else [run.label for run in runs]
    return tag(
        "section",
        tag("h2", "Numbers"),
        table(rows, ["", *columns, "unit", "n"]),
        *(line for run in runs for line in _render_protocols(run, len(runs) > 1)),
    )


def _make_row(runs: Sequence[RunContents], setting: str, measure: str) -> list[object]:
    label, meaning = text.explain(measure, setting)
    cells = [run.estimates.get(setting, {}).get(measure) for run in runs]
    values = [_format_cell(cell) if cell else "" for cell in cells]
    given = [cell for cell in cells if cell]
    counts = dict.fromkeys(f"{cell['examples']:,}" for cell in given if "examples" in cell)
    units = dict.fromkeys(cell.get("unit", "") for cell in given)
    name = join(label, tag("small", meaning))
    return [name, *values, ", ".join(units), ", ".join(counts)]


def _format_cell(estimate: dict[str, Any]) -> Markup:
    """Return an estimate of which a narrow column breaks the line before the error alone."""
    value, sign, error = text.format_estimate(estimate, unit=False).partition(" ± ")
    parts = [tag("span", part, class_="number") for part in (value, sign.lstrip() + error) if part]
    return tag("span", join(*(join(part, " ") for part in parts[:-1]), parts[-1]))


def _render_protocols(run: RunContents, named: bool) -> list[Markup]:
    """Return how a run was evaluated, in a line each for the model and its samples."""
    kinds = {"Protocol": "protocol", "Samples": "sample_protocol"}
    protocols = {title: run.evaluation.get(key) or {} for title, key in kinds.items()}
    return [
        tag(
            "p",
            f"{title}{f' of {run.name}' if named else ''}: {_describe(values)}",
            class_="small",
        )
        for title, values in protocols.items()
        if values
    ]


def _describe(protocol: Mapping[str, Any]) -> str:
    named = (
        (name.replace("_", " ").replace(".", " "), value)
        for name, value in flatten(protocol, dotted=True).items()
    )
    return ", ".join(f"{name} {value}" for name, value in named) + "."
