"""Curves of several runs on the same axes."""

from xml.etree import ElementTree

import pytest
from test_figures import SVG, rows, texts

from immersion.report.curves import TITLES
from immersion.report.overlaid_curves import draw_overlaid_curves, render_legend
from immersion.report.theme import TEN


def split_panels(drawn):
    return ["<svg" + panel for panel in drawn.split("<svg")[1:]]


def find_lines(panel):
    """Return (colour, dashes) of the curves of a panel, in order."""
    root = ElementTree.fromstring(panel)
    styles = [path.get("style", "") for path in root.iter(SVG + "path")]
    pairs = [dict(part.split(": ") for part in s.split("; ") if ": " in part) for s in styles]
    return [
        (style["stroke"], style.get("stroke-dasharray", "solid"))
        for style in pairs
        if style.get("stroke-width") == "1.5"
    ]


def test_each_term_has_one_panel_with_a_line_for_every_run_that_has_it():
    runs = [
        rows(loss=lambda s: 9.0 / s, elbo=lambda s: -1.0 / s),
        rows(loss=lambda s: 5.0 / s, elbo=lambda s: -2.0 / s, kl=lambda s: 1.0 * s),
        rows(loss=lambda s: 7.0 / s),
    ]
    panels = split_panels(draw_overlaid_curves(runs))
    titles = [next(t for t in texts(p) if t in {*TITLES.values()}) for p in panels]
    assert titles == [TITLES["elbo"], TITLES["loss"], TITLES["kl"]]  # what is shared comes first
    colours = [[colour for colour, _ in find_lines(panel)] for panel in panels]
    assert colours == [list(TEN[:2]), list(TEN[:3]), [TEN[1]]]


@pytest.mark.parametrize("count", [2, 5, 12])
def test_any_number_of_runs_have_lines_of_their_own(count):
    (panel,) = split_panels(draw_overlaid_curves([rows(loss=lambda s: 9.0 / s)] * count))
    lines = find_lines(panel)
    assert len(lines) == len(set(lines)) == count
    legend = render_legend([f"run {i}" for i in range(count)])
    root = ElementTree.fromstring(legend)
    swatches = [(each.get("stroke"), each.get("stroke-dasharray")) for each in root.iter("line")]
    assert [colour for colour, _ in swatches] == [colour for colour, _ in lines]
    assert len(set(swatches)) == count
    assert [entry[1] for entry in zip(swatches, lines, strict=True)] == lines
    assert "".join(root.itertext()) == "".join(f"run {i}" for i in range(count))


def test_a_loss_that_repeats_a_term_in_every_run_is_left_out():
    same = rows(loss=lambda s: 1.0 / s, elbo=lambda s: -1.0 / s)
    other = rows(loss=lambda s: 3.0 / s, elbo=lambda s: -1.0 / s)
    assert len(split_panels(draw_overlaid_curves([same, same]))) == 1
    assert len(split_panels(draw_overlaid_curves([same, other]))) == 2


def test_a_run_of_one_line_is_a_marker_next_to_a_longer_one():
    longer = [row for row in rows(loss=lambda s: 9.0 / s) if row["split"] == "train"]
    short = rows(steps=1, loss=lambda s: 3.0)
    (panel,) = split_panels(draw_overlaid_curves([longer, short]))
    assert panel.count("<use ") == 1
    assert "<use " not in draw_overlaid_curves([longer, longer])


def test_the_axis_of_steps_ends_with_the_longest_run():
    short, longer = rows(steps=10, loss=lambda s: 1.0 / s), rows(steps=100, loss=lambda s: 2.0 / s)
    assert "1,000" in texts(draw_overlaid_curves([short, longer]))


def test_without_metrics_there_is_no_panel():
    assert draw_overlaid_curves([[], []]) == ""
    assert len(split_panels(draw_overlaid_curves([[], rows(loss=lambda s: 1.0 / s)]))) == 1
