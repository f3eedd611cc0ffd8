"""A game that fails says why: the findings about small real runs, and each rule's edge."""

import json
from pathlib import Path

import pytest

from immersion.evaluation.health.diagnose import diagnose

RUNS = json.loads((Path(__file__).parent / "health_runs.json").read_text())

COLLAPSED = {
    *("digits", "digits, hinge", "digits, least squares"),
    *("50 times the rate", "20 moves a step", "ring, Wasserstein, no penalty", "heavy momentum"),
}
"""Those of the runs whose samples are of a few kinds, as their recall of 0.0 or KL of 2.1 says."""

AFTER = {
    "the discriminator memorises": {"the discriminator has won"},
    "diverging": {"oscillation"},
}
"""What may be found beside: who knows the training set by heart has won on it."""


def names(rows, estimates=None):
    evaluation = None
    if estimates is not None:
        evaluation = {"estimates": {name: {"value": value} for name, value in estimates.items()}}
    return [finding.name for finding in diagnose(rows, evaluation)]


@pytest.mark.parametrize("name", RUNS)
def test_what_went_wrong_is_read_off_the_curves(name):
    run = RUNS[name]
    first, *others = names(run["rows"])
    assert first == run["finding"]
    assert set(others) <= AFTER.get(first, set())


@pytest.mark.parametrize("name", [name for name, run in RUNS.items() if run["estimates"]])
def test_collapse_is_read_off_the_evaluation(name):
    run = RUNS[name]
    found = names(run["rows"], run["estimates"])
    assert ("mode collapse" in found) == (name in COLLAPSED)
    poor = run["estimates"]["precision"] < 0.05
    assert ("samples unlike the data" in found) == poor
    assert "copies" not in found


@pytest.mark.parametrize("name", RUNS)
def test_every_finding_says_what_was_seen_and_what_to_try(name):
    for finding in diagnose(RUNS[name]["rows"], None):
        assert finding.sentence.endswith(".") and "nan" not in finding.sentence
        assert not finding.remedy.endswith(".")
        assert bool(finding.remedy) or finding.severity == "fine"


def test_the_gravest_comes_first():
    found = diagnose(RUNS["Wasserstein, no penalty"]["rows"], None)
    assert [finding.severity for finding in found] == ["failure", "warning"]


def test_a_run_that_diverged_is_said_to_have_even_without_a_line():
    (finding,) = diagnose([], None, diverged=True)
    assert finding.name == "diverged" and "--learning-rate" in finding.remedy


def test_a_run_without_a_discriminator_gets_a_sentence():
    rows = [{"step": n, "split": "train", "seconds": 0.1, "loss": 1.0} for n in range(1, 20)]
    assert names(rows) == ["nothing amiss"]
    assert names([]) == ["nothing amiss"]


def test_too_few_lines_say_nothing():
    assert names(RUNS["20 moves a step"]["rows"][:3]) == ["too short to tell"]


def test_a_game_whose_first_player_is_no_discriminator_is_diagnosed_too():
    rows = [
        {"step": row["step"], "split": row["split"], "encoder/kl": 1.0, **_own(row)}
        if row["split"] == "train"
        else {"step": row["step"], "split": "validation", "kl": 1.0, "loss": 2.0}
        for row in RUNS["50 times the rate"]["rows"]
    ]
    assert names(rows) == ["the discriminator has won"]


def _own(row):
    return {name: value for name, value in row.items() if name != "discriminator/penalty"}


@pytest.mark.parametrize(
    ("estimates", "expected"),
    [
        ({"nearer_than_held_out": 0.95}, "copies"),
        ({"nearer_than_held_out": 0.5}, None),
        ({"modes": 5.0, "reverse_kl": 0.47}, "mode collapse"),  # log 8/5: 5 of 8 modes
        ({"modes": 7.0, "reverse_kl": 0.134}, None),  # log 8/7
        ({"precision": 0.9, "recall": 0.02, "coverage": 0.3}, "mode collapse"),
        ({"precision": 0.9, "recall": 0.6, "coverage": 0.3}, None),
        ({"precision": 0.2, "recall": 0.0, "coverage": 0.05}, None),  # bad, but not few
        ({"precision": 0.01, "recall": 0.9, "coverage": 0.01}, "samples unlike the data"),
    ],
)
def test_the_evaluation_of_any_model_is_read(estimates, expected):
    assert names([], estimates) == [expected or "nothing amiss"]


@pytest.mark.parametrize(("active", "expected"), [(0, "posterior collapse"), (1, "nothing amiss")])
def test_a_vae_without_an_active_unit_has_collapsed(active, expected):
    evaluation = {"estimates": {}, "kl_per_unit": [0.0, 0.001], "active_units": active}
    assert [finding.name for finding in diagnose([], evaluation)] == [expected]
