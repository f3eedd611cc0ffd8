"""Training curves: terms against steps, as SVG for a page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from immersion.report.theme import BLUE, GREY, ORANGE, TEN, panel, svg
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
        An empty string if there are no rows.
    """
    rows = name_validation_terms(list(rows))
    names = list(dict.fromkeys(name for row in rows for name in row if name not in NOT_TERMS))
    draw = _draw_several_players if any("/" in name for name in names) else _draw_one_player
    return "\n".join(draw(rows, names))


def _draw_one_player(rows: Rows, names: list[str]) -> list[str]:
    if any(_is_same(rows, "loss", other) for other in names if other != "loss"):
        names = [name for name in names if name != "loss"]
    order = sorted(names, key=lambda name: (name != "elbo", name != "loss"))
    return [_draw_term(rows, name) for name in order]


def _is_same(rows: Rows, name: str, other: str) -> bool:
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
    # Validation passes have no penalties, so their loss is another.
    rows = [
        {n: v for n, v in row.items() if row["split"] == "train" or not n.endswith(TRAINING_ONLY)}
        for row in rows
    ]
    drawn = [_draw_term(rows, name) for name in first]
    drawn += [_draw_terms(rows, logits, "discriminator's logits C(x)")] if logits else []
    drawn += [_draw_terms(rows, losses, "losses, each player's own")] if losses else []
    drawn += [_draw_terms(rows, norms, "norms of the gradients", log=True)] if norms else []
    return drawn + [_draw_term(rows, name) for name in rest]


def _draw_term(rows: Rows, name: str) -> str:
    """Return a panel of one term, training and validation."""
    with panel() as (figure, axes):
        for split, style in (
            ("train", {"color": BLUE, "linewidth": 1.5, "label": "training"}),
            ("validation", {"color": ORANGE, "marker": "o", "markersize": 3.5, "linewidth": 1.5}),
        ):
            points = _points(rows, name, split)
            if points:
                axes.plot(*zip(*points, strict=True), **{"label": split, **style})
        low, high = _limits(_points(rows, name))
        if name in REFERENCES:
            reference = REFERENCES[name]
            axes.axhline(reference.level, color=GREY, linestyle="--", linewidth=1.2)
            low, high = _add_margin(low, high, reference.level)
            axes.annotate(
                reference.words,
                (1, reference.level),
                (-2, 3),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha="right",
                fontsize=8.5,
            )
        axes.set_ylim(low, high)
        _finish(axes, rows, TITLES.get(name, name.replace("/", ": ").replace("_", " ")))
        return svg(figure)


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
        for (name, words), colour in zip(names.items(), TEN, strict=False):
            points = _points(rows, name, "train")
            if points:
                # A line of one point is invisible.
                style = {"marker": "o", "markersize": 3} if len(points) == 1 else {}
                axes.plot(
                    *zip(*points, strict=True), color=colour, linewidth=1.5, label=words, **style
                )
            validated = _points(rows, name, "validation")
            if validated:
                marks = {"color": colour, "marker": "o", "markersize": 4.5, "linestyle": ""}
                axes.plot(*zip(*validated, strict=True), **marks, markerfacecolor="none")
        if any(_points(rows, name, "validation") for name in names):
            axes.plot([], [], color=GREY, marker="o", linestyle="", markerfacecolor="none",
                      markersize=4.5, label="validation")  # fmt: skip
        limits = [_limits(points) for name in names if (points := _points(rows, name))]
        if log:
            axes.set_yscale("log", nonpositive="mask")
            axes.yaxis.set_major_formatter(lambda norm, _: f"{norm:g}")
            axes.yaxis.set_minor_formatter(lambda norm, _: "")
        else:
            axes.set_ylim(min(low for low, _ in limits), max(high for _, high in limits))
        _finish(axes, rows, title)
        return svg(figure)


def _finish(axes: "Axes", rows: Rows, title: str) -> None:
    axes.set_xlim(0, 1.01 * max(row["step"] for row in rows))
    axes.set_title(title, loc="left")
    axes.set_xlabel("step")
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    axes.legend(loc="best")


def _points(rows: Rows, name: str, split: str | None = None) -> Points:
    return [(r["step"], r[name]) for r in rows if name in r and split in (None, r["split"])]


def _limits(points: Points) -> tuple[float, float]:
    """Return limits that include all later points but single spikes."""
    last = max(step for step, _ in points)
    late = np.array([value for step, value in points if step >= 0.05 * last])
    low, high = np.quantile(late, [0.02, 0.98])
    margin = 0.15 * (high - low) or 0.5 * abs(high) or 1.0
    return min(low - margin, points[-1][1]), max(high + margin, points[-1][1])
