"""Colours that readers distinguish, whatever cones they have, on light and dark pages."""

import re
from importlib import resources
from itertools import combinations

import numpy as np
import pytest
from colours import BLINDNESS, ciede2000, contrast, see

from immersion.report.theme import DASHES, MARKERS, TEN, palette, select_line, select_marker


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # Sharma, Wu & Dalal 2005, table 1: pairs 1, 7, 10, 13, 16, 17, 20, 25, 34
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.001), 7.1792),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, -0.001, 2.49), (50, 0.0011, -2.49), 4.7461),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (58, 24, 15), 19.4535),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_differences_are_those_of_the_published_pairs(first, second, expected):
    assert ciede2000(np.array(first), np.array(second)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("blindness", ["", *BLINDNESS])
@pytest.mark.parametrize(("count", "least"), [(2, 50), (3, 24), (4, 19), (5, 17), (10, 13)])
def test_any_two_colours_differ_for_every_reader(blindness, count, least):
    seen = [see(colour, blindness) for colour in TEN[:count]]
    assert min(ciede2000(a, b) for a, b in combinations(seen, 2)) >= least


def test_colours_stand_out_on_both_pages():
    css = resources.files("immersion.report").joinpath("page.css").read_text("utf-8")
    light, dark = re.findall(r"--page: (#\w+)", css)
    assert min(contrast(colour, page) for colour in TEN for page in (light, dark)) >= 2.4


def test_no_two_classes_or_lines_are_alike():
    """Beyond ten the colours are repeated, with another marker or other dashes."""
    assert len(set(TEN)) == 10
    assert len({(palette(70)[i], select_marker(i)) for i in range(70)}) == 70
    assert len({str(select_line(i)) for i in range(70)}) == 70
    assert all(select_marker(i) != select_marker(i + 1) for i in range(len(MARKERS)))
    assert all(select_line(i)[1] != select_line(i + 1)[1] for i in range(len(DASHES)))
