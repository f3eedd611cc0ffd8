"""HTML from Python: everything is escaped except elements from this module."""

from collections.abc import Sequence
from html import escape

VOID = {"img", "meta", "br"}
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
    """Return a table whose first column names the rows; a wide table scrolls."""
    head = tag("thead", tag("tr", *(tag("th", cell) for cell in header))) if header else ""
    body = [
        tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest))
        for first, *rest in rows
    ]
    return tag("div", tag("table", head, tag("tbody", *body)), class_="scroll")
