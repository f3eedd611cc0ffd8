"""The findings about small real runs of games, and each rule's edge."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from health_runs import SETTINGS

from immersion.commands.doctor import examine, list_flags
from immersion.diagnostics.diagnose import diagnose
from immersion.engine import Options
from immersion.metrics.samples.modes import count_class_modes
from immersion.objectives.games import GAMES
from immersion.recipes import RECIPES
from immersion.recipes.call import RecipeCall
from immersion.run_folder import RunFolder
from immersion.run_record import DataRecord, RunRecord

RUNS = json.loads((Path(__file__).parent / "health_runs.json").read_text())

COLLAPSED = {
    *("digits", "digits, hinge", "digits, least squares", "50 times the rate", "20 moves a step")
}
"""The runs whose samples cover few modes: their recall is 0.0."""

AFTER = {
    "the discriminator memorises": {"the discriminator has won"},
    "diverging": {"oscillation"},
}
"""What may be found besides: a discriminator that memorised the training set has won on it."""

NO_PROBLEM = "no problem found"

GAN = list_flags("gan", image=True)


def found(rows, estimates=None, flags=GAN, game="non-saturating", **rest):
    """Return the findings about lines of metrics and values of estimates, of 10,000 draws."""
    many = {"examples": rest.pop("examples", 10_000)}
    evaluation = {
        "estimates": {name: {"value": value, **many} for name, value in (estimates or {}).items()},
        **rest.pop("evaluation", {}),
    }
    return diagnose(rows, evaluation, flags=flags, game=game, **rest)


def names(*given, **rest):
    return [finding.name for finding in found(*given, **rest)]


def of(name):
    """Return one run's lines, and its evaluation of the discriminator."""
    run = RUNS[name]
    own = {n: v for n, v in run["estimates"].items() if n == "discriminator_overfitting"}
    return run["rows"], own, GAN, SETTINGS[name].game


@pytest.mark.parametrize("name", RUNS)
def test_what_went_wrong_is_read_off_curves_and_discriminator(name):
    first, *others = names(*of(name))
    assert first == RUNS[name]["finding"]
    assert set(others) <= AFTER.get(first, set())


@pytest.mark.parametrize("name", RUNS)
def test_collapse_is_read_off_the_evaluation(name):
    run = RUNS[name]
    found_names = names(run["rows"], run["estimates"], GAN, SETTINGS[name].game)
    assert ("mode collapse" in found_names) == (name in COLLAPSED)
    poor = run["estimates"]["precision"] < 0.05
    assert ("samples unlike the data" in found_names) == poor
    assert "copies" not in found_names


@pytest.mark.parametrize("name", RUNS)
def test_every_finding_has_a_sentence_and_a_remedy(name):
    for finding in found(*of(name)):
        assert finding.sentence.endswith(".") and "nan" not in finding.sentence
        assert not finding.remedy.endswith(".")
        assert bool(finding.remedy) or finding.severity == "fine"


def test_the_most_severe_finding_comes_first():
    findings = found(*of("Wasserstein, no penalty"))
    assert [finding.severity for finding in findings] == ["failure", "warning"]


def test_divergence_is_found_even_without_a_line():
    (finding,) = found([], diverged="step 3, term 'kl'")
    assert "not finite: step 3, term 'kl'." in finding.sentence
    assert finding.name == "diverged" and "--learning-rate" in finding.remedy


def test_a_run_without_a_discriminator_gets_a_sentence():
    rows = [{"step": n, "split": "train", "seconds": 0.1, "loss": 1.0} for n in range(1, 20)]
    assert names(rows, game=None) == ["no problem found"]
    assert names([], game=None) == ["no problem found"]


def test_too_few_lines_say_nothing():
    assert names(RUNS["20 moves a step"]["rows"][:3]) == ["too short to diagnose"]


def test_a_game_whose_first_player_is_no_discriminator_is_diagnosed_too():
    rows = [
        {"step": row["step"], "split": row["split"], "encoder/kl": 1.0, **_own(row)}
        for row in RUNS["50 times the rate"]["rows"]
    ]
    assert names(rows) == ["the discriminator has won"]


def test_logits_that_no_game_comes_back_from_need_not_grow():
    rows = [{**row, "discriminator/real": 5e7} for row in RUNS["digits"]["rows"]]
    assert names(rows) == ["diverging"]


