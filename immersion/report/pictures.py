"""The pictures of one run, or of several next to one another."""

from collections.abc import Sequence

from immersion.report import labels, text
from immersion.report.contents import EXPLORED, RunContents
from immersion.report.explorer import describe_use, render_manifold, render_points
from immersion.report.markup import Markup, encode_data, join, tag

OF_A_PRIOR = ("samples", "table")
"""Pictures that a model without a prior has only to show that it is not generative."""


def render_pictures(runs: Sequence[RunContents]) -> Markup:
    """Return the pictures of runs; those of the same name next to one another.

    Samples are in another section if the first run is not generative: see
    `render_not_generative`.
    """
    hidden = () if runs[0].generative else OF_A_PRIOR
    names = dict.fromkeys(n for run in runs for n in list_shown(run) if n not in hidden)
    order = [*labels.CAPTIONS, *names]
    rows = []
    for name in sorted(names, key=order.index):
        having = [run for run in runs if name in list_shown(run)]
        if len(runs) == 1:
            rows.append(render_picture(having[0], name))
            continue
        title, _ = having[0].caption(name)
        each = [render_picture(run, name, run.label) for run in having]
        explanation = tag("p", _explain(having[0], name))
        rows.append(join(tag("h3", title), explanation, tag("div", *each, class_=_grid(each))))
    if not rows:
        return Markup()
    shown = [tag("div", *rows, class_="pair")] if len(runs) == 1 else rows
    return tag("section", tag("h2", "Pictures"), *shown)


def list_shown(run: RunContents) -> list[str]:
    """Return the names of a run's pictures, without samples if it is not generative."""
    return [name for name in run.pictures if run.generative or name not in OF_A_PRIOR]


def render_not_generative(runs: Sequence[RunContents]) -> Markup:
    """Return decoded codes of the first run if it has no prior, next to samples of the others."""
    run, *others = runs
    names = [name for name in OF_A_PRIOR if name in run.pictures]
    if run.generative or not names:
        return Markup()
    shown = [render_picture(run, name, "Decoded draws from N(0, I)") for name in names]
    for other in others:
        if other.generative:
            label = f"The same from {other.label}, trained so that codes of data fill its prior"
            having = [name for name in names if name in other.pictures]
            shown += [render_picture(other, name, label) for name in having]
    return tag(
        "section",
        tag("h2", "Not a generative model"),
        tag("p", labels.NOT_GENERATIVE),
        tag("div", *shown, class_=_grid(shown)),
    )


def render_picture(run: RunContents, name: str, label: str = "") -> Markup:
    """Return a picture of a run that the reader can explore, if it has the data.

    Args:
        run: The run.
        name: The picture's name.
        label: Text below the picture; by default its title and its explanation.
    """
    title, _ = run.caption(name)
    path = run.pictures[name]
    alt = f"{title}: {run.model} on {text.name_data(run.record)}"
    image = tag("img", src=encode_data(path), alt=alt)
    caption = tag("b", label) if label else join(tag("b", title), f" {_explain(run, name)}")
    if explorer := run.explorer(name):
        render = render_manifold if name == "manifold" else render_points
        return render(image, caption, *explorer)
    return tag("figure", image, tag("figcaption", caption))


def _explain(run: RunContents, name: str) -> str:
    """Return what a picture shows, and how a reader explores it."""
    _, explanation = run.caption(name)
    explorer = run.explorer(name)
    return (
        f"{explanation} {describe_use(EXPLORED[name], explorer[0])}" if explorer else explanation
    )


def _grid(figures: Sequence[Markup]) -> str:
    """Return the class of a grid of figures; many have smaller columns."""
    return "pair" if len(figures) <= 2 else "many"
