"""`immersion geometry`: measures, a proof and figures of any model with codes."""

import json
import shutil

import numpy as np
import pytest
import torch
from test_cli import refused, result

import immersion as im
from immersion.evaluation.geometry import certify_decoder, find_unused_units
from immersion.geometry import Manifold
from immersion.runs.walks import make_manifold

QUIET = {"progress": False, "verbose": False}
FEW = ["--count", "20", "--pairs", "2", "--segments", "8", "--seconds", "5"]


def test_a_vae_is_measured_proved_and_drawn(capsys, trained, tmp_path):
    trained = shutil.copytree(trained, tmp_path / "run")
    found = result(capsys, "geometry", str(trained), *FEW)
    run = im.load(trained)
    written = json.loads((trained / "samples" / "geometry.json").read_text())
    assert written["estimates"] == found["estimates"] and found["unused_units"] == []
    z = torch.from_numpy(run.encode(run.data.test.x[:20].numpy())).double()
    expected = Manifold(run.model).singular_values(z)[:, -1].mean().item()
    measured = found["estimates"]["test data"]
    assert measured["smallest"]["value"] == pytest.approx(expected, rel=1e-4)
    assert measured["full-rank"]["value"] == 1 and 1 <= measured["dimension"]["value"] <= 2
    assert found["geodesics"]["relative_to_straight_lines"]["value"] <= 1
    proof = found["proof"]
    assert 0 < proof["proved_share"] <= 1
    assert 0 < proof["smallest_bound"] <= proof["smallest_value_seen"]
    names = {"geometry.svg", "geodesics.png", "singular-values.svg"}
    assert {path.rsplit("/", 1)[1] for path in found["figures"]} == names
    page = (trained / "report.html").read_text()
    assert "Lengths on the manifold" in page and "Geodesics" in page


def test_a_table_and_an_autoencoder_have_no_images(tmp_path, capsys):
    rows = np.random.default_rng(0).normal(size=(60, 5))
    run = im.train("ae", rows, latent_dim=3, steps=5, out=tmp_path / "run", **QUIET)
    found = result(capsys, "geometry", str(run.path), *FEW, "--out", str(tmp_path / "figures"))
    assert [path.rsplit("/", 1)[1] for path in found["figures"]] == ["singular-values.svg"]
    assert (tmp_path / "figures" / "geometry.json").is_file() and found["latents"] == 3
    assert "not empty" in refused(
        capsys, "geometry", str(run.path), *FEW, "--out", str(tmp_path / "figures")
    )


def test_a_generator_of_one_class(tmp_path, capsys):
    out = tmp_path / "gan"
    im.train("gan", "digits", conditional=True, latent_dim=4, steps=2, out=out, **QUIET)
    found = result(capsys, "geometry", str(out), *FEW, "--label", "3")
    assert set(found["estimates"]) == {"prior samples"} and found["latents"] == 4
    assert "left_out" in found["proof"]


def test_a_name_that_is_no_run_is_refused(capsys):
    assert "there is no run" in refused(capsys, "geometry", "denoise")


def test_a_unit_that_the_decoder_ignores_is_named():
    torch.manual_seed(0)
    p = im.likelihoods.GaussianShared((6,))
    decoder = torch.nn.Linear(3, 6)
    with torch.no_grad():
        decoder.weight[:, 1] = 0
    vae = im.VAE(torch.nn.Linear(6, 6), decoder, p, latent_dim=3)
    z = torch.randn(10, 3, dtype=torch.float64)
    assert find_unused_units(make_manifold(vae), z) == [1]
    assert certify_decoder(vae, 1.0, seconds=2.0).proved_fraction == 0
    decoder.weight.data[:, 1] = 1
    assert certify_decoder(vae, 1.0, seconds=2.0).proved_fraction == 1


def test_walks_follow_geodesics(tmp_path, trained):
    run = im.load(trained)
    a, b = run.data.test.x[:1].numpy(), run.data.test.x[1:2].numpy()
    lines = {path: run.interpolate(a, b, steps=6, path=path) for path in ("linear", "geodesic")}
    lengths = {
        path: np.linalg.norm(np.diff(x.reshape(6, -1), axis=0), axis=1)
        for path, x in lines.items()
    }
    assert np.allclose(lines["linear"][[0, -1]], lines["geodesic"][[0, -1]], atol=1e-4)
    assert lengths["geodesic"].sum() <= lengths["linear"].sum() * 1.001
    assert lengths["geodesic"].max() < 1.2 * lengths["geodesic"].min()
    found = im.interpolate(trained, path="geodesic", pairs=2, steps=4, out=tmp_path / "walks.png")
    assert found["pairs"] == 2 and (tmp_path / "walks.png").is_file()


def test_a_collapsed_latent_is_told_and_drawn(tmp_path, capsys):
    run = im.train("ae", "digits", latent_dim=2, steps=3, out=tmp_path / "run", **QUIET)
    layer = next(m for m in run.model.decoder.modules() if isinstance(m, torch.nn.Linear))
    with torch.no_grad():
        layer.weight[:, 1] = 0
    im.save(run, tmp_path / "model.safetensors")
    command = ["geometry", str(tmp_path / "model.safetensors"), *FEW, "--out"]
    found = result(capsys, *command, str(tmp_path / "figures"))
    measured = found["estimates"]["prior samples"]
    assert found["unused_units"] == [1] and found["proof"]["proved_share"] == 0
    assert measured["full-rank"]["value"] == 0 and measured["log-volume"]["value"] is None
    assert (tmp_path / "figures" / "geometry.svg").is_file()
