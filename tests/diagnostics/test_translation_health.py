"""Findings about image-to-image networks that make pictures worse, or are miscalibrated."""

import pytest

from immersion.diagnostics.diagnose import diagnose

FLAGS = {"steps": (), "learning-rate": (), "beta": ()}


def found(setting: str, **values: float) -> dict[str, str]:
    """Return the findings' names and sentences."""
    estimates = {
        name: {"value": value, "unit": "share" if "interval" in name else "dB", "examples": 5}
        for name, value in values.items()
    }
    return {
        f.name: f.sentence for f in diagnose([], {"estimates": {setting: estimates}}, flags=FLAGS)
    }


@pytest.mark.parametrize("measure", ["psnr", "psnr_y", "psnr_hole"])
@pytest.mark.parametrize(("after", "worse"), [(19.9, True), (20.4, False)])
def test_pictures_that_were_better_before(measure, after, worse):
    sentences = found("x2", **{measure: after, f"{measure}_before": 20.1})
    assert ("no better than its input" in sentences) is worse
    assert (
        not worse
        or "19.90 dB after and 20.10 before (x2)" in sentences["no better than its input"]
    )


@pytest.mark.parametrize("baseline", ["grey", "mean"])
@pytest.mark.parametrize(("gain", "worse"), [(-0.1, True), (0.5, False)])
def test_colours_that_are_worse_than_none(gain, worse, baseline):
    sentences = found("lab", **{f"psnr_chroma_gain_over_{baseline}": gain})
    assert ("worse than grey" in sentences) is worse


@pytest.mark.parametrize(("share", "wrong"), [(0.7, True), (0.88, False), (0.93, False)])
def test_intervals_that_hold_another_share(share, wrong):
    assert ("miscalibrated uncertainty" in found("sigma_25", interval_90=share)) is wrong
