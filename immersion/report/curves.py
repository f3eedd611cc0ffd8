"""Training curves: terms against steps, as SVG for a page."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immersion.report.theme import BLUE, GREY, ORANGE, panel, select_line, svg
from immersion.run_folder import name_validation_terms

if TYPE_CHECKING:  # matplotlib is slow to import, so functions import it
    from matplotlib.axes import Axes

Rows = Sequence[dict[str, Any]]
Points = list[tuple[int, float]]

TITLES = {
    "elbo": "ELBO, nats",
    "loss": "loss",
    "kl": "KL(q(z|x) || p(z)), nats",
    "log_likelihood": "log p(x|z), nats",
    "squared_error": "squared error ||x - E[x|z]||²",
    "discriminator/value": "value of the game V(D, G), nats",
    "discriminator/accuracy": "discriminator's accuracy",
    "discriminator/penalty": "penalties on the discriminator's slope",
    "generator/saturated": "share of samples surely rejected, D(G(z)) < 0.01",
}
"""Term of an objective -> its title; other terms keep their names."""

NOT_TERMS = ("step", "split", "seconds", "examples_per_second")


@dataclass(frozen=True)
class Reference:
    """A level to compare a curve with.

    Args:
        level: Value of the level.
        words: Meaning of the level.
    """

    level: float
    words: str


REFERENCES = {
    "discriminator/value": Reference(-math.log(4), "−log 4: the discriminator is at chance"),
    "discriminator/accuracy": Reference(0.5, "½: the discriminator is at chance"),
}

TRAINING_ONLY = ("/loss", "/penalty")
"""Terms whose validation values are not comparable with those of training."""

LOGITS = {"discriminator/real": "of real examples", "discriminator/fake": "of samples"}


def draw_curves(rows: Rows) -> str:
    """Return inline SVGs one after another, training and validation against steps.

    With one player each term has a panel: the ELBO comes first, and a loss that equals another
    term, or its negative, is left out. With several players shared terms have one panel each:
    V(D, G) and the accuracy, with their values at chance, the logits of real examples and
    samples, the losses, the norms of the gradients on a logarithmic axis; then every other term.
    The limits are those of the steps after the first 5 %, so that the first do not compress the
    rest.

    Args:
        rows: The lines of `metrics.jsonl`.

    Returns:
        An empty string if no term has values at two steps: see `list_values`.
    """
    rows = name_validation_terms(list(rows))
    names = list_terms(rows)
    if not has_curves(rows):
        return ""
    draw = _draw_several_players if any("/" in name for name in names) else _draw_one_player
    return "\n".join(draw(rows, names))


def list_terms(rows: Rows) -> list[str]:
    """Return the names of all terms, in the order of their first values."""
    return list(dict.fromkeys(name for row in rows for name in row if name not in NOT_TERMS))


def has_curves(rows: Rows) -> bool:
    """Return whether a term has values at two steps; one value is no curve."""
    seen = Counter((name, row["split"]) for row in rows for name in row if name not in NOT_TERMS)
    return any(count > 1 for count in seen.values())


def list_values(rows: Rows) -> dict[str, dict[str, float]]:
    """Return the last values of each term: title -> split -> value.

    Example:
        >>> list_values([{"step": 20, "split": "train", "seconds": 0.1, "kl": 3.5}])
        {'KL(q(z|x) || p(z)), nats': {'train': 3.5}}
    """
    rows = name_validation_terms(list(rows))
    return {
        title_of(name): {row["split"]: row[name] for row in rows if name in row}
        for name in _drop_repeated_loss(rows, list_terms(rows))
    }


def title_of(name: str) -> str:
    """Return a term's title; a term without one has its name."""
    return TITLES.get(name, name.replace("/", ": ").replace("_", " "))


def _drop_repeated_loss(rows: Rows, names: list[str]) -> list[str]:
    """Return the names without the loss if it equals another term, or its negative."""
    repeated = any(is_same(rows, "loss", other) for other in names if other != "loss")
    return [name for name in names if name != "loss" or not repeated]


def _draw_one_player(rows: Rows, names: list[str]) -> list[str]:
    names = _drop_repeated_loss(rows, names)
    order = sorted(names, key=lambda name: (name != "elbo", name != "loss"))
    return [_draw_term(rows, name) for name in order]


def is_same(rows: Rows, name: str, other: str) -> bool:
    """Return whether two terms are the same but for the sign."""
    both = [(abs(row[name]), abs(row[other])) for row in rows if name in row and other in row]
    return bool(both) and all(math.isclose(*pair, rel_tol=1e-4) for pair in both)


def _draw_several_players(rows: Rows, names: list[str]) -> list[str]:
    def list_players(term: str) -> dict[str, str]:
        """Return every player's name of a term -> the player."""
        return {name: name.split("/")[0] for name in names if name.endswith("/" + term)}

    logits = {name: words for name, words in LOGITS.items() if name in names}
    losses, norms = list_players("loss"), list_players("gradient_norm")
    first = [name for name in REFERENCES if name in names]
    shared = {*first, *logits, *losses, *norms}
    rest = [n for n in names if n not in shared and any(row.get(n) for row in rows)]
    rows = drop_partial_terms(rows)
    drawn = [_draw_term(rows, name) for name in first]
    drawn += [_draw_terms(rows, logits, "discriminator's logits C(x)")] if logits else []
    drawn += [_draw_terms(rows, losses, "losses, each player's own")] if losses else []
    norms = {name: player for name, player in norms.items() if any(row.get(name) for row in rows)}
    drawn += [_draw_terms(rows, norms, "norms of the gradients", log=True)] if norms else []
    return drawn + [_draw_term(rows, name) for name in rest]


