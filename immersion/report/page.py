"""The report of a run folder: one HTML file that opens offline."""

import base64
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from immersion.evaluation_record import read_estimates
from immersion.report import figures, labels, text
from immersion.report.curves import draw_curves
from immersion.report.markup import Markup, join, table, tag
from immersion.run_folder import RunFolder
from immersion.run_record import flatten

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""The browser refuses to load anything: everything that the page shows is in its file."""

MEDIA_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


class _Run:
    """The contents of one run folder."""

    def __init__(self, folder: RunFolder) -> None:
        self.record = folder.record()
        self.metrics = folder.metrics()
        self.evaluation = folder.evaluation() or {}
        self.estimates = read_estimates(self.evaluation)
        self.name = folder.path.resolve().name
        files = sorted(folder.samples.glob("[!.]*"))
        found = {path.stem: path for path in files if path.suffix in MEDIA_TYPES}
        known = [name for name in labels.CAPTIONS if name in found]
        self.pictures = {name: found[name] for name in dict.fromkeys([*known, *found])}
        self.findings = folder.findings()
        self.game = any("/" in name for row in self.metrics[:1] for name in row)
        self.generative = self.record.generative

    def caption(self, name: str) -> tuple[str, str]:
        """Return a picture's title and explanation."""
        own = labels.CAPTIONS_OF_A_GAN if self.record.recipe in labels.GANS else {}
        return own.get(name) or labels.CAPTIONS.get(name, (name, ""))


def write_report(folder: RunFolder, other: RunFolder | None = None) -> Path:
    """Write `report.html` into the run folder, from its files.

    Args:
        folder: The run; missing parts (pictures, evaluation) are left out.
        other: Another run, shown in a second column.

    Returns:
        The file: self-contained, without scripts or addresses to load.
    """
    html = render_page(folder, other)
    return folder.write(folder.report_file.name, lambda path: path.write_text(html, "utf-8"))


def render_page(folder: RunFolder, other: RunFolder | None = None) -> str:
    """Return the report's HTML; see `write_report`."""
    run, second = _Run(folder), None if other is None else _Run(other)
    title = f"{text.name_model(run.record)} on {text.name_data(run.record)}"
    title = title[0].upper() + title[1:]
    css = resources.files("immersion.report").joinpath("page.css").read_text("utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{title} · Immersion"),
        tag("style", Markup(css)),
    )
    sections = (
        _header(run, title),
        _health(run),
        _curves(run),
        _pictures(run, second),
        _not_generative(run, second),
        _numbers(run, second),
        _settings(run),
        _data(run),
        _repeat(run),
    )
    body = tag("body", tag("main", *sections))
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def _section(title: str, *content: object) -> Markup:
    return tag("section", tag("h2", title), *content)


def _header(run: _Run, title: str) -> Markup:
    return tag(
        "header",
        tag("p", f"Immersion · {run.name}", class_="kicker"),
        tag("h1", title),
        tag("p", text.summarise_run(run.record, run.evaluation), class_="lede"),
        _tiles(run),
    )


def _tiles(run: _Run) -> Markup:
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
    outcome = run.record.outcome
    if outcome is not None and outcome.seconds:
        where = f"on {run.record.device}" if run.record.device else ""
        tiles.append(("Training time", text.format_duration(outcome.seconds), where))
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


def _curves(run: _Run) -> Markup:
    if not run.metrics:
        return Markup()
    drawn = draw_curves(run.metrics)
    units = run.evaluation.get("kl_per_unit") or []
    if len(units) > 1:
        drawn += figures.unit_bars(units)
    explanation = labels.CURVES_OF_A_GAME if run.game else labels.CURVES
    return _section("Training", tag("p", explanation), tag("div", Markup(drawn), class_="pair"))


def _health(run: _Run) -> Markup:
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


def _picture(run: _Run, name: str, caption: bool = True, label: str = "") -> Markup:
    path = run.pictures[name]
    title, caption_text = run.caption(name)
    data = base64.b64encode(path.read_bytes()).decode()
    alt = f"{title}: {text.name_model(run.record)} on {text.name_data(run.record)}"
    image = tag("img", src=f"data:{MEDIA_TYPES[path.suffix]};base64,{data}", alt=alt)
    lines = [tag("b", label or title), f" {caption_text}" if caption else ""]
    return tag("figure", image, tag("figcaption", *lines))


