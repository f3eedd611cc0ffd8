"""Figures that answer to the pointer without a server: decoded images, and examples' codes.

Their data are in the run folder, a picture and a JSON file each. `manifold` has a grid of decoded
images as one picture, from which a script blends the image at any point between them. `points`
has the coordinates of examples in a chart, and their images as one picture.
"""

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from immersion.report.markup import Markup, encode_data, tag

FOLDER = "explorer"
"""Folder among the samples of a run."""

MANIFOLD_HELP = (
    "Move over the map, drag or touch it, or use the sliders: {count} images are decoded, and the "
    "image at a point between them is blended from the nearest four."
)

POINTS_HELP = (
    "Point at a code, touch it, or go from one to the next by the arrow keys, to see its example."
)


def read_explorer(samples: Path, name: str) -> tuple[dict[str, Any], Path] | None:
    """Return the data and the picture of a figure that a run has, or None.

    Args:
        samples: The run's folder of samples.
        name: manifold or points.
    """
    values, picture = (samples / FOLDER / f"{name}{suffix}" for suffix in (".json", ".webp"))
    if not (values.is_file() and picture.is_file()):
        return None
    return json.loads(values.read_text("utf-8")), picture


def read_script() -> str:
    """Return the script of the figures."""
    return resources.files("immersion.report").joinpath("explorer.js").read_text("utf-8")


def describe_use(name: str, values: Mapping[str, Any]) -> str:
    """Return how a reader explores a figure.

    Args:
        name: manifold or points.
        values: The data of the figure.
    """
    if name == "points":
        return POINTS_HELP
    return MANIFOLD_HELP.format(count=f"{values['columns']} × {values['rows']}")


def render_manifold(
    image: Markup, caption: Markup, grid: Mapping[str, Any], picture: Path
) -> Markup:
    """Return a map of the manifold with the decoded image at a point that the reader selects.

    Args:
        image: The map.
        caption: Title and explanation.
        grid: `columns` and `rows` of decoded images, their `width` and `height`, the codes'
            coordinates `across` and `down`, and the `names` of the coordinates.
        picture: The decoded images.
    """
    sliders = [
        tag(
            "label",
            tag("span", name),
            tag("input", type="range", min=0, max=grid[side] - 1, step=0.25, aria_label=name),
            tag("output"),
        )
        for name, side in zip(grid["names"], ("columns", "rows"), strict=False)
    ]
    view = tag(
        "div",
        tag("canvas", role="img", aria_label="The decoded image"),
        tag("div", *sliders),
        class_="view",
        hidden="",
    )
    return tag(
        "figure",
        tag("div", image, tag("i", hidden=""), class_="map drag"),
        view,
        _render_atlas(picture, "Decoded images of the map, row by row"),
        tag("figcaption", caption),
        class_="explorer",
        data_manifold=json.dumps(grid, ensure_ascii=False),
    )


def render_points(
    image: Markup, caption: Markup, points: Mapping[str, Any], picture: Path
) -> Markup:
    """Return a chart of codes with the example at the code that the reader selects.

    Args:
        image: The chart.
        caption: Title and explanation.
        points: `x` and `y` of the points, the maps `across` and `down` from them to places in
            the chart, the `names` of the axes, `labels` and `classes`, and of the images
            `pictures` (their number), `columns`, `width` and `height`.
        picture: Images of the examples.
    """
    note = tag(
        "div", tag("canvas"), tag("b"), tag("span"), class_="note", role="status", hidden=""
    )
    label = "The codes of examples. Arrow keys go from one to the next."
    inside = tag(
        "div", image, tag("i", hidden=""), note, class_="map", role="group", aria_label=label
    )
    return tag(
        "figure",
        inside,
        _render_atlas(picture, "Images of the examples, row by row"),
        tag("figcaption", caption),
        class_="explorer",
        data_points=json.dumps(points, ensure_ascii=False),
    )


def _render_atlas(picture: Path, alt: str) -> Markup:
    return tag("img", src=encode_data(picture), alt=alt, class_="atlas", hidden="")
