"""The settings of a report are those that were used."""

from dataclasses import asdict

import pytest

from immersion.engine import Options
from immersion.recipes import RECIPES
from immersion.recipes.call import RecipeCall
from immersion.recipes.resolved import describe_resolved
from immersion.report.settings import RESOLVED, UNKNOWN, list_settings
from immersion.run_record import RunRecord
from immersion.spec import Spec

DIGITS = Spec("digits", (1, 8, 8), "unit", tuple("0123456789"))
PATCHES = Spec("photos", (3, 64, 64), "unit")
MASKED = Spec("cells", (1, 64, 64), "unit", ("cell", "wall"), frequencies=(0.7, 0.3))
SPECS = {"segment": MASKED} | dict.fromkeys(
    ("denoise", "enlarge", "colourise", "inpaint"), PATCHES
)


def list_of(recipe, options=Options(steps=500), spec=None, **arguments):
    """Return the settings of a run by name, as the record of its training has them."""
    call = RecipeCall(recipe, RecipeCall(recipe, arguments).to_python())
    experiment = call.build(spec or SPECS.get(recipe, DIGITS))
    resolved = describe_resolved(experiment, options, examples=1000)
    record = RunRecord(
        recipe=recipe,
        arguments=call.complete().to_json(),
        options=asdict(options),
        device="cpu",
        precision="float32",
        model=resolved | {"steps": 500, "validate_every": 100, "patience": 0},
    )
    groups = list_settings(record)
    return {name: value for group in groups.values() for name, value in group.items()}


def test_every_recipe_is_tested():
    assert set(SPECS) <= set(RECIPES)


@pytest.mark.parametrize("recipe", RECIPES)
def test_no_setting_is_left_open(recipe):
    settings = list_of(recipe)
    assert not set(settings.values()) & {"auto", "None", "none", "", "True", "False", UNKNOWN}
    assert settings["batch_size"].isdecimal() and settings["device"] == "cpu"
    sizes = [v for n, v in settings.items() if n.rpartition(".")[2] in ("width", "depth")]
    assert all(int(size) >= 0 for size in sizes)
    widths = [v for n, v in settings.items() if n.endswith("width")]
    assert (widths and all(int(width) > 0 for width in widths)) or recipe == "linear-ae"


@pytest.mark.parametrize("recipe", RECIPES)
def test_zero_stands_only_where_it_is_a_number(recipe):
    """Every other setting of 0 is a feature that is off, and is said to be."""
    zeros = {name.rpartition(".")[2] for name, value in list_of(recipe).items() if value == "0"}
    assert zeros <= {"seed", "momentum", "depth", "ema_from"}


def test_what_was_resolved_takes_the_place_of_what_was_given():
    settings = list_of("vae", Options(steps=500))
    assert settings["latent_dim"] == "20" and settings["likelihood"] == "GaussianOptimal"
    assert settings["architecture.network"] == "dense" and settings["architecture.width"] == "512"
    assert settings["batch_size"] == "200"
    gan = list_of("gan")
    assert gan["architecture.network"] == "dcgan" and gan["architecture.width"] == "64"
    assert gan["architecture.activation"] == "as published"
    assert gan["penalties.r1"] == gan["penalties.r2"] == "1.5625"  # 100 / 64
    assert gan["ema"] == "0.999" and gan["ema_from"] == "0" and gan["optimizer.momentum"] == "0"
    denoise = list_of("denoise")
    assert denoise["task.strength"] == "0, 75" and denoise["objective.beta"] == "0.5"
    assert denoise["translation.width"] == "64" and denoise["translation.depth"] == "8"


@pytest.mark.parametrize(
    ("recipe", "arguments", "expected"),
    [
        ("vae", {}, {"objective.warmup": "off", "objective.baseline": "off", "ema": "off"}),
        ("vae", {"objective": {"beta": 0.0}}, {"objective.beta": "0"}),
        ("vae", {"objective": {"warmup": 7}}, {"objective.warmup": "7"}),
        ("vae", {}, {"optimizer.decay": "off", "optimizer.final_momentum": "off"}),
        ("gan2014", {}, {"optimizer.decay": "1.000004", "optimizer.final_momentum": "0.7"}),
        ("gan2014", {}, {"optimizer.beta2": "off"}),
        ("gan", {}, {"settings.mirror": "off", "settings.augmentation": "off"}),
        ("gan", {"settings": {"mirror": True}}, {"settings.mirror": "on"}),
        ("gan", {"penalties": {"r1": 0.0, "r2": 0.0}}, {"penalties.r1": "off"}),
        ("gan", {"penalties": {"r1": 0.0, "r2": 0.0}}, {"penalties.share": "off"}),
        ("denoise", {}, {"latent_dim": "off", "adversary.game": "off"}),
        ("denoise", {"latent_dim": 4}, {"latent_dim": "4", "objective.beta": "off"}),
        ("denoise", {"task": {"targets": "noisy"}}, {"task.strength": "off"}),
        (
            "denoise",
            {"adversary": {"adversarial": 0.001}},
            {"adversary.adversarial": "0.001", "adversary.game": "non-saturating"},
        ),
    ],
)
def test_a_feature_without_a_part_in_the_training_is_off(recipe, arguments, expected):
    settings = list_of(recipe, **arguments)
    assert {name: settings[name] for name in expected} == expected


def test_what_an_earlier_version_did_not_record_is_not_made_up():
    call = RecipeCall("vae").complete()
    record = RunRecord("vae", arguments=call.to_json(), options={"batch_size": None})
    groups = list_settings(record)
    assert groups["Training"] == {"batch_size": UNKNOWN}
    assert groups["Model"]["latent_dim"] == groups["Model"]["architecture.width"] == UNKNOWN
    assert {"batch_size", "latent_dim"} < RESOLVED