def _label(run: _Run) -> str:
    return f"{run.name} ({text.name_model(run.record)})"


def _pictures(run: _Run, other: _Run | None) -> Markup:
    drawn = () if run.generative else ("samples", "table")
    names = [name for name in run.pictures if name not in drawn]
    if not names:
        return Markup()
    if other is None:
        shown = [_picture(run, name) for name in names]
        return _section("Pictures", tag("div", *shown, class_="pair"))
    rows = []
    for name in names:
        title, caption = run.caption(name)
        both = [
            _picture(one, name, False, _label(one)) for one in (run, other) if name in one.pictures
        ]
        rows.append(tag("h3", title) + tag("p", caption) + tag("div", *both, class_="pair"))
    return _section("Pictures", *(Markup(row) for row in rows))


def _not_generative(run: _Run, other: _Run | None) -> Markup:
    names = [name for name in ("samples", "table") if name in run.pictures]
    if run.generative or not names:
        return Markup()
    shown = [_picture(run, name, False, "Decoded draws from N(0, I)") for name in names]
    if other is not None and other.generative:
        label = f"The same from {_label(other)}, trained so that codes of data fill its prior"
        shown += [_picture(other, name, False, label) for name in names if name in other.pictures]
    explanation = tag("p", labels.NOT_GENERATIVE)
    return _section("Not a generative model", explanation, tag("div", *shown, class_="pair"))


def _numbers(run: _Run, other: _Run | None) -> Markup:
    runs = [run] if other is None else [run, other]
    keys = [(s, m) for one in runs for s, measures in one.estimates.items() for m in measures]
    if not keys:
        return Markup()
    settings, order = [setting for setting, _ in keys], [*labels.MEASURES, *(m for _, m in keys)]
    keys = sorted(dict.fromkeys(keys), key=lambda k: (settings.index(k[0]), order.index(k[1])))
    rows = []
    for setting, measure in keys:
        label, meaning = text.explain(measure, setting)
        cells = [one.estimates.get(setting, {}).get(measure) for one in runs]
        first = next(cell for cell in cells if cell)
        values = [text.format_estimate(c, unit=False) if c else "" for c in cells]
        name_and_meaning = join(label, tag("small", meaning))
        rows.append([name_and_meaning, *values, first.get("unit", ""), _count(first)])
    columns = ["estimate ± standard error"] if other is None else [_label(one) for one in runs]
    protocol = run.evaluation.get("protocol") or {}
    drawn = run.evaluation.get("sample_protocol") or {}
    return _section(
        "Numbers",
        table(rows, ["", *columns, "unit", "n"]),
        tag("p", "Protocol: " + _protocol(protocol), class_="small") if protocol else "",
        tag("p", "Samples: " + _protocol(drawn), class_="small") if drawn else "",
    )


def _count(estimate: Mapping[str, Any]) -> str:
    return f"{estimate['examples']:,}" if "examples" in estimate else ""


def _protocol(protocol: Mapping[str, Any]) -> str:
    named = (
        (name.replace("_", " ").replace(".", " "), value)
        for name, value in flatten(protocol, dotted=True).items()
    )
    return ", ".join(f"{name} {value}" for name, value in named) + "."


def _settings(run: _Run) -> Markup:
    record = run.record
    resolved = {"device": record.device, "precision": record.precision}
    options = record.options | {name: value for name, value in resolved.items() if value}
    # Under the same names: what `auto` became takes its place.
    model = record.arguments | record.model
    halves = [
        tag(
            "div",
            tag("h3", title),
            table([list(pair) for pair in flatten(values, dotted=True).items()]),
        )
        for title, values in (("Model", model), ("Training", options))
        if values
    ]
    return _section("Settings", tag("div", *halves, class_="pair")) if halves else Markup()


def _data(run: _Run) -> Markup:
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


def _repeat(run: _Run) -> Markup:
    record = run.record
    made = record.versions | {"machine": record.machine, "created": record.created}
    versions = [[name, value] for name, value in made.items() if value]
    command = tag("pre", tag("code", record.command)) if record.command else ""
    return _section("How to repeat it", command, tag("h3", "Versions"), table(versions))
