"""HTML from Python: everything is escaped except elements from this module."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

VOID = {"img", "meta", "br", "input", "wbr"}
"""Elements that have no content and no end."""


class Markup(str):
    """Text that is HTML already: it is not escaped again."""


def tag(name: str, /, *content: object, **attributes: object) -> Markup:
    """Return one element; its content is escaped unless it is `Markup`.

    Args:
        name: The element's name.
        content: Text and elements, one after another.
        attributes: Written as they are named; `class_` is class, `http_equiv` is http-equiv.

    Example:
        >>> tag("p", "5 < 7", tag("b", "!"), class_="note")
        '<p class="note">5 &lt; 7<b>!</b></p>'
    """
    written = "".join(
        f' {key.removesuffix("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
    )
    end = "" if name in VOID else f"</{name}>"
    return Markup(f"<{name}{written}>{join(*content)}{end}")


def join(*content: object) -> Markup:
    """Return text and elements one after another, as one piece of HTML."""
    return Markup("".join(c if isinstance(c, Markup) else escape(str(c)) for c in content))


def table(rows: Sequence[Sequence[object]], header: Sequence[str] = ()) -> Markup:
    """Return a table whose first column names the rows.

    On a narrow page a table of more than two columns becomes a list: each cell in a line, after
    the name of its column.

    Args:
        rows: Cells, row by row.
        header: Names of the columns; empty for a table of names and values.
    """
    head = tag("thead", tag("tr", *(tag("th", cell) for cell in header))) if header else ""
    names = header[1:] or [""] * max((len(row) - 1 for row in rows), default=0)
    body = [
        tag(
            "tr",
            tag("th", first, scope="row"),
            *(
                tag("td", cell, **({"data_column": name} if name and cell != "" else {}))
                for name, cell in zip(names, rest, strict=True)
            ),
        )
        for first, *rest in rows
    ]
    kind = "wide" if header else "pairs"
    return tag("table", head, tag("tbody", *body), class_=kind) if rows else Markup()


MEDIA_TYPES = {
    ".gif": "image/gif",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
"""Suffix of a picture that a page can hold -> its type."""


def encode_data(picture: Path) -> str:
    """Return the address of a picture that holds the picture itself."""
    data = base64.b64encode(picture.read_bytes()).decode()
    return f"data:{MEDIA_TYPES[picture.suffix]};base64,{data}"
