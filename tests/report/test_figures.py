import re
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from immersion.report import figures
from immersion.report.curves import TITLES, draw_curves, find_limits, list_values, set_log_scale
from immersion.report.theme import INK

SVG = "{http://www.w3.org/2000/svg}"


def rows(steps=50, **terms):
    return [
        {"step": 10 * i, "split": split, "seconds": i * 0.1}
        | {name: term(10 * i) for name, term in terms.items()}
        | ({"examples_per_second": 1e5} if split == "train" else {})
        for i in range(1, steps + 1)
        for split in ("train", "validation")
        if split == "train" or i % 10 == 0
    ]


def texts(svg):
    """Return what is written in one or several SVGs; fails where they are not well formed."""
    root = ElementTree.fromstring(f"<all>{svg}</all>")
    return [node.text for node in root.iter(SVG + "text")]


def test_each_term_has_a_panel_and_the_bound_comes_first():
    drawn = draw_curves(rows(loss=lambda s: 9.0 / s, kl=lambda s: s, elbo=lambda s: -1.0 / s))
    assert drawn.count("<svg") == 3
    written = texts(drawn)
    order = [written.index(TITLES[name]) for name in ("elbo", "loss", "kl")]
    assert order == sorted(order)
    assert {"training", "validation", "step"} <= set(written)


def test_a_loss_that_is_minus_the_bound_is_not_shown_twice():
    drawn = draw_curves(rows(loss=lambda s: 1.0 / s, elbo=lambda s: -1.0 / s))
    assert drawn.count("<svg") == 1
    assert TITLES["elbo"] in texts(drawn)


def test_no_rows_no_curves():
    assert draw_curves([]) == ""


def test_one_value_of_a_term_is_no_curve():
    """A run of 20 steps has one line of metrics: its values are a table, not empty panels."""
    short = rows(steps=1, loss=lambda s: 3.0, kl=lambda s: 2.0)
    assert draw_curves(short) == ""
    assert list_values(short) == {"loss": {"train": 3.0}, TITLES["kl"]: {"train": 2.0}}
    validated = [*short, {"step": 10, "split": "validation", "seconds": 0.1, "loss": 4.0}]
    assert draw_curves(validated) == ""
    assert list_values(validated)["loss"] == {"train": 3.0, "validation": 4.0}
    assert draw_curves(rows(steps=2, loss=lambda s: 3.0)).count("<svg") == 1


def test_a_single_value_among_curves_has_a_marker():
    longer = [row for row in rows(loss=lambda s: 100.0 / s) if row["split"] == "train"]
    longer[20]["late"] = 1.0
    panel = next(svg for svg in draw_curves(longer).split("<svg") if "late" in svg)
    assert "<use " in panel  # matplotlib's markers; curves of training have none
    assert not any(
        "<use " in svg for svg in draw_curves(longer).split("<svg") if "late" not in svg
    )


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (3.1, 4.4, {"3.2", "3.4", "3.6", "3.8", "4", "4.2", "4.4"}),
        (0.12, 0.9, {"0.2", "0.4", "0.6", "0.8"}),
        (1.5, 70, {"2", "5", "10", "20", "50"}),
        (1e-3, 20, {"0.001", "0.01", "0.1", "1", "10"}),
        (1e-30, 1.0, None),
    ],
)
def test_a_logarithmic_axis_has_numbers_at_every_range(low, high, expected):
    figure = Figure()
    axes = figure.subplots()
    axes.set_ylim(low, high)
    set_log_scale(axes)
    figure.canvas.draw()
    shown = {
        label.get_text()
        for value, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)
        if low <= value <= high and label.get_text()
    }
    assert len(shown) >= 2
    assert expected is None or shown == expected


def test_the_first_steps_and_a_spike_do_not_squash_the_rest():
    points = [(step, 1e6 if step in (1, 500) else 100 + 10 / step) for step in range(1, 1001)]
    low, high = find_limits(points)
    assert 90 < low < 100 < high < 111


def test_the_last_value_is_always_inside():
    low, high = find_limits([(step, 1.0) for step in range(1, 1000)] + [(1000, 50.0)])
    assert low <= 1 < 50 <= high


def test_figures_take_the_pages_text_colour_and_keep_their_text():
    for drawn in (
        draw_curves(rows(loss=lambda s: 1.0)),
        figures.unit_bars([0.5, 0.001]),
        figures.latent_scatter(torch.randn(20, 3), None, ()).svg,
        figures.table_scatter(torch.randn(20, 2), torch.randn(20, 2), ()),
    ):
        assert "currentColor" in drawn
        assert INK not in drawn
        assert "<text" in drawn
        assert drawn.startswith("<svg")


