"""The report of a run folder: one HTML file that opens offline."""

from collections.abc import Sequence
from pathlib import Path

from immersion.report import figures, labels, text
from immersion.report.contents import RunContents, read_runs
from immersion.report.curves import draw_curves, list_values
from immersion.report.document import render_document
from immersion.report.explorer import read_script
from immersion.report.markup import Markup, table, tag
from immersion.report.numbers import render_numbers
from immersion.report.overlaid_curves import draw_overlaid_curves, render_legend
from immersion.report.pictures import render_not_generative, render_pictures
from immersion.report.settings import render_settings
from immersion.run_folder import RunFolder

REFRESH = 15
"""Seconds after which the page of a run in training is read again."""


def write_report(folder: RunFolder, others: Sequence[RunFolder] = ()) -> Path:
    """Write `report.html` into the run folder, from its files.

    Args:
        folder: The run; missing parts (pictures, evaluation) are left out. The page of a run in
            training says so, and browsers read it again every 15 seconds.
        others: Runs to compare it with: curves on the same axes, a column each in the tables.

    Returns:
        The file: self-contained, without addresses to load. Its only script, if the run has
        figures to explore, is named in the content policy.
    """
    html = render_page(folder, others)
    return folder.write(folder.report_file.name, lambda path: path.write_text(html, "utf-8"))


def render_page(folder: RunFolder, others: Sequence[RunFolder] = ()) -> str:
    """Return the report's HTML; see `write_report`."""
    runs = read_runs([folder, *others])
    run = runs[0]
    title = f"{run.model} on {text.name_data(run.record)}"
    explored = any(each.explorer(name) for each in runs for name in each.pictures)
    return render_document(
        title[0].upper() + title[1:],
        _render_header(run, title[0].upper() + title[1:]),
        _render_health(run),
        _render_curves(runs) if len(runs) == 1 else _render_overlaid_curves(runs),
        render_pictures(runs),
        render_not_generative(runs),
        render_numbers(runs),
        render_settings(runs),
        _render_data(run),
        _render_command(run),
        script=read_script() if explored else "",
        refresh=REFRESH if run.in_training else 0,
    )


def _section(title: str, *content: object) -> Markup:
    return tag("section", tag("h2", title), *content)


def _render_header(run: RunContents, title: str) -> Markup:
    return tag(
        "header",
        tag("p", f"Immersion · {run.name}", class_="kicker"),
        tag("h1", title),
        tag("p", text.summarise_run(run.record, run.evaluation, run.step), class_="lede"),
        _render_tiles(run),
    )


def _render_tiles(run: RunContents) -> Markup:
    tiles = []
    for setting, measures in run.estimates.items():
        for measure in labels.KEY_MEASURES:
            if measure not in measures or (measure == "squared_error" and run.generative):
                continue
            estimate = measures[measure]
            value, _, error = text.format_estimate(estimate, unit=False).partition(" ± ")
            note = (f"± {error} " if error else "") + estimate.get("unit", "")
            label = text.lower_first(text.explain(measure, setting)[0])
            tiles.append((f"Test {label}", value, note))
    if run.generative and "active_units" in run.evaluation:
        of = f"of {len(run.evaluation['kl_per_unit'])}" if "kl_per_unit" in run.evaluation else ""
        tiles.append(("Active latent units", run.evaluation["active_units"], of))
    if run.seconds:
        where = f"on {run.record.device}" if run.record.device else ""
        tiles.append(("Training time", text.format_duration(run.seconds), where))
    speeds = sorted(
        row["examples_per_second"] for row in run.metrics if "examples_per_second" in row
    )
    if speeds:
        tiles.append(("Speed", f"{speeds[len(speeds) // 2]:,.0f}", "examples a second"))
    return tag(
        "dl",
        *(
            tag("div", tag("dt", what), tag("dd", tag("b", value), tag("span", note)))
            for what, value, note in tiles
        ),
        class_="tiles",
    )


def _render_health(run: RunContents) -> Markup:
    if not run.findings:
        return Markup()
    cards = [
        tag(
            "div",
            tag("dt", finding["name"], tag("span", labels.SEVERITIES[finding["severity"]])),
            tag("dd", finding["sentence"]),
            tag("dd", tag("b", "What to try: "), finding["remedy"] + ".")
            if finding["remedy"]
            else "",
            class_=finding["severity"],
        )
        for finding in run.findings
    ]
    return _section("Health", tag("dl", *cards, class_="health"))


def _render_curves(runs: Sequence[RunContents]) -> Markup:
    """Return the curves of a run, or a table where its metrics are too few for curves."""
    run = runs[0]
    if not run.metrics:
        return Markup()
    units = run.evaluation.get("kl_per_unit") or []
    bars = figures.unit_bars(units) if len(units) > 1 else ""
    drawn = draw_curves(run.metrics)
    panels = tag("div", Markup(drawn + bars), class_="pair") if drawn or bars else ""
    if not drawn:
        line = labels.FEW_VALUES.format(step=f"{run.metrics[-1]['step']:,}")
        return _section("Training", tag("p", line), _render_values(run), panels)
    explanation = labels.CURVES_OF_A_GAME if run.game else labels.CURVES
    return _section("Training", tag("p", explanation), panels)


def _render_values(run: RunContents) -> Markup:
    """Return a table of the terms' values in training and, if there are any, in validation."""
    values = list_values(run.metrics)
    splits = [
        split for split in ("train", "validation") if any(split in v for v in values.values())
    ]
    rows = [
        [title, *(text.format_number(own[split]) if split in own else "" for split in splits)]
        for title, own in values.items()
    ]
    return table(rows, ["", *("training" if split == "train" else split for split in splits)])


def _render_overlaid_curves(runs: Sequence[RunContents]) -> Markup:
    drawn = draw_overlaid_curves([run.metrics for run in runs])
    if not drawn:
        return Markup()
    legend = render_legend([run.label for run in runs])
    panels = tag("div", Markup(drawn), class_="pair")
    return _section("Training", tag("p", labels.OVERLAID_CURVES), legend, panels)


def _render_data(run: RunContents) -> Markup:
    data = run.record.data
    spec = data.spec
    rows: list[list[object]] = [["name", spec["name"]], ["source", data.source]]
    rows.append(["shape", " × ".join(str(side) for side in spec["shape"])])
    rows.append(["values", spec.get("values", "")])
    if spec.get("classes"):
        rows.append(["classes", ", ".join(spec["classes"])])
    if data.examples:
        splits = zip(("training", "validation", "test"), data.examples, strict=False)
        rows.append(["examples", ", ".join(f"{count:,} {split}" for split, count in splits)])
    if data.note:
        rows.append(["note", data.note])
    sums = [[name, tag("code", value)] for name, value in data.checksums.items()]
    return _section("Data", table(rows), tag("h3", "Checksums") if sums else "", table(sums))


def _render_command(run: RunContents) -> Markup:
    record = run.record
    made = record.versions | {"machine": record.machine, "created": record.created}
    versions = [[name, value] for name, value in made.items() if value]
    command = tag("pre", tag("code", record.command)) if record.command else ""
    return _section("How to repeat it", command, tag("h3", "Versions"), table(versions))
