"""Figures of codes, tables and latent units, as SVG for light and dark pages; text stays text.

Axes and text are drawn in the page's own text colour (`currentColor`); an SVG opened by itself
takes black or, where the reader prefers a dark page, white.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from immersion.report.theme import BLUE, GREY, ORANGE, PAPER, palette, panel, select_marker, svg

if TYPE_CHECKING:  # matplotlib is slow to import, so functions import it
    from matplotlib.axes import Axes

CODES, COLUMNS = ("z₁", "z₂"), ("x₁", "x₂")
"""Default labels of axes."""

NAMED = 20
"""Largest number of classes whose names are among the points."""

ACTIVE = 0.01
"""Nats of KL above which a bar counts as active."""


def unit_bars(kl_per_unit: Sequence[float]) -> str:
    """Return inline SVG: the KL of each latent unit in nats, sorted, the active ones in colour.

    Args:
        kl_per_unit: KL(q(z_j|x) || p(z_j)), a mean over examples, for each unit.
    """
    order = np.argsort(kl_per_unit)[::-1]
    values = np.asarray(kl_per_unit, dtype=float)[order]
    active = values > ACTIVE
    with panel() as (figure, axes):
        axes.bar(range(len(values)), values, color=[BLUE if on else GREY for on in active])
        axes.grid(visible=False, axis="x")
        axes.set_title(
            f"KL of each latent unit, nats: {active.sum()} of {len(values)} above {ACTIVE}",
            loc="left",
        )
        axes.set_xlabel("latent unit")
        if len(values) <= 25:
            axes.set_xticks(range(len(values)), [str(unit) for unit in order])
        else:
            axes.set_xlabel("latent units, sorted")
        for place in np.flatnonzero(~active):
            axes.plot(place, 0, marker="x", color=GREY, markersize=4, clip_on=False)
        return svg(figure)


@dataclass(frozen=True)
class Scatter:
    """A chart of points, and where in the chart each point is.

    Args:
        svg: The chart.
        points: Coordinates as the axes have them, (N, 2).
        names: Labels of the axes; empty for an axis that only spreads points out.
        across: (a, b): a point is at a x + b of the chart's width from its left side.
        down: (a, b): a point is at a y + b of the chart's height from its top.
    """

    svg: str
    points: np.ndarray
    names: tuple[str, str]
    across: tuple[float, float]
    down: tuple[float, float]


def latent_scatter(codes: Tensor, labels: Tensor | None, classes: Sequence[str]) -> Scatter:
    """Return a chart with one point per example, at its posterior mean.

    Classes have a colour and a marker each, and their names where most of their points are. Codes
    of more than two dimensions are shown along their first two principal directions; codes of one
    dimension are spread out by class.

    Args:
        codes: (N, d).
        labels: (N,) integers, or None.
        classes: Names of the labels; without any, their numbers are shown.
    """
    numbers = None if labels is None else labels.cpu().numpy()
    if numbers is not None and not classes:
        classes = [str(i) for i in range(numbers.max() + 1)]
    line = codes.shape[1] == 1
    x, names = _line(codes, numbers) if line else _plane(codes.double().cpu().numpy(), CODES)
    legend = [] if numbers is None or line else _shorten(classes)
    # The legend's room is added, so that long names do not squeeze the points.
    room = _columns(legend) * (0.45 + 0.075 * max(map(len, legend), default=0))
    with panel(width=4.6 + room, height=4.3) as (figure, axes):
        # A random order, so that no class hides another.
        shuffled = np.random.default_rng(0).permutation(len(x))
        _points(axes, x[shuffled], BLUE, None if numbers is None else numbers[shuffled])
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
        if line:
            axes.set_yticks(range(len(classes)) if numbers is not None else [], classes or None)
        elif numbers is not None:
            _legend(axes, legend)
            _name_groups(axes, x, numbers, legend)
        drawn = svg(figure, alone=True)
        return Scatter(drawn, x, names, *_locate(axes))


def _locate(axes: "Axes") -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the linear maps from coordinates to shares of a drawn figure's width and height."""
    place, (left, right), (low, high) = axes.get_position(), axes.get_xlim(), axes.get_ylim()
    across, up = place.width / (right - left), place.height / (high - low)
    return (across, place.x0 - across * left), (-up, 1 - place.y0 + up * low)


def _name_groups(axes: "Axes", x: np.ndarray, numbers: np.ndarray, names: Sequence[str]) -> None:
    """Write each class's name at the median of its points, if no other name is there."""
    size = np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())
    paper = {"boxstyle": "round,pad=0.2", "facecolor": PAPER, "edgecolor": "none", "alpha": 0.8}
    taken: list[np.ndarray] = []
    for number, name in enumerate(names[:NAMED]):
        if not (numbers == number).any():
            continue
        middle = np.median(x[numbers == number], axis=0)
        apart = [np.abs(middle - other) / size for other in taken]
        if all(across > 0.03 + 0.012 * len(name) or up > 0.05 for across, up in apart):
            axes.text(middle[0], middle[1], name, ha="center", va="center", fontsize=9, bbox=paper)
            taken.append(middle)


