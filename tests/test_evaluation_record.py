"""Estimates by setting and measure, from evaluations of this version and of earlier ones."""

import pytest

from immersion.evaluation_record import EARLIER_MEASURES, read_estimates


def test_a_model_without_settings_has_the_empty_one():
    estimates = {"elbo": {"value": -90.0}, "bits_per_dim": {"value": 0.2}}
    assert read_estimates({"estimates": estimates}) == {"": estimates}
    assert read_estimates({}) == read_estimates(None) == {}


@pytest.mark.parametrize("measure", EARLIER_MEASURES)
@pytest.mark.parametrize("setting", ["sigma_25", "x2", "lab", "argmax", "quality_10"])
def test_earlier_names_are_split(measure, setting):
    entry = {"value": 1.0}
    nested = {setting: {measure: entry}}
    assert read_estimates({"estimates": {f"{measure}_{setting}": entry}}) == nested
    assert read_estimates({"estimates": nested}) == nested


def test_settings_of_an_earlier_evaluation_stay_together():
    earlier = {
        "psnr_sigma_15": {"value": 1.0},
        "psnr_before_sigma_15": {"value": 2.0},
        "psnr_sigma_25": {"value": 3.0},
    }
    assert read_estimates({"estimates": earlier}) == {
        "sigma_15": {"psnr": {"value": 1.0}, "psnr_before": {"value": 2.0}},
        "sigma_25": {"psnr": {"value": 3.0}},
    }