def test_a_loss_that_happens_to_be_the_value_makes_no_game_of_probabilities():
    # Of a Wasserstein critic V is as low as it likes: its logits' level is free.
    lines = [{**row, "discriminator/value": -3.0} for row in RUNS["digits"]["rows"]]
    lines = [{**row, "discriminator/loss": 3.0} for row in lines]
    assert names(lines, game="wasserstein") == ["healthy"]
    assert names(lines) == ["the discriminator is too weak"]


def _own(row):
    return {name: value for name, value in row.items() if name != "discriminator/penalty"}


@pytest.mark.parametrize(
    ("estimates", "expected"),
    [
        ({"nearer_than_held_out": 0.95}, "copies"),
        ({"nearer_than_held_out": 0.5}, None),
        ({"modes": 5.0, "reverse_kl": 0.47}, "mode collapse"),  # log 8/5: 5 of 8 modes
        ({"modes": 7.0, "reverse_kl": 0.134}, None),  # log 8/7
        ({"modes": 5.0, "reverse_kl": 0.47, "high_quality": 0.9}, "mode collapse"),
        ({"modes": 0.0, "reverse_kl": 2.08, "high_quality": 0.0}, None),  # bad, but not few
        ({"discriminator_overfitting": 0.7}, "the discriminator memorises"),
        ({"discriminator_overfitting": 0.3}, None),
        ({"precision": 0.9, "recall": 0.02, "coverage": 0.3}, "mode collapse"),
        ({"precision": 0.9, "recall": 0.6, "coverage": 0.3}, None),
        ({"precision": 0.2, "recall": 0.0, "coverage": 0.05}, None),  # bad, but not few
        ({"precision": 0.01, "recall": 0.9, "coverage": 0.01}, "samples unlike the data"),
    ],
)
def test_the_evaluation_of_any_model_is_read(estimates, expected):
    assert names([], estimates, game=None) == [expected or "no problem found"]


def test_few_samples_over_many_modes_are_uneven_by_chance():
    # 2,000 draws of 1,000 modes whose true KL is 0.16 nats.
    drawn = (
        torch.linspace(-0.98, 0.98, 1000)
        .exp()
        .multinomial(2000, replacement=True, generator=torch.Generator().manual_seed(0))
    )
    estimates = {name: e.value for name, e in count_class_modes(drawn, 1000).items()}
    assert estimates["reverse_kl"] > 0.4
    assert names([], estimates, game=None, examples=2000) == ["no problem found"]
    assert names([], estimates, game=None, examples=10**6) == ["mode collapse"]


def test_the_game_of_an_image_to_image_network_is_known_too(tmp_path):
    """`doctor` finds it in run.json."""
    folder = RunFolder(tmp_path / "run")
    rows = RUNS["50 times the rate"]["rows"]
    nested = {"game": "non-saturating", "adversarial": 0.001}
    spec = {"name": "squares", "shape": [1, 8, 8], "values": "unit"}
    record = RunRecord("denoise", arguments={"adversary": nested}, data=DataRecord(spec=spec))
    folder.write_record(record)
    for row in rows:
        folder.append_metrics(row)
    assert [finding.name for finding in examine(folder)] == ["the discriminator has won"]


@pytest.mark.parametrize(("active", "expected"), [(0, "posterior collapse"), (1, NO_PROBLEM)])
def test_a_vae_without_an_active_unit_has_collapsed(active, expected):
    evaluation = {"kl_per_unit": [0.0, 0.001], "active_units": active}
    assert names([], evaluation=evaluation, game=None) == [expected]


EVERY = [
    {"nearer_than_held_out": 0.95, "discriminator_overfitting": 0.9},
    {"modes": 5.0, "reverse_kl": 0.47},
    {"precision": 0.9, "recall": 0.02, "coverage": 0.3},
    {"precision": 0.01, "recall": 0.9, "coverage": 0.01},
]
"""Estimates with which every rule about the evaluation finds something."""


def _findings(recipe, image):
    """Yield every finding that a run of a recipe could have, of whatever game."""
    flags = list_flags(recipe, image)
    collapsed = {"kl_per_unit": [0.0], "active_units": 0}
    for game in [*GAMES, None] if "game" in flags else [None]:
        for estimates in EVERY:
            yield game, found([], estimates, flags, game, evaluation=collapsed, diverged="step 3")
        for run in RUNS.values():
            yield game, found(run["rows"], None, flags, game)


