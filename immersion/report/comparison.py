"""A page of pictures before and after, one over the other, with a slider between them."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image

from immersion.report.document import render_document
from immersion.report.markup import Markup, tag

SCRIPT = (
    'for (const slider of document.querySelectorAll("input")) '
    'slider.oninput = () => slider.parentElement.style.setProperty("--at", slider.value + "%");'
)
"""The only script: a slider moves the border between the two pictures."""

STYLE = """
.over { --at: 50%; position: relative; width: fit-content; max-width: 100%; line-height: 0; }
.over img { display: block; max-width: 100%; height: auto; image-rendering: pixelated; }
.over img + img { position: absolute; inset: 0; clip-path: inset(0 0 0 var(--at)); }
.over::after { content: ""; position: absolute; top: 0; bottom: 0; left: var(--at); width: 2px;
  margin-left: -1px; background: #fff; box-shadow: 0 0 3px #000a; pointer-events: none; }
.over input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0;
  cursor: ew-resize; }
.over:focus-within { outline: 2px solid var(--accent); outline-offset: 3px; }
"""


KICKER = "Immersion · before and after"
"""The line above the title."""


@dataclass(frozen=True)
class Comparison:
    """One picture before and after, of one size.

    Args:
        name: Title.
        words: Processing steps, in a few words.
        before: Input picture.
        after: Output picture.
    """

    name: str
    words: str
    before: Image
    after: Image


def write_comparison(path: Path, title: str, pairs: list[Comparison]) -> Path:
    """Write the page: one file that opens offline.

    Args:
        path: The file.
        title: Heading of the page.
        pairs: Pictures, in order.
    """
    path.write_text(render_comparison(title, pairs), "utf-8")
    return path


def render_comparison(title: str, pairs: list[Comparison]) -> str:
    """Return the page's HTML; see `write_comparison`."""
    header = tag(
        "header",
        tag("p", KICKER, class_="kicker"),
        tag("h1", title),
        tag(
            "p",
            "Drag across a picture: left of the line before, right of it after.",
            class_="lede",
        ),
    )
    return render_document(title, header, *map(_section, pairs), style=STYLE, script=SCRIPT)


def _section(pair: Comparison) -> Markup:
    over = tag(
        "div",
        tag("img", src=_data(pair.before), alt=f"{pair.name} before"),
        tag("img", src=_data(pair.after), alt=f"{pair.name} after"),
        tag("input", type="range", min=0, max=100, value=50, aria_label="Border between the two"),
        class_="over",
    )
    return tag("section", tag("h2", pair.name), tag("p", pair.words), over)


def _data(image: Image) -> str:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
