"""The data of the figures that answer to the pointer: they are what the model decodes."""

import json
import re
from dataclasses import asdict
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from immersion.data import load as load_data
from immersion.engine import Experiment
from immersion.likelihoods import LIKELIHOODS
from immersion.models import GAN, VAE, Discriminator
from immersion.models.codes import decode_means, with_class
from immersion.nn import Architecture
from immersion.priors import Labelled, StandardNormal, UniformCube
from immersion.report.figures import latent_scatter
from immersion.run_folder import RunFolder
from immersion.run_record import DataRecord, RunRecord
from immersion.runs import explorer
from immersion.runs.figures import draw_all
from immersion.runs.load import Run
from immersion.spec import Spec

SMALL = Architecture("dense", 16, 1)


def vae(latent_dim, shape=(1, 8, 8)):
    torch.manual_seed(0)
    return VAE.build(shape, latent_dim, LIKELIHOODS["bernoulli"](shape), SMALL).eval()


def gan(shape=(1, 8, 8), latent_dim=4, prior=StandardNormal, classes=0):
    torch.manual_seed(0)
    generator = nn.Sequential(SMALL.build((latent_dim + classes,), shape), nn.Sigmoid())
    p_z = Labelled(prior(latent_dim), classes) if classes else prior(latent_dim)
    critic = Discriminator(SMALL.build(shape, (max(1, classes),)))
    return GAN(generator, critic, p_z, latent_dim + classes).eval()


def run_of(model, path, data="digits", shape=None):
    dataset = load_data(data)
    spec = dataset.spec if shape is None else Spec("noise", shape, "unit")
    record = RunRecord("toy", data=DataRecord(spec=asdict(spec)))
    return Run(RunFolder(path), record, Experiment(model, ()), dataset)


def read(run, name):
    """Return the data and the pixels, (H, W, 3), of a figure."""
    folder = run.folder.samples / explorer.FOLDER
    picture = np.array(Image.open(folder / f"{name}.webp").convert("RGB"))
    return json.loads((folder / f"{name}.json").read_text()), picture


def cut(picture, values, i):
    """Return an image of an atlas, (H, W, 3)."""
    row, column = divmod(i, values["columns"])
    height, width = values["height"], values["width"]
    return picture[row * height : (row + 1) * height, column * width : (column + 1) * width]


def to_bytes(image):
    """Return an image, (C, H, W) in [0, 1], as (H, W, 3) bytes."""
    return (image.expand(3, -1, -1) * 255).round().byte().permute(1, 2, 0).numpy()


@pytest.mark.parametrize(
    ("model", "units"),
    [
        (vae(2), (0, 1)),
        (vae(5), (3, 1)),
        (gan(), (0, 2)),
        (gan(prior=UniformCube), (1, 0)),
        (gan(classes=10), (0, 1)),
        (gan(shape=(3, 8, 8)), (0, 1)),
    ],
)
def test_every_image_of_the_grid_is_what_its_code_decodes_to(tmp_path, model, units):
    """Lossless: the page's image at a point of the grid equals the decoded one, byte for byte."""
    run = run_of(model, tmp_path)
    explorer.save_manifold(run, units)
    values, picture = read(run, "manifold")
    assert (
        values["columns"] == values["rows"] == len(values["across"]) == len(values["down"]) == 40
    )
    assert values["names"] == [f"z{'₁₂₃₄₅'[unit]}" for unit in units]
    for row, column in ((0, 0), (0, 39), (39, 0), (17, 23), (39, 39)):
        z = torch.zeros(1, model.noise_dim)
        z[0, units[0]], z[0, units[1]] = values["across"][column], values["down"][row]
        expected = to_bytes(decode_means(model, with_class(model, z, 0))[0])
        shown = cut(picture, values, 40 * row + column)
        # The code in the data is rounded to four decimals.
        assert np.abs(shown.astype(int) - expected).max() <= 1
        assert (shown == expected).mean() > 0.98
    assert all(a < b for a, b in pairwise(values["across"]))  # to the right
    assert all(a > b for a, b in pairwise(values["down"]))  # and upwards


def test_the_images_of_the_grid_are_kept_without_loss(tmp_path):
    model = vae(2)
    run = run_of(model, tmp_path)
    explorer.save_manifold(run, (0, 1))
    values, picture = read(run, "manifold")
    from immersion.models.codes import manifold_codes

    decoded = decode_means(model, manifold_codes(2, 40))
    for i, image in enumerate(decoded):
        assert np.array_equal(cut(picture, values, i), to_bytes(image))


def test_a_line_of_codes_is_a_row(tmp_path):
    run = run_of(vae(1), tmp_path)
    explorer.save_manifold(run, (0, 0))
    values, picture = read(run, "manifold")
    assert (values["columns"], values["rows"], values["names"]) == (40, 1, ["z₁"])
    assert picture.shape == (8, 40 * 8, 3)