@pytest.mark.parametrize("image", [True, False])
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_remedy_names_no_flag_that_the_recipe_does_not_take(recipe, image):
    defaults = RecipeCall(recipe).complete().to_json()
    nested = [value for value in defaults.values() if isinstance(value, dict)]
    taken = {*defaults, *asdict(Options()), *(name for each in nested for name in each)}
    seen = set()
    for game, findings in _findings(recipe, image):
        for finding in findings:
            remedies = finding.advice.remedies if finding.advice else ()
            flags = [change.flag for remedy in remedies for change in remedy.changes]
            assert set(re.findall(r"--([a-z0-9-]+)", finding.remedy)) <= set(flags)
            assert {flag.replace("-", "_") for flag in flags} <= taken, (game, finding)
            assert finding.remedy.strip(" ;,:") == finding.remedy and ", ," not in finding.remedy
            assert image or "augmentation" not in finding.remedy
            seen.add(finding.name)
    rules = {run["finding"] for run in RUNS.values()}
    assert seen >= rules | {"mode collapse", "copies", "posterior collapse", "diverged"}


def test_a_remedy_names_no_word_that_the_flag_does_not_take():
    collapsed = EVERY[2]
    published = list_flags("gan2014", image=True)
    (finding,) = found([], collapsed, published, "minimax")
    assert "relativistic" not in finding.remedy and "--learning-rate" in finding.remedy
    assert "relativistic" in found([], collapsed, GAN, "minimax")[0].remedy
    assert "relativistic" not in found([], collapsed, GAN, "relativistic")[0].remedy
    assert (
        "discriminator" not in found([], collapsed, list_flags("vae", image=True), None)[0].remedy
    )


def test_images_are_augmented_adaptively_where_logits_have_a_sign():
    remedies = {game: found([], EVERY[0], GAN, game)[0].remedy for game in GAMES}
    assert "--augmentation adaptive" in remedies["non-saturating"]
    assert "--augmentation differentiable" in remedies["relativistic"]
    assert "--augmentation differentiable" in remedies["wasserstein"]


@pytest.mark.parametrize(("examples", "expected"), [(180, "mode collapse"), (30, NO_PROBLEM)])
def test_shares_of_a_few_examples_say_nothing(examples, expected):
    """Among 30 test examples any flat picture can lie near one, and all seem alike."""
    shares = {"precision": 1.0, "recall": 0.0, "coverage": 0.2}
    estimates = {
        name: {"value": value, "unit": "share", "examples": examples}
        for name, value in shares.items()
    }
    findings = diagnose([], {"estimates": estimates}, flags={}, game=None)
    assert [finding.name for finding in findings] == [expected]
    assert ("30 test examples" in findings[0].sentence) == (examples == 30)
    healthy = RUNS["digits"]["rows"]
    finding = diagnose(healthy, {"estimates": estimates}, flags=GAN, game="non-saturating")[0]
    assert ("30 test examples" in finding.sentence) == (examples == 30)
    assert "not measured yet" not in finding.sentence


def test_advice_leaves_out_what_the_run_has():
    given = {"pack": 2, "game": "relativistic", "learning-rate": 4e-4, "minibatch-std": False}
    (finding,) = found([], EVERY[2], GAN, "relativistic", settings=given)
    assert "--pack" not in finding.remedy and "--learning-rate" in finding.remedy
    swinging = RUNS["ring, Wasserstein, no penalty"]["rows"]
    before = _remedy(swinging, {})
    after = _remedy(swinging, {"ema": 0.9999, "r1": 3.0})
    assert "--ema 0.999" in before and "--r1 0.25" in before
    assert "--ema" not in after and "--r1 30" in after
    assert "--ema 0.999" in _remedy(swinging, {"ema": 0.9})


def _remedy(rows, settings):
    findings = found(rows, settings=settings, usual_penalty=0.25)
    return next(f.remedy for f in findings if f.name == "oscillation")


def test_a_setting_at_its_least_is_not_lowered():
    won = RUNS["20 moves a step"]["rows"]

    def remedy(steps):
        findings = found(won, settings={"discriminator-steps": steps})
        return next(f.remedy for f in findings if f.name == "the discriminator has won")

    assert "--discriminator-steps" in remedy(20) and "--discriminator-steps" not in remedy(1)
