"""The style of figures: colours for white and near-black pages, and SVG output."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEN = (
    *("#2d80f3", "#e1880a", "#b40309", "#5e517d", "#774f53"),
    *("#1fba7f", "#5419ff", "#da4445", "#a39aa3", "#77778e"),
)
"""Colours for ten classes or lines, of middle lightness: contrast at least 2.4 : 1 on the light
and on the dark page. Any two differ by at least 13 in CIEDE2000, also for readers without red,
green or blue cones; the first ones by more."""

BLUE, ORANGE = TEN[:2]
"""Colours of two series; the first is also that of a single one."""

GREY = "#8f959d"
"""Colour of what is in the background: reference levels, latent units that are not used."""

MARKERS = ("o", "s", "^", "D", "X", "v", "P")
"""Shapes of points, so that classes differ by more than their colours."""

DASHES: tuple[Any, ...] = (
    *("solid", (0, (5, 2)), (0, (1.2, 1.4)), (0, (7, 2, 1.2, 2)), (0, (7, 2, 1.2, 2, 1.2, 2))),
    *((0, (2.5, 1)), (0, (10, 2))),
)
"""Patterns of lines, likewise."""

INK = "#010203"
"""Placeholder for the page's text colour: it is replaced by `currentColor`."""

PAPER = "#040506"
"""Placeholder for the page's background, likewise."""

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "immersion",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": INK,
    "grid.alpha": 0.12,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
}

ALONE = (
    "<style>:root{color:#1c1e21;--page:#fbfbfa}"
    "@media (prefers-color-scheme:dark){:root{color:#e4e6e9;--page:#121315}}</style>"
)
"""The colours of text and paper in an SVG that is not part of a page."""


def palette(count: int) -> list[str]:
    """Return the colours of `count` classes or lines; after ten they are repeated.

    A class of the same colour as another has another marker, or dashes: see `select_marker`.
    """
    return [TEN[place % len(TEN)] for place in range(count)]


def select_marker(place: int) -> str:
    """Return the marker of a class; no two of the first seventy have colour and marker alike.

    Example:
        >>> select_marker(0), select_marker(10), select_marker(20)
        ('o', 'D', 'P')
    """
    return MARKERS[place % len(MARKERS)]


def select_line(place: int) -> tuple[str, Any]:
    """Return the colour and the dashes of a line; no two of the first seventy are alike."""
    return TEN[place % len(TEN)], DASHES[place % len(DASHES)]


@contextmanager
def panel(width: float = 5.6, height: float = 3.1, columns: int = 1) -> Iterator[tuple[Any, Any]]:
    """Yield a figure and its axes, an array if there are several columns; sizes are in inches."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(cast(Any, STYLE)):
        figure = Figure((width, height), layout="constrained")
        yield figure, figure.subplots(1, columns)


def svg(figure: "Figure", alone: bool = False) -> str:
    """Return the figure as an `<svg>` element.

    Args:
        figure: The figure.
        alone: If True, the SVG is a file with its own text colour for light and dark pages; else
            part of a page, whose text colour it takes.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, dpi=144, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor").replace(PAPER, "var(--page)")
    # Several figures in one page must not share identifiers of groups.
    text = re.sub(r'<g id="[^"]*"', "<g", text).replace("'DejaVu Sans'", "system-ui")
    return text.replace("<defs>", f"{ALONE}<defs>", 1) if alone else text