def test_figures_are_the_same_every_time():
    codes = torch.randn(20, 3)
    first, second = (figures.latent_scatter(codes, None, ()) for _ in range(2))
    assert first.svg == second.svg


def test_units_are_sorted_and_the_idle_ones_marked():
    drawn = figures.unit_bars([0.001, 3.0, 0.5, 0.0])
    written = texts(drawn)
    ticks = [text for text in written if text in {"0", "1", "2", "3"}]
    assert ticks[:4] == ["1", "2", "0", "3"]
    assert any("2 of 4 above 0.01" in text for text in written)
    assert len(re.findall(r"<use ", drawn)) == 2


def test_many_units_are_not_numbered():
    assert "latent units, sorted" in texts(figures.unit_bars([0.1] * 60))


def test_a_plane_of_codes_is_shown_as_it_is():
    x = np.random.default_rng(0).normal(size=(10, 2))
    points, names = figures._plane(x, figures.CODES)
    assert (points == x).all()
    assert names == figures.CODES


def test_more_dimensions_are_projected_on_the_principal_directions():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(4000, 3)) * [1.0, 10.0, 5.0] + [0.0, 100.0, 0.0]
    points, names = figures._plane(x, figures.CODES)
    np.testing.assert_allclose(np.abs(points[:, 0]), np.abs(x[:, 1] - x[:, 1].mean()), atol=1.5)
    assert names[0] == "first principal direction, 79 % of variance"  # 100 / 126
    assert names[1] == "second principal direction, 20 % of variance"  # 25 / 126


def test_samples_are_projected_on_the_datas_directions():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(500, 3)) * [1.0, 10.0, 5.0] + 7
    points, _ = figures._plane(x, figures.CODES)
    again, _ = figures._plane(x, figures.CODES, x[:9])
    np.testing.assert_allclose(again, points[:9])


def test_a_tables_unit_does_not_decide_its_principal_directions():
    """Metres or millimetres: the columns are standardised, so the picture is the same."""
    generator = torch.Generator().manual_seed(0)
    common = torch.randn(300, 1, generator=generator)
    x = common * torch.tensor([1.0, 1.0, 0.0, 0.0]) + torch.randn(300, 4, generator=generator)
    x = torch.cat([x, torch.ones(300, 1)], dim=1)  # a constant column has no direction
    units = torch.tensor([1000.0, 1.0, 0.01, 5.0, 3.0])
    metres, mixed = (figures.table_scatter(y, y[:50], ()) for y in (x, x * units))
    assert [t for t in texts(metres) if t] == [t for t in texts(mixed) if t]
    assert "first principal direction, 37 % of variance" in texts(mixed)


@pytest.mark.parametrize("count", [3, 10, 30, 60])
def test_classes_are_named_in_the_legend(count):
    names = [f"kind {i}" for i in range(count)]
    labels = torch.arange(100) % count
    written = texts(figures.latent_scatter(torch.randn(100, 2), labels, names).svg)
    assert set(names[:40]) <= set(written)
    assert (f"and {count - 40} more" in written) == (count > 40)


def test_labels_without_names_are_numbers():
    written = texts(figures.latent_scatter(torch.randn(9, 4), torch.arange(9) % 3, ()).svg)
    assert {"0", "1", "2"} <= set(written)


def test_codes_on_a_line_are_spread_out_by_class():
    drawn = figures.latent_scatter(torch.randn(9, 1), torch.arange(9) % 3, ("a", "b", "c")).svg
    assert {"z", "a", "b", "c"} <= set(texts(drawn))
    assert "z" in texts(figures.latent_scatter(torch.randn(9, 1), None, ()).svg)


def test_names_are_no_mathematics_and_no_markup():
    names = ("$\\frac{$", "<script>alert(1)</script>")
    drawn = figures.latent_scatter(torch.randn(6, 2), torch.arange(6) % 2, names).svg
    assert "<script" not in drawn
    assert "$\\frac{$" in texts(drawn)


def test_columns_give_their_names_to_the_axes():
    drawn = figures.table_scatter(torch.randn(9, 2), torch.randn(9, 2), ("height", "weight"))
    assert {"height", "weight", "data", "drawn from the model"} <= set(texts(drawn))


def test_thousands_of_points_stay_a_small_file():
    assert len(figures.latent_scatter(torch.randn(10_000, 2), None, ()).svg) < 600_000


def test_the_callers_style_is_left_alone():
    before = dict(matplotlib.rcParams)
    figures.unit_bars([1.0, 2.0])
    assert dict(matplotlib.rcParams) == before


def test_matplotlib_is_imported_only_when_a_figure_is_drawn():
    code = "import sys, immersion.report.page; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
