"""Figures of codes, tables and latent units, as SVG for light and dark pages; text stays text.

Axes and text are drawn in the page's own text colour (`currentColor`); an SVG opened by itself
takes black or, where the reader prefers a dark page, white.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from immersion.report.theme import BLUE, GREY, ORANGE, palette, panel, svg

if TYPE_CHECKING:  # matplotlib is slow to import, so functions import it
    from matplotlib.axes import Axes

CODES, COLUMNS = ("z₁", "z₂"), ("x₁", "x₂")
"""Default labels of axes."""

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


def latent_scatter(codes: Tensor, labels: Tensor | None, classes: Sequence[str]) -> str:
    """Return SVG: one point per example, at its posterior mean, coloured by class.

    Codes of more than two dimensions are shown along their first two principal directions; codes
    of one dimension are spread out by class.

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
    colours = palette(len(classes))
    legend = [] if numbers is None or line else _shorten(classes)
    # The legend's room is added, so that long names do not squeeze the points.
    room = _columns(legend) * (0.45 + 0.075 * max(map(len, legend), default=0))
    with panel(width=4.6 + room, height=4.3) as (figure, axes):
        # A random order, so that no class hides another.
        shuffled = np.random.default_rng(0).permutation(len(x))
        _points(axes, x[shuffled], BLUE if numbers is None else colours[numbers[shuffled]])
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
        if line:
            axes.set_yticks(range(len(classes)) if numbers is not None else [], classes or None)
        elif legend:
            _legend(axes, legend, colours)
        return svg(figure, alone=True)


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


def _legend(axes: "Axes", names: Sequence[str], colours: np.ndarray) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", linestyle="", markersize=5, color=colour, label=name)
        for name, colour in zip(names[:40], colours, strict=False)
    ]
    handles += [Line2D([], [], linestyle="", label=name) for name in names[40:]]
    axes.legend(
        handles=handles, ncols=_columns(names), loc="center left", bbox_to_anchor=(1.0, 0.5)
    )


def table_scatter(data: Tensor, samples: Tensor, names: Sequence[str]) -> str:
    """Return SVG: rows of the data next to rows sampled from the model, on the same axes.

    Rows of more than two columns are shown along the data's first two principal directions.

    Args:
        data: (N, D), D >= 2.
        samples: (M, D).
        names: Names of the columns; may be empty.
    """
    real = data.double().cpu().numpy()
    x, labels = _plane(real, names or COLUMNS)
    y, _ = _plane(real, names or COLUMNS, samples.double().cpu().numpy())
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
    _, singular, directions = np.linalg.svd(x - centre, full_matrices=False)
    share = singular**2 / max((singular**2).sum(), 1e-300)
    first, second = (
        f"{which} principal direction, {100 * part:.0f} % of variance"
        for which, part in zip(("first", "second"), share, strict=False)
    )
    return (points - centre) @ directions[:2].T, (first, second)


def _points(axes: "Axes", x: np.ndarray, colours: Any) -> None:
    # Points as a bitmap inside the SVG: thousands of circles would make megabytes of text.
    size = float(np.clip(40_000 / max(len(x), 1), 4, 14))
    axes.scatter(x[:, 0], x[:, 1], c=colours, s=size, alpha=0.75, linewidths=0, rasterized=True)