def _draw_term(rows: Rows, name: str) -> str:
    """Return a panel of one term, training and validation."""
    with panel() as (figure, axes):
        for split, style in (
            ("train", {"color": BLUE, "linewidth": 1.5, "label": "training"}),
            ("validation", {"color": ORANGE, "marker": "o", "markersize": 3.5, "linewidth": 1.5}),
        ):
            points = list_points(rows, name, split)
            if points:
                axes.plot(
                    *zip(*points, strict=True), **{"label": split, **style, **mark_single(points)}
                )
        axes.set_ylim(*draw_reference(axes, name, *find_limits(list_points(rows, name))))
        _finish(axes, rows, title_of(name))
        return svg(figure)


def drop_partial_terms(rows: Rows) -> Rows:
    """Return the rows without a game's validation losses, which have no penalties."""
    return [
        {n: v for n, v in row.items() if row["split"] == "train" or not n.endswith(TRAINING_ONLY)}
        for row in rows
    ]


def draw_reference(axes: "Axes", name: str, low: float, high: float) -> tuple[float, float]:
    """Draw the level to compare a term with, if it has one; return limits that include it.

    Args:
        axes: The panel.
        name: The term.
        low, high: Limits without the level.
    """
    if name not in REFERENCES:
        return low, high
    reference = REFERENCES[name]
    axes.axhline(reference.level, color=GREY, linestyle="--", linewidth=1.2)
    axes.annotate(
        reference.words,
        (1, reference.level),
        (-2, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        fontsize=8.5,
    )
    return _add_margin(low, high, reference.level)


def _add_margin(low: float, high: float, level: float) -> tuple[float, float]:
    """Return limits that include a level and the text above it."""
    low, high = min(low, level), max(high, level)
    margin = 0.12 * (high - low)
    return min(low, level - margin), max(high, level + margin)


def _draw_terms(rows: Rows, names: dict[str, str], title: str, log: bool = False) -> str:
    """Return a panel of several terms; validation values are points.

    Args:
        rows: The lines of the metrics.
        names: Terms and their labels.
        title: Title of the panel.
        log: If True, the axis is logarithmic.
    """
    with panel() as (figure, axes):
        for place, (name, words) in enumerate(names.items()):
            colour, dashes = select_line(place)
            points = list_points(rows, name, "train")
            if points:
                axes.plot(
                    *zip(*points, strict=True),
                    **{"color": colour, "linewidth": 1.5, "linestyle": dashes, "label": words},
                    **mark_single(points),
                )
            validated = list_points(rows, name, "validation")
            if validated:
                marks = {"color": colour, "marker": "o", "markersize": 4.5, "linestyle": ""}
                axes.plot(*zip(*validated, strict=True), **marks, markerfacecolor="none")
        if any(list_points(rows, name, "validation") for name in names):
            axes.plot([], [], color=GREY, marker="o", linestyle="", markerfacecolor="none",
                      markersize=4.5, label="validation")  # fmt: skip
        limits = [find_limits(points) for name in names if (points := list_points(rows, name))]
        if log:
            set_log_scale(axes)
        else:
            axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        _finish(axes, rows, title)
        return svg(figure)


def mark_single(points: Points) -> dict[str, Any]:
    """Return the style of a single point, since a line of one point is invisible."""
    return {"marker": "o", "markersize": 4} if len(points) == 1 else {}


def set_log_scale(axes: "Axes") -> None:
    """Make the vertical axis logarithmic, with at least two numbers on it.

    The numbers are powers of ten; over less than two decades 1, 2 and 5 times these; over less
    than half a decade the round numbers of a linear axis.
    """
    from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator

    axes.set_yscale("log", nonpositive="mask")
    low, high = axes.get_ylim()
    locators = (
        LogLocator(),
        LogLocator(subs=(1.0, 2.0, 5.0)),
        MaxNLocator(5, steps=(1, 2, 5, 10)),
    )
    for locator, least in zip(locators, (3, 3, 0), strict=True):
        ticks = [float(tick) for tick in locator.tick_values(low, high) if low <= tick <= high]
        if len(ticks) >= least:
            break
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: "")
    axes.set_ylim(low, high)


def _finish(axes: "Axes", rows: Rows, title: str) -> None:
    finish_panel(axes, max(row["step"] for row in rows), title)
    axes.legend(loc="best")


def finish_panel(axes: "Axes", steps: int, title: str) -> None:
    """Set the title and the axis of steps."""
    axes.set_xlim(0, 1.01 * steps)
    axes.set_title(title, loc="left")
    axes.set_xlabel("step")
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")


def list_points(rows: Rows, name: str, split: str | None = None) -> Points:
    """Return (step, value) of a term, in one split or in all."""
    return [(r["step"], r[name]) for r in rows if name in r and split in (None, r["split"])]


def find_limits(points: Points) -> tuple[float, float]:
    """Return limits that include all later points but single spikes."""
    last = max(step for step, _ in points)
    late = np.array([value for step, value in points if step >= 0.05 * last])
    low, high = np.quantile(late, [0.02, 0.98])
    margin = 0.15 * (high - low) or 0.5 * abs(high) or 1.0
    return min(low - margin, points[-1][1]), max(high + margin, points[-1][1])
