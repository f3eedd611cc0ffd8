"""Networks that come with the package: whole, small, and as good as their cards say."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

import immersion as im
from immersion.check import UserError
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
def test_a_shipped_network_is_what_its_card_says(name):
    about, trained = read_card(name), load_bundled(name)
    model = trained.model
    assert about.name == name and about.licence and about.data and about.estimates
    found = [m for s in about.estimates.values() for each in s.values() for m in each.values()]
    assert all(math.isfinite(entry["value"]) for entry in found)
    inward, _ = model.task.channels(about.spec["shape"][0])
    side = 4 * model.network.multiple
    with torch.no_grad():
        p = model(torch.rand(1, inward, side, side))
    assert p.mean.isfinite().all()
    assert (bundled.FOLDER / f"{name}.safetensors").stat().st_size < 8e6


@pytest.fixture
def run(tmp_path):
    """A grey denoiser of two steps."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        levels = np.random.default_rng(number).integers(0, 256, (30, 40), dtype=np.uint8)
        Image.fromarray(levels).save(folder / f"{number}.png")
    options = im.Options(steps=2, batch_size=2, validate_every=0, device="cpu")
    arguments = {"translation": ImageToImageArchitecture("restorer", width=4, depth=1)}
    out = tmp_path / "run"
    im.train("denoise", data=str(folder), out=out, size=16, options=options, arguments=arguments)
    return load_run(out)


def written(run, folder, name):
    """Ship a run into a folder."""
    rest = {"data": "d", "licence": "l", "command": "c", "made": {}, "protocol": {}}
    about = ModelCard(
        name,
        "s",
        run.record.recipe,
        run.record.arguments,
        run.record.data.spec,
        estimates={},
        sha256="",
        **rest,
    )
    return write_bundle(run, about, folder)


def test_what_is_shipped_comes_back(run, tmp_path, monkeypatch):
    monkeypatch.setattr(bundled, "FOLDER", tmp_path)
    written(run, tmp_path, "net-grey")
    about, model = read_card("net-grey"), load_bundled("net-grey").model
    expected = round_weights(run).model.state_dict()
    assert all(torch.equal(w, expected[key]) for key, w in model.state_dict().items())
    assert about.summary == "s" and list_names() == ["net-grey"]


def test_a_damaged_file_is_not_used(run, tmp_path, monkeypatch):
    monkeypatch.setattr(bundled, "FOLDER", tmp_path)
    written(run, tmp_path, "net-grey")
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
def test_a_word_means_the_kind_that_suits_the_picture(there, channels, found, monkeypatch):
    monkeypatch.setattr(bundled, "list_names", lambda: list(there))
    assert select_name("net", channels) == found


def test_names_that_are_not_there_are_told(monkeypatch):
    monkeypatch.setattr(bundled, "list_names", lambda: ["denoise-grey"])
    with pytest.raises(UserError, match=r"no network of that name.*one of denoise-grey"):
        select_name("nets", 1)
    with pytest.raises(UserError, match="did you mean denoise-grey"):
        select_name("denoise-gray", 1)
    with pytest.raises(UserError, match="'denoise' is for grey pictures"):
        select_name("denoise", 3)


def test_a_word_that_means_several_networks_is_no_answer(monkeypatch):
    monkeypatch.setattr(bundled, "list_names", lambda: ["enlarge-x2", "enlarge-x4"])
    assert select_name("enlarge-x4", 3) == "enlarge-x4"
    monkeypatch.setattr(bundled, "list_names", lambda: ["enlarge-x2"])
    assert select_name("enlarge", 3) == "enlarge-x2"
    monkeypatch.setattr(bundled, "list_names", lambda: ["enlarge-x2", "enlarge-x4"])
    with pytest.raises(UserError, match="one of enlarge-x2, enlarge-x4, received enlarge"):
        select_name("enlarge", 3)


def test_rounding_to_float16_costs_nothing_that_shows(run):
    before = evaluate_translator(image_model_of(run))["estimates"]["sigma_25"]["psnr"]["value"]
    after = evaluate_translator(image_model_of(round_weights(run)))["estimates"]["sigma_25"][
        "psnr"
    ]["value"]
    assert abs(before - after) < 0.01
