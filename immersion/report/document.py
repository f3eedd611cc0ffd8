"""An HTML document that is one file: its style and script are inside, and it loads nothing."""

import base64
import hashlib
from importlib import resources

from immersion.report.markup import Markup, tag


def render_document(
    title: str, *content: object, style: str = "", script: str = "", refresh: int = 0
) -> str:
    """Return an HTML document with the package's style.

    The content policy lets a browser load nothing, and run nothing but `script`, which it names
    by its SHA-256: a script that a data set's or a file's name smuggles in does not run.

    Args:
        title: Title of the window.
        content: Elements of the page.
        style: Style rules in addition to those of page.css.
        script: The page's only script; empty for none.
        refresh: Seconds after which the browser reads the file again; 0 for never.
    """
    css = resources.files("immersion.report").joinpath("page.css").read_text("utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=write_policy(script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="refresh", content=refresh) if refresh else "",
        tag("title", f"{title} · Immersion"),
        tag("style", Markup(css + style)),
    )
    code = tag("script", Markup(script)) if script else ""
    body = tag("body", tag("main", *content), code)
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def write_policy(script: str = "") -> str:
    """Return the content policy of a page with one script, or none.

    Example:
        >>> write_policy()
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
        >>> write_policy("alert(1)").rpartition("; ")[2]
        "script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"
    """
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    if not script:
        return policy
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"{policy}; script-src 'sha256-{digest}'"
