"""Extractors: one contract for all, and for each what it must be besides."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from immersion.check import UserError
from immersion.data import load
from immersion.data.dataset import MemorySplit
from immersion.metrics.extractors import (
    EXTRACTORS,
    Extractor,
    build_extractor,
    choose_extractor,
    extract_features,
)
from immersion.metrics.extractors import digits as digits_module
from immersion.metrics.extractors import squeezenet as squeezenet_module
from immersion.spec import Spec

GREY = Spec("grey", (1, 28, 28), "unit")
COLOUR = Spec("colour", (3, 28, 28), "unit")
TABLE = Spec("table", (7,), "real")
SAVING = pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
STORE = Path(os.environ.get("IMMERSION_DATA", "/nowhere"))


def needs(path: str):
    return pytest.mark.skipif(
        not (STORE / path).exists(), reason=f"needs {path} of IMMERSION_DATA"
    )


def split(spec: Spec, n: int = 400, seed: int = 0) -> MemorySplit:
    x = torch.rand(n, *spec.shape, generator=torch.Generator().manual_seed(seed))
    return MemorySplit(x, None, spec.values)


def made(name: str, spec: Spec = GREY) -> Extractor:
    if name == "squeezenet" and not squeezenet_module.find_weights():
        pytest.skip("needs squeezenet of IMMERSION_DATA")
    return build_extractor(name, spec, split(spec))


@pytest.mark.parametrize("spec", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("name", EXTRACTORS)
def test_every_extractor_keeps_the_contract(name, spec):
    extractor, x = made(name, spec), split(spec, 5, seed=1).x
    out = extractor(x)
    assert out.shape == (5, extractor.features) and out.dtype == torch.float32
    assert not out.requires_grad and out.isfinite().all() and out.std(0).max() > 0
    protocol = extractor.protocol
    assert extractor.name == protocol["name"] == name
    assert protocol["features"] == extractor.features
    # A function of each example alone, the same whenever it is made.
    assert torch.allclose(extract_features(made(name, spec), x.split(2)), out, atol=1e-4)
    assert torch.allclose(extractor(x.flip(0)), out.flip(0), atol=1e-4)


@pytest.mark.parametrize("name", ["digits", "squeezenet"])
def test_a_network_of_images_refuses_a_table(name):
    with pytest.raises(UserError, match=r"received real values of shape \(7,\); pass --extractor"):
        build_extractor(name, TABLE, split(TABLE))


def test_pixels_are_the_values():
    x = split(COLOUR, 3).x
    assert torch.equal(made("pixels", COLOUR)(x), x.flatten(1))


def test_pca_is_the_projection_on_the_leading_eigenvectors():
    spec = replace(TABLE, shape=(60,))
    train = split(spec, 3000)
    train.x.mul_(torch.linspace(3, 1, 60))
    extractor = build_extractor("pca", spec, train)
    values = torch.linalg.eigvalsh(torch.cov(train.x.double().T)).flip(0)
    projected = extractor(train.x).double()
    assert extractor.features == 50
    assert projected.mean(0).abs().max() < 1e-5
    assert torch.allclose(torch.cov(projected.T), torch.diag(values[:50]), atol=1e-4)


@pytest.mark.parametrize(("examples", "components"), [(400, 20), (90, 4), (3, 1)])
def test_small_data_get_few_components(examples, components):
    spec = replace(TABLE, shape=(60,))
    assert build_extractor("pca", spec, split(spec, examples)).features == components


def test_the_network_of_digits_comes_with_the_package_and_is_checked(monkeypatch):
    file = Path(digits_module.__file__).with_name(digits_module.WEIGHTS)
    assert file.stat().st_size < 500_000
    monkeypatch.setattr(digits_module, "SHA256", "0" * 64)
    with pytest.raises(RuntimeError, match="is damaged"):
        made("digits")


@needs("mnist")
def test_the_network_of_digits_names_99_of_100():
    data = load("mnist")
    x, y = data.test.batch(torch.arange(10_000))
    extractor = build_extractor("digits", data.spec, data.train)
    right, binary = (
        (torch.cat([extractor.classify(part).argmax(1) for part in shown.split(500)]) == y)
        for shown in (x, (x > 0.5).float())
    )
    assert right.double().mean() > 0.99 and binary.double().mean() > 0.99


def test_digits_of_several_channels_are_looked_at_one_by_one():
    x = split(COLOUR, 4).x
    alone = [made("digits")(x[:, k : k + 1]) for k in range(3)]
    assert torch.allclose(made("digits", COLOUR)(x), torch.cat(alone, 1), atol=1e-5)


def test_squeezenet_is_given_blue_green_red_less_their_means():
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(2, 3, 9, 5)
    shown = squeezenet_module.preprocess(red)
    assert shown.shape == (2, 3, 227, 227)
    assert shown[0].mean((1, 2)).tolist() == pytest.approx([-104, -117, 255 - 123], abs=1e-3)
    grey = squeezenet_module.preprocess(torch.full((1, 1, 9, 9), 0.5))
    assert grey[0].mean((1, 2)).tolist() == pytest.approx([23.5, 10.5, 4.5], abs=1e-3)


@needs("squeezenet")
@needs("bsds500")
@pytest.mark.parametrize(("photograph", "name"), [("100007", 296), ("101027", 973)])
def test_squeezenet_knows_an_ice_bear_and_a_coral_reef(photograph, name):
    with Image.open(STORE / f"bsds500/images/test/{photograph}.jpg") as image:
        x = torch.from_numpy(np.array(image)).permute(2, 0, 1).unsqueeze(0) / 255
    side = min(x.shape[2:])
    x = x[..., :side, (x.shape[3] - side) // 2 :][..., :side]
    net = squeezenet_module.load_network()
    with torch.no_grad():
        maps = net.maps(squeezenet_module.preprocess(x))
        certainty, found = net(squeezenet_module.preprocess(x)).softmax(1)[0].max(0)
    assert maps.shape == (1, 512, 13, 13)
    assert found == name and certainty > 0.9


def test_without_its_weights_squeezenet_says_where_they_belong(monkeypatch, tmp_path):
    monkeypatch.setenv("IMMERSION_DATA", str(tmp_path))
    assert choose_extractor(Spec("x", (3, 64, 64), "unit"), 10_000) == "pca"
    with pytest.raises(UserError, match=r"squeezenet1_0_dc\.npz in the folder"):
        build_extractor("squeezenet", COLOUR, split(COLOUR))
    (tmp_path / "squeezenet").mkdir()
    (tmp_path / squeezenet_module.FILE).write_bytes(b"another")
    with pytest.raises(UserError, match="is damaged or another file"):
        build_extractor("squeezenet", COLOUR, split(COLOUR))


class Means(nn.Module):
    """Mean and largest level of each channel."""

    def forward(self, x):
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)


class Switched(nn.Module):
    """Features where they are asked for by name, else logits."""

    def forward(self, x, return_features: bool = False):
        return x.mean((2, 3)) if return_features else x.mean((1, 2, 3))


def saved(folder: Path, module: nn.Module) -> tuple[str, str]:
    file = folder / "own.pt"
    torch.jit.save(torch.jit.script(module), file)
    return str(file), hashlib.sha256(file.read_bytes()).hexdigest()


@SAVING
def test_a_file_of_the_user_s_is_shown_levels_in_three_channels(tmp_path):
    file, sha256 = saved(tmp_path, Means())
    extractor = build_extractor(file, GREY, split(GREY), sha256)
    x = split(GREY, 3).x
    assert torch.allclose(extractor(x)[:, 1], 255 * x.mean((1, 2, 3)), rtol=1e-5)
    assert torch.allclose(extractor(x)[:, 5], 255 * x.amax((1, 2, 3)))
    assert extractor.protocol["sha256"] == sha256 and extractor.features == 6
    assert extractor.name == "own.pt"


@SAVING
def test_a_file_that_can_give_features_is_asked_for_them(tmp_path):
    file, sha256 = saved(tmp_path, Switched())
    assert build_extractor(file, COLOUR, split(COLOUR), sha256).features == 3


@SAVING
def test_a_file_whose_hash_is_unknown_or_another_is_not_opened(tmp_path, monkeypatch):
    file, sha256 = saved(tmp_path, Means())
    monkeypatch.setattr(torch.jit, "load", lambda *a, **k: pytest.fail("opened"))
    with pytest.raises(UserError, match=f"whose hash is unknown.*--extractor-hash {sha256}"):
        build_extractor(file, GREY, split(GREY), "")
    with pytest.raises(UserError, match=f"not the extractor that was meant.*received {sha256}"):
        build_extractor(file, GREY, split(GREY), "0" * 64)


@SAVING
def test_a_file_that_is_no_extractor_is_a_sentence(tmp_path):
    other = tmp_path / "other.pt"
    other.write_bytes(b"not a program")
    sha256 = hashlib.sha256(b"not a program").hexdigest()
    with pytest.raises(UserError, match="is not a TorchScript file"):
        build_extractor(str(other), GREY, split(GREY), sha256)
    file, sha256 = saved(tmp_path, nn.Identity())
    with pytest.raises(UserError, match=r"gives no features.*received \(2, 3, 28, 28\)"):
        build_extractor(file, GREY, split(GREY), sha256)
    file, sha256 = saved(tmp_path, nn.Linear(3, 2))
    with pytest.raises(UserError, match="an error on examples of shape"):
        build_extractor(file, TABLE, split(TABLE), sha256)


def test_an_unknown_extractor_names_those_there_are():
    with pytest.raises(UserError, match=r"digits, pca, pixels, squeezenet, received 'inception'"):
        build_extractor("inception", GREY, split(GREY))
    with pytest.raises(UserError, match="--extractor-hash is for your own file"):
        build_extractor("pca", GREY, split(GREY), "0" * 64)


@pytest.mark.parametrize(
    ("spec", "examples", "name"),
    [
        (Spec("mnist", (1, 28, 28), "unit"), 10_000, "digits"),
        (Spec("stacked-mnist", (3, 28, 28), "unit"), 26_000, "digits"),
        (Spec("binarized-mnist", (1, 28, 28), "binary"), 10_000, "digits"),
        (Spec("fashion-mnist", (1, 28, 28), "unit"), 10_000, "pca"),
        (Spec("/home/me/mnist-like/letters", (1, 28, 28), "unit"), 10_000, "pca"),
        (Spec("digits", (1, 8, 8), "unit"), 180, "pca"),
        (Spec("few", (3, 64, 64), "unit"), 512, "pca"),
        (Spec("table", (7,), "real"), 100, "pixels"),
        (Spec("wide", (100,), "real"), 100, "pca"),
    ],
)
def test_the_usual_extractor(spec, examples, name):
    assert choose_extractor(spec, examples) == name


@needs("squeezenet")
def test_photographs_are_usually_looked_at_by_squeezenet():
    assert choose_extractor(Spec("smiles", (1, 64, 64), "unit"), 513) == "squeezenet"