@pytest.mark.parametrize(
    ("shape", "side"), [((1, 28, 28), 40), ((3, 64, 64), 20), ((3, 128, 128), 10)]
)
def test_large_images_make_a_coarser_grid(tmp_path, shape, side):
    run = run_of(gan(shape=shape), tmp_path, shape=shape)
    explorer.save_manifold(run, (0, 1))
    assert read(run, "manifold")[0]["columns"] == side


def test_the_grid_is_coarser_until_its_file_is_small_enough(tmp_path, monkeypatch):
    run = run_of(vae(2), tmp_path)
    explorer.save_manifold(run, (0, 1))
    file = run.folder.samples / explorer.FOLDER / "manifold.webp"
    monkeypatch.setattr(explorer, "BYTES", file.stat().st_size // 3)
    explorer.save_manifold(run, (0, 1))
    assert file.stat().st_size <= explorer.BYTES
    assert 10 < read(run, "manifold")[0]["columns"] < 30
    monkeypatch.setattr(explorer, "BYTES", 1)
    explorer.save_manifold(run, (0, 1))
    assert read(run, "manifold")[0]["columns"] == explorer.SMALLEST_SIDE


@pytest.mark.parametrize("latent_dim", [2, 6])
def test_each_point_has_its_example(tmp_path, latent_dim):
    run = run_of(vae(latent_dim), tmp_path)
    draw_all(run)
    values, picture = read(run, "points")
    test = run.data.test
    x, y = test.batch(torch.arange(len(test)))
    assert values["pictures"] == len(values["x"]) == len(values["y"]) == len(test)
    assert values["labels"] == y.tolist() and values["classes"] == list(run.spec.classes)
    for i in (0, 7, len(test) - 1):
        assert np.array_equal(cut(picture, values, i), to_bytes(x[i]))
    if latent_dim == 2:
        codes = run.decoder.encode(x).mean
        assert np.allclose(values["x"], codes[:, 0].detach(), atol=1e-3)
        assert np.allclose(values["y"], codes[:, 1].detach(), atol=1e-3)


def test_more_examples_than_fit_are_points_without_images(tmp_path, monkeypatch):
    run = run_of(vae(2), tmp_path)
    monkeypatch.setattr(explorer, "VALUES", 64 * 10)
    draw_all(run)
    values, _ = read(run, "points")
    assert values["pictures"] == 10 and len(values["x"]) == len(run.data.test)


def test_the_data_of_an_earlier_training_are_removed(tmp_path):
    run = run_of(vae(2), tmp_path)
    draw_all(run)
    blind = run_of(gan(), tmp_path)
    draw_all(blind)
    folder = run.folder.samples / explorer.FOLDER
    assert {path.name for path in folder.iterdir()} == {"manifold.json", "manifold.webp"}


def find_ticks(root, anchor):
    """Return the places, in points, of the numbers of an axis in an SVG, by their values."""
    ticks = {}
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        number = re.fullmatch(r"−?\d+(\.\d+)?", text.text or "")
        if number and f"text-anchor: {anchor}" in text.get("style", ""):
            x, y = text.get("x"), text.get("y")
            ticks[float(text.text.replace("−", "-"))] = (float(x), float(y))
    return ticks


@pytest.mark.parametrize("dimension", [1, 2, 5])
@pytest.mark.parametrize("labelled", [True, False])
def test_points_are_where_the_chart_has_its_ticks(dimension, labelled):
    """A tick's number is at the place that the maps give for its value."""
    generator = torch.Generator().manual_seed(0)
    codes = 3 * torch.randn(200, dimension, generator=generator) + 1
    labels = torch.arange(200) % 3 if labelled else None
    chart = latent_scatter(codes, labels, ("a class", "b", "c") if labelled else ())
    root = ElementTree.fromstring(chart.svg)
    width, height = (float(root.get("viewBox").split()[i]) for i in (2, 3))
    across, up = find_ticks(root, "middle"), find_ticks(root, "end")
    assert len(across) >= 3 and (len(up) >= 3 or dimension == 1)
    for value, (x, _) in across.items():
        assert chart.across[0] * value + chart.across[1] == pytest.approx(x / width, abs=0.004)
    for (value, (_, y)), (following, (_, z)) in pairwise(up.items()):
        # Numbers are written a little below their ticks, all alike.
        assert chart.down[0] * (following - value) == pytest.approx((z - y) / height, abs=0.002)
        assert chart.down[0] * value + chart.down[1] == pytest.approx(y / height, abs=0.02)
    # Every point is inside the chart, the largest y nearest to the top.
    across = chart.across[0] * chart.points[:, 0] + chart.across[1]
    down = chart.down[0] * chart.points[:, 1] + chart.down[1]
    assert 0 < across.min() < across.max() < 1 and 0 < down.min() < down.max() < 1
    assert down.argmin() == chart.points[:, 1].argmax()
