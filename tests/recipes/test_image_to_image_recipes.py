"""Image-to-image recipes, from a folder of pictures to an evaluated run."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import immersion as im
from immersion.check import UserError
from immersion.cli import main
from immersion.commands.train import train
from immersion.data.patches import PatchSplit
from immersion.data.restoration import load_pictures
from immersion.evaluation.translators import evaluate_translator, predict_pairs
from immersion.models import Translator
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.pretrained.resolve import image_model_of
from immersion.recipes import RECIPES
from immersion.recipes.call import RecipeCall
from immersion.recipes.image_to_image import get_patches
from immersion.runs.load import load_run
from immersion.spec import Spec
from immersion.tasks.enlarge import Enlarge
from immersion.tasks.inpaint import Inpaint

QUICK = im.Options(steps=4, batch_size=4, validate_every=2, log_every=2, device="cpu")
SMALL = {"translation": ImageToImageArchitecture("restorer", width=4, depth=1)}


OF_PICTURES = [name for name in RECIPES if (p := get_patches(RECIPES[name])) and not p.masked]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write six small photographs: smooth waves of colour."""
    path = tmp_path_factory.mktemp("photos")
    rows, columns = np.mgrid[:40, :52]
    for number in range(6):
        waves = [
            np.sin((rows * a + columns * b) / 9 + number) for a, b in ((1, 0), (0, 1), (1, 1))
        ]
        levels = np.rint(127.5 + 127.5 * np.stack(waves, -1)).astype(np.uint8)
        Image.fromarray(levels).save(path / f"{number}.png")
    return path


@pytest.mark.parametrize("recipe", OF_PICTURES)
def test_a_folder_becomes_an_evaluated_run(recipe, folder, tmp_path):
    result = train(
        recipe, data=str(folder), out=tmp_path / "run", size=24, options=QUICK, arguments=SMALL
    )
    run = load_run(result["run"])
    assert isinstance(run.model, Translator) and result["step"] == 4
    assert (tmp_path / "run" / "samples" / "translations.png").is_file()
    recorded = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert recorded["protocol"]["count"] == len(run.data.test.pictures) == 1
    assert all("psnr" in " ".join(measures) for measures in recorded["estimates"].values())
    assert evaluate_translator(image_model_of(run))["estimates"] == recorded["estimates"]


def test_an_untrained_enlarger_is_bicubic(folder, tmp_path):
    result = train(
        "enlarge",
        data=str(folder),
        out=tmp_path / "run",
        size=24,
        options=im.Options(steps=1, batch_size=4, validate_every=0, device="cpu", ema=0),
        arguments=SMALL
        | {"task": Enlarge(3), "optimizer": im.engine.OptimizerSettings(learning_rate=1e-12)},
    )
    estimates = result["estimates"]["x3"]
    after, before = (estimates[f"psnr_y{what}"]["value"] for what in ("", "_before"))
    assert after == pytest.approx(before, abs=0.05)


def test_evaluation_sets_do_not_train(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"no examples to train on|missing"):
        train("denoise", data="set12", out=tmp_path / "run", options=QUICK)


def test_a_colour_network_is_not_evaluated_on_grey(folder, tmp_path):
    grey = tmp_path / "grey"
    grey.mkdir()
    for path in sorted(folder.iterdir()):
        Image.open(path).convert("L").save(grey / path.name)
    result = train(
        "denoise", data=str(folder), out=tmp_path / "run", size=24, options=QUICK, arguments=SMALL
    )
    with pytest.raises(UserError, match="expected 3 channels, received 1"):
        evaluate_translator(image_model_of(load_run(result["run"])), str(grey))


def test_only_the_training_folder_is_evaluated_on_its_test_split(folder, tmp_path):
    result = train(
        "denoise", data=str(folder), out=tmp_path / "run", size=24, options=QUICK, arguments=SMALL
    )
    run = load_run(result["run"])
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    assert evaluate_translator(image_model_of(run), str(other))["protocol"]["count"] == 6
    assert evaluate_translator(image_model_of(run), str(folder))["protocol"]["count"] == 1


def test_a_relative_folder_is_found_from_elsewhere(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder.parent)
    result = train(
        "denoise", data=folder.name, out=tmp_path / "run", size=24, options=QUICK, arguments=SMALL
    )
    assert im.evaluate(result["run"])["protocol"]["count"] == 1


@pytest.mark.parametrize("recipe", OF_PICTURES)
def test_training_pictures_are_required(recipe, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", recipe, "--steps", "2"])
    assert stop.value.code == 2 and "--data" in capsys.readouterr().err


def test_a_named_set_is_evaluated_on_its_test_split(tmp_path):
    options = im.Options(steps=1, batch_size=4, validate_every=0, device="cpu")
    result = train(
        "denoise", data="digits", out=tmp_path / "run", options=options, arguments=SMALL
    )
    network = image_model_of(load_run(result["run"]))
    assert evaluate_translator(network, "digits")["protocol"]["count"] == 180


def test_every_evaluated_picture_has_different_holes():
    pictures = tuple(torch.full((3, 24, 24), 128, dtype=torch.uint8) for _ in range(3))
    split = PatchSplit(pictures, side=24)
    model = (
        RecipeCall("inpaint", {"translation": ImageToImageArchitecture("dncnn", 4, 2)})
        .build(Spec("grey", (3, 24, 24), "unit"))
        .model.eval()
    )
    holes = [pair.weight for pair, _ in predict_pairs(model, Inpaint(), split)]
    assert not torch.equal(holes[0], holes[1])
    again = [pair.weight for pair, _ in predict_pairs(model, Inpaint(), split)]
    assert all(torch.equal(a, b) for a, b in zip(holes, again, strict=True))


def test_portrait_and_landscape_photographs_are_shown_together(tmp_path):
    """Reports show photographs of different sizes."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(6):
        side = (40, 28) if number % 2 else (28, 40)
        levels = np.random.default_rng(number).integers(0, 256, (*side, 3), dtype=np.uint8)
        Image.fromarray(levels).save(tmp_path / f"{number}.png")
    result = train(
        "denoise",
        data=str(tmp_path),
        out=tmp_path / "run",
        size=16,
        options=QUICK,
        arguments=SMALL,
    )
    assert (tmp_path / "run" / "samples" / "translations.png").exists() and result["report"]


@pytest.mark.parametrize("command", ["manifold", "reconstruct", "interpolate", "invert"])
def test_commands_for_other_models_reject_an_image_to_image_run(command, folder, tmp_path, capsys):
    run = train(
        "denoise", data=str(folder), out=tmp_path / "run", size=16, options=QUICK, arguments=SMALL
    )["run"]
    with pytest.raises(SystemExit) as stop:
        main([command, run])
    assert stop.value.code == 2 and "a run of" in capsys.readouterr().err


def test_an_unknown_set_is_answered_with_the_known_ones():
    with pytest.raises(UserError, match="set12"):
        load_pictures("set21")
