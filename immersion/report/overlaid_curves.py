"""The training curves of several runs on the same axes, as SVG for a page."""

from collections.abc import Sequence

from immersion.report.curves import (
    Rows,
    draw_reference,
    drop_partial_terms,
    find_limits,
    finish_panel,
    is_same,
    list_points,
    list_terms,
    mark_single,
    set_log_scale,
    title_of,
)
from immersion.report.markup import Markup, tag
from immersion.report.theme import panel, select_line, svg
from immersion.run_folder import name_validation_terms

LOGARITHMIC = "/gradient_norm"
"""End of the names of terms whose axis is logarithmic."""


def draw_overlaid_curves(runs: Sequence[Rows]) -> str:
    """Return inline SVGs one after another, a panel for each term, a line for each run.

    Training values are lines, validation values are points. Terms that several runs have come
    first; a loss that in every run equals another term, or its negative, is left out.

    Args:
        runs: The lines of each run's `metrics.jsonl`.

    Returns:
        An empty string if there are no rows.
    """
    runs = [drop_partial_terms(name_validation_terms(list(rows))) for rows in runs]
    names = [list_terms(rows) for rows in runs]
    every = list(dict.fromkeys(name for own in names for name in own))
    every = [name for name in every if any(row.get(name) for rows in runs for row in rows)]
    if _repeats_other_terms("loss", runs, every):
        every.remove("loss")
    shared = {name: sum(name in own for own in names) > 1 for name in every}
    order = sorted(every, key=lambda name: (not shared[name], name != "elbo", name != "loss"))
    return "\n".join(_draw_term(runs, name) for name in order)


def _repeats_other_terms(name: str, runs: Sequence[Rows], every: Sequence[str]) -> bool:
    """Return whether a term equals another one, but for the sign, in every run that has it."""
    having = [rows for rows in runs if any(name in row for row in rows)]
    others = [other for other in every if other != name]
    return bool(having) and all(any(is_same(r, name, other) for other in others) for r in having)


def _draw_term(runs: Sequence[Rows], name: str) -> str:
    """Return a panel of one term."""
    with panel() as (figure, axes):
        limits = []
        for place, rows in enumerate(runs):
            colour, dashes = select_line(place)
            if points := list_points(rows, name, "train"):
                style = {"color": colour, "linewidth": 1.5, "linestyle": dashes}
                axes.plot(*zip(*points, strict=True), **style, **mark_single(points))
            if points := list_points(rows, name, "validation"):
                style = {"color": colour, "marker": "o", "markersize": 4, "linestyle": ""}
                axes.plot(*zip(*points, strict=True), **style, markerfacecolor="none")
            if points := list_points(rows, name):
                limits.append(find_limits(points))
        low, high = min(low for low, _ in limits), max(high for _, high in limits)
        if name.endswith(LOGARITHMIC):
            set_log_scale(axes)
        else:
            axes.set_ylim(*draw_reference(axes, name, low, high))
        steps = max(row["step"] for rows in runs for row in rows if name in row)
        finish_panel(axes, steps, title_of(name))
        return svg(figure)


def render_legend(names: Sequence[str]) -> Markup:
    """Return the names of runs, each with its line."""
    entries = []
    for place, name in enumerate(names):
        colour, dashes = select_line(place)
        pattern = "" if dashes == "solid" else " ".join(f"{1.5 * part:g}" for part in dashes[1])
        line = tag(
            "line", x1=0, y1=5, x2=44, y2=5, stroke=colour,
            stroke_width=2.5, stroke_dasharray=pattern or "none",
        )  # fmt: skip
        swatch = tag("svg", line, width=44, height=10, aria_hidden="true")
        entries.append(tag("li", swatch, name))
    return tag("ul", *entries, class_="legend")
