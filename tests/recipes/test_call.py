"""A recipe call: its command trains the same model, its name is the run's, earlier names count."""

import json
import shlex

import pytest

from immersion.check import UserError
from immersion.engine import OptimizerSettings, Options
from immersion.nn import Architecture
from immersion.recipes import RECIPES
from immersion.recipes.call import RecipeCall

CHANGED = {
    "latent_dim": 3,
    "architecture": Architecture("conv", width=8),
    "optimizer": OptimizerSettings("sgd", momentum=0.5),
}


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_a_call_without_arguments_is_complete_and_changes_nothing(recipe):
    call = RecipeCall(recipe)
    assert call.changes == {}
    assert call.complete().arguments.keys() == call.parameters.keys()
    assert call.complete().changes == {}
    assert call.run_name("digits", None, Options()) == f"{recipe}-digits"
    assert (
        call.command_line("digits", None, Options()) == f"immersion train {recipe} --data digits"
    )


def test_arguments_are_the_same_as_python_values_and_as_json():
    call = RecipeCall("vae", CHANGED)
    again = RecipeCall("vae", json.loads(json.dumps(call.to_json())))
    assert again.to_python() == CHANGED
    assert again.changes == call.changes
    assert call.changes == {"latent_dim": 3, "network": "conv", "width": 8} | {
        "optimizer": "sgd",
        "momentum": 0.5,
    }


def test_the_command_and_the_name_hold_every_change():
    call, options = RecipeCall("vae", CHANGED), Options(seed=1, steps=7)
    words = shlex.split(call.command_line("my data", 16, options))
    assert words[:5] == ["immersion", "train", "vae", "--data", "my data"]
    flags = dict(zip(words[5::2], words[6::2], strict=True))
    changes = {"--latent-dim": "3", "--network": "conv", "--width": "8", "--momentum": "0.5"}
    assert flags == changes | {
        "--optimizer": "sgd",
        "--seed": "1",
        "--steps": "7",
        "--size": "16",
    }
    name = call.run_name("my data", 16, options)  # a run may be resumed with more steps
    changed = "size=16-latent_dim=3-network=conv-width=8-optimizer=sgd-momentum=0.5-seed=1"
    assert name == f"vae-my data-{changed}"


def test_the_folder_of_an_earlier_version_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call = RecipeCall("vae", {"latent": 2, "optimiser": {"optimiser": "sgd"}})
    assert call.arguments == {"latent_dim": 2, "optimizer": {"optimizer": "sgd"}}
    present, earlier = "vae-mnist-latent_dim=2-optimizer=sgd", "vae-mnist-latent=2-optimiser=sgd"
    assert call.run_path("mnist", None, Options()).name == present
    (tmp_path / "runs" / earlier).mkdir(parents=True)
    assert call.run_path("mnist", None, Options()).name == earlier
    (tmp_path / "runs" / present).mkdir()
    assert call.run_path("mnist", None, Options()).name == present


def test_the_folder_of_an_earlier_network_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = {"task": {"learn": "noisy"}, "translation": {"network": "aware", "width": 4}}
    denoiser, inpainter = (
        RecipeCall("denoise", arguments),
        RecipeCall("inpaint", {"translation": {"network": "aware"}}),
    )
    assert denoiser.run_path("x", None, Options()).name == "denoise-x-targets=noisy-width=4"
    assert inpainter.run_path("x", None, Options()).name == "inpaint-x-network=noise-aware"
    for earlier in ("denoise-x-learn=noisy-width=4", "inpaint-x-network=aware"):
        (tmp_path / "runs" / earlier).mkdir(parents=True)
    assert denoiser.run_path("x", None, Options()).name == "denoise-x-learn=noisy-width=4"
    assert inpainter.run_path("x", None, Options()).name == "inpaint-x-network=aware"


def test_a_recipe_that_is_not_registered_has_no_parameters():
    encoder = RecipeCall("encoder", {"weight": 10.0, "architecture": {"width": 3}})
    assert encoder.settings == {"weight": 10.0, "width": 3}
    assert "steps" in encoder.flags and "latent-dim" not in encoder.flags


def test_an_unknown_argument_or_recipe_is_an_error():
    with pytest.raises(UserError, match=r"no such argument: expected latent_dim.*received depth"):
        RecipeCall("vae", {"depth": 2}).to_python()
    with pytest.raises(UserError, match=r"unknown recipe.*did you mean 'vae'"):
        _ = RecipeCall("vea").recipe
