"""Bundled models: intact, small, and in agreement with their cards."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

import immersion as im
from immersion.check import UserError
from immersion.commands.train import train
from immersion.evaluation.translators import evaluate_translator
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.pretrained import bundled
from immersion.pretrained.bundled import (
    ModelCard,
    list_names,
    load_bundled,
    read_card,
    round_weights,
    select_name,
    write_bundle,
)
from immersion.pretrained.resolve import image_model_of
from immersion.runs.load import load_run


@pytest.mark.parametrize("name", list_names())
def test_a_bundled_model_agrees_with_its_card(name):
    card, trained = read_card(name), load_bundled(name)
    model = trained.model
    assert card.name == name and card.licence and card.data and card.estimates
    found = [m for s in card.estimates.values() for each in s.values() for m in each.values()]
    assert all(math.isfinite(entry["value"]) for entry in found)
    in_channels, _ = model.task.channels(card.spec["shape"][0])
    side = 4 * model.network.multiple
    with torch.no_grad():
        p = model(torch.rand(1, in_channels, side, side))
    assert p.mean.isfinite().all()
    assert (bundled.FOLDER / f"{name}.safetensors").stat().st_size < 8e6


@pytest.fixture
def run(tmp_path):
    """Train a grey denoiser for two steps."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        levels = np.random.default_rng(number).integers(0, 256, (30, 40), dtype=np.uint8)
        Image.fromarray(levels).save(folder / f"{number}.png")
    options = im.Options(steps=2, batch_size=2, validate_every=0, device="cpu")
    arguments = {"translation": ImageToImageArchitecture("restorer", width=4, depth=1)}
    out = tmp_path / "run"
    train("denoise", data=str(folder), out=out, size=16, options=options, arguments=arguments)
    return load_run(out)


def write_run(run, folder, name):
    """Write a run as a bundled model."""
    rest = {"data": "d", "licence": "l", "command": "c", "made": {}, "protocol": {}}
    card = ModelCard(
        name,
        "s",
        run.record.recipe,
        run.record.arguments,
        run.record.data.spec,
        estimates={},
        sha256="",
        **rest,
    )
    return write_bundle(run, card, folder)


def test_a_written_model_is_loaded_again(run, tmp_path, monkeypatch):
    monkeypatch.setattr(bundled, "FOLDER", tmp_path)
    write_run(run, tmp_path, "net-grey")
    card, model = read_card("net-grey"), load_bundled("net-grey").model
    expected = round_weights(run).model.state_dict()
    assert all(torch.equal(w, expected[key]) for key, w in model.state_dict().items())
    assert card.summary == "s" and list_names() == ["net-grey"]


def test_a_damaged_file_is_not_used(run, tmp_path, monkeypatch):
    monkeypatch.setattr(bundled, "FOLDER", tmp_path)
    write_run(run, tmp_path, "net-grey")
    file = tmp_path / "net-grey.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(RuntimeError, match="damaged"):
        load_bundled("net-grey")


@pytest.mark.parametrize(
    ("there", "channels", "found"),
    [
        (("net-grey", "net-colour"), 1, "net-grey"),
        (("net-grey", "net-colour"), 3, "net-colour"),
        (("net-colour",), 1, "net-colour"),
        (("net",), 3, "net"),
    ],
)
def test_a_word_selects_the_model_for_the_channels(there, channels, found, monkeypatch):
    monkeypatch.setattr(bundled, "list_names", lambda: list(there))
    assert select_name("net", channels) == found


def test_an_unknown_name_is_an_error(monkeypatch):
    monkeypatch.setattr(bundled, "list_names", lambda: ["denoise-grey"])
    with pytest.raises(UserError, match=r"no network of that name.*one of denoise-grey"):
        select_name("nets", 1)
    with pytest.raises(UserError, match="did you mean denoise-grey"):
        select_name("denoise-gray", 1)
    with pytest.raises(UserError, match="'denoise' is for grey pictures"):
        select_name("denoise", 3)


def test_an_ambiguous_name_is_an_error(monkeypatch):
    monkeypatch.setattr(bundled, "list_names", lambda: ["enlarge-x2", "enlarge-x4"])
    assert select_name("enlarge-x4", 3) == "enlarge-x4"
    monkeypatch.setattr(bundled, "list_names", lambda: ["enlarge-x2"])
    assert select_name("enlarge", 3) == "enlarge-x2"
    monkeypatch.setattr(bundled, "list_names", lambda: ["enlarge-x2", "enlarge-x4"])
    with pytest.raises(UserError, match="one of enlarge-x2, enlarge-x4, received enlarge"):
        select_name("enlarge", 3)


def test_rounding_to_float16_keeps_the_psnr(run):
    before = evaluate_translator(image_model_of(run))["estimates"]["sigma_25"]["psnr"]["value"]
    after = evaluate_translator(image_model_of(round_weights(run)))["estimates"]["sigma_25"][
        "psnr"
    ]["value"]
    assert abs(before - after) < 0.01


def test_loading_leaves_the_callers_generator_alone():
    before = torch.get_rng_state()
    load_bundled("denoise-grey")
    assert torch.equal(torch.get_rng_state(), before)
