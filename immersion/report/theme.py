"""The style of figures: colours for white and near-black pages, and SVG output."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#4a86e0", "#e58a1f", "#8f959d"
"""Colours of middle lightness: contrast at least 2.5 : 1 on white and on near-black."""

INK = "#010203"
"""Placeholder for the page's text colour: it is replaced by `currentColor`."""

TEN = (
    *("#4a86e0", "#e58a1f", "#3fa35b", "#d9534f", "#9a6fd0"),
    *("#a9745b", "#e377b5", "#8f959d", "#b3ad22", "#1fb5c4"),
)
"""Colours for ten classes."""

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
    "<style>:root{color:#1c1e21}@media (prefers-color-scheme:dark){:root{color:#e4e6e9}}</style>"
)
"""The text colour of an SVG that is not part of a page."""


def palette(count: int) -> np.ndarray:
    """Return `count` colours for classes, (count, 3), in [0, 1]."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    if count <= len(TEN):
        return np.array([to_rgb(colour) for colour in TEN[:count]])
    return colormaps["turbo"](np.linspace(0.05, 0.95, count))[:, :3]


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
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    # Several figures in one page must not share identifiers of groups.
    text = re.sub(r'<g id="[^"]*"', "<g", text).replace("'DejaVu Sans'", "system-ui")
    return text.replace("<defs>", f"{ALONE}<defs>", 1) if alone else text