def _line(codes: Tensor, numbers: np.ndarray | None) -> tuple[np.ndarray, tuple[str, str]]:
    """Return codes of one dimension, spread out by class, and the labels of the axes."""
    spread = np.random.default_rng(0).uniform(-0.35, 0.35, len(codes))
    height = spread if numbers is None else numbers + spread
    return np.stack([codes[:, 0].double().cpu().numpy(), height], axis=1), ("z", "")


def _shorten(classes: Sequence[str]) -> list[str]:
    """Return names that fit into a legend: at most 40, of at most 18 letters."""
    names = [name if len(name) <= 18 else name[:17] + "…" for name in classes[:40]]
    return names + ([f"and {len(classes) - 40} more"] if len(classes) > 40 else [])


def _columns(names: Sequence[str]) -> int:
    return 1 + (len(names) - 1) // 20


def _legend(axes: "Axes", names: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [], [], linestyle="", markersize=6, markeredgewidth=0,
            marker=select_marker(place), color=colour, label=name,
        )
        for place, (name, colour) in enumerate(zip(names[:40], palette(40), strict=False))
    ]  # fmt: skip
    handles += [Line2D([], [], linestyle="", label=name) for name in names[40:]]
    axes.legend(
        handles=handles, ncols=_columns(names), loc="center left", bbox_to_anchor=(1.0, 0.5)
    )


def table_scatter(data: Tensor, samples: Tensor, names: Sequence[str]) -> str:
    """Return SVG: rows of the data next to rows sampled from the model, on the same axes.

    Rows of more than two columns are shown along the first two principal directions of the data's
    standardised columns, so that no column counts for more because of its unit.

    Args:
        data: (N, D), D >= 2.
        samples: (M, D).
        names: Names of the columns; may be empty.
    """
    real, made = data.double().cpu().numpy(), samples.double().cpu().numpy()
    if real.shape[1] > 2:
        mean, spread = real.mean(0), real.std(0)
        spread[spread == 0] = 1.0  # a constant column has no direction
        real, made = (real - mean) / spread, (made - mean) / spread
    x, labels = _plane(real, names or COLUMNS)
    y, _ = _plane(real, names or COLUMNS, made)
    with panel(width=6.8, height=3.6, columns=2) as (figure, pair):
        titles = ("data", "drawn from the model")
        for axes, rows, title, colour in zip(pair, (x, y), titles, (BLUE, ORANGE), strict=True):
            _points(axes, rows, colour)
            low, high = x.min(0), x.max(0)
            margin = 0.12 * (high - low) + 1e-9
            axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
            axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
            if 0.25 < (high[0] - low[0]) / max(high[1] - low[1], 1e-9) < 4:
                axes.set_aspect("equal")
            axes.set_title(title, loc="left")
            axes.set_xlabel(labels[0])
        pair[0].set_ylabel(labels[1])
        return svg(figure, alone=True)


def _plane(
    x: np.ndarray, names: Sequence[str], project: np.ndarray | None = None
) -> tuple[np.ndarray, tuple[str, str]]:
    """Return points (`project`, or x itself) in the plane of x's first two principal directions.

    Points of two dimensions stay as they are. Also returns the labels of the axes.
    """
    points = x if project is None else project
    if x.shape[1] == 2:
        return points, (names[0], names[1])
    centre = x.mean(0)
    # Of fewer than two points, all directions, of which some have no variance.
    _, singular, directions = np.linalg.svd(x - centre, full_matrices=len(x) < 2)
    singular = np.pad(singular, (0, max(0, 2 - len(singular))))
    share = singular**2 / max((singular**2).sum(), 1e-300)
    first, second = (
        f"{which} principal direction, {100 * part:.0f} % of variance"
        for which, part in zip(("first", "second"), share, strict=False)
    )
    return (points - centre) @ directions[:2].T, (first, second)


def _points(axes: "Axes", x: np.ndarray, colour: str, numbers: np.ndarray | None = None) -> None:
    """Draw points in one colour, or with the colour and the marker of each one's class."""
    from matplotlib.markers import MarkerStyle

    colours: Any = colour if numbers is None else np.array(palette(numbers.max() + 1))[numbers]
    # Points as a bitmap inside the SVG: thousands of circles would make megabytes of text.
    size = float(np.clip(60_000 / max(len(x), 1), 9, 24))
    style: dict[str, Any] = {"alpha": 0.9, "linewidths": 0, "rasterized": True}
    drawn = axes.scatter(x[:, 0], x[:, 1], c=colours, s=size, **style)
    if numbers is not None:
        styles = [MarkerStyle(select_marker(place)) for place in range(numbers.max() + 1)]
        shapes = [each.get_path().transformed(each.get_transform()) for each in styles]
        drawn.set_paths([shapes[number] for number in numbers])
