"""`immersion export`: its files, their metadata, and its errors."""

import json

import numpy as np
import pytest
import torch

from immersion.check import UserError
from immersion.commands.export import export
from immersion.commands.invert import invert
from immersion.commands.train import train
from immersion.engine import Options
from immersion.inference.onnx_file import describe_image_model, write_onnx_file
from immersion.models.codes import encode_means
from immersion.models.image_to_image import build_translator
from immersion.nn import Architecture
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.pretrained.trained_model import Origin, TrainedModel
from immersion.runs.load import load_run
from immersion.spec import Spec
from immersion.tasks.denoise import Denoise
from immersion.tasks.segment import Segment

onnxruntime = pytest.importorskip("onnxruntime", reason="pip install '.[onnx]'")
pytest.importorskip("onnxscript", reason="pip install '.[onnx]'")


def describe(task, network, depth):
    """Describe a model of colour pictures."""
    spec = Spec("photos", (3, 16, 16), "unit")
    model = build_translator(spec, task, ImageToImageArchitecture(network, 4, depth)).eval()
    return describe_image_model(TrainedModel(model, spec, Origin("run", "run"), lambda: None))


def test_inputs_and_outputs_are_described():
    exported = describe(Denoise(level_map=True), "unet", 1)
    assert exported["channels"] == "4" and exported["output_channels"] == "3"
    assert exported["multiple"] == "2" and int(exported["halo"]) > 4 and exported["scale"] == "1"
    assert exported["input"].endswith("a channel of the noise's sigma / 75")
    assert "probability" in describe(Segment(4), "dncnn", 2)["output"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Train a grey denoiser for two steps."""
    return train(
        "denoise",
        data=str(photos(tmp_path_factory.mktemp("photos"))),
        out=tmp_path_factory.mktemp("run") / "run",
        size=16,
        options=Options(steps=2, batch_size=2, validate_every=0, device="cpu"),
        arguments={"translation": ImageToImageArchitecture("dncnn", width=4, depth=2)},
    )["run"]


def photos(folder):
    """Write four grey pictures."""
    from PIL import Image

    for number in range(4):
        levels = np.random.default_rng(number).integers(0, 256, (30, 40), dtype=np.uint8)
        Image.fromarray(levels).save(folder / f"{number}.png")
    return folder


def test_a_run_is_exported_with_its_training(run, tmp_path):
    out = tmp_path / "new" / "denoiser.onnx"
    exported = export(run, out=out)
    assert exported["bytes"] == out.stat().st_size and list(out.parent.iterdir()) == [out]
    session = onnxruntime.InferenceSession(out)
    metadata = session.get_modelmeta().custom_metadata_map
    assert (
        metadata == exported["properties"] and metadata["task"] == "denoise" == metadata["recipe"]
    )
    assert json.loads(metadata["arguments"])["translation"]["network"] == "dncnn"
    assert (
        metadata["channels"] == "1" == metadata["scale"] == metadata["multiple"]
        and metadata["halo"] == "2"
    )
    assert [output.name for output in session.get_outputs()] == ["mean", "standard_deviation"]
    before = out.read_bytes()
    with pytest.raises(
        UserError, match=r"exists already; choose another name, or pass --overwrite"
    ):
        export(run, out=out)
    assert out.read_bytes() == before
    export(run, out=out, overwrite=True)


def test_invalid_targets_are_errors_before_the_export(run, tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "file").touch()
    for out, words in (
        (tmp_path / "a.pt", r"ends in \.onnx"),
        (tmp_path / "folder.onnx", "is a folder"),
        (tmp_path / "file" / "a.onnx", "is a file"),
    ):
        with pytest.raises(UserError, match=words):
            export(run, out=out, overwrite=True)


FEW = Options(steps=3, batch_size=20, validate_every=0, device="cpu")
SMALL = {"latent_dim": 2, "architecture": Architecture("dense", 8, 1)}


def test_a_table_in_its_own_units_goes_in_and_comes_out(tmp_path):
    """The file of a run of a user's table: standardised inside, and without the table's path."""
    random = np.random.default_rng(0)
    table = np.column_stack([random.normal(1990, 20, 200), random.normal(0, 1e-3, 200)])
    table = np.column_stack([table, table.sum(1)])
    header = "year,change,sum"
    np.savetxt(tmp_path / "people.csv", table, delimiter=",", header=header, comments="")
    run = train(
        "vae",
        data=str(tmp_path / "people.csv"),
        out=tmp_path / "run",
        options=FEW,
        arguments=SMALL | {"latent_dim": 1},
    )["run"]
    for part in ("encoder", "decoder"):
        exported = export(run, part=part)
        name = {"encoder": "encoder.onnx", "decoder": "model.onnx"}[part]
        assert exported["file"] == str(tmp_path / "run" / name)
        properties = exported["properties"]
        assert properties["part"] == part and properties["recipe"] == "vae"
        assert json.loads(properties["spec"])["name"] == "people.csv" == properties["data"]
        assert json.loads(properties["prior"])["meaning"].startswith("p(z) = N(0, I)")
        assert properties["likelihood"] == "gaussian-shared"
        assert str(tmp_path).encode() not in (tmp_path / "run" / name).read_bytes()
    encoder, decoder = (
        onnxruntime.InferenceSession(tmp_path / "run" / name)
        for name in ("encoder.onnx", "model.onnx")
    )
    opened = load_run(run)
    shift, scale = np.array(opened.spec.shift), np.array(opened.spec.scale)
    rows = table.astype(np.float32)
    mean, _ = encoder.run(None, {"x": rows})
    standardised = torch.from_numpy((rows.astype(float) - shift) / scale).float()
    assert np.abs(mean - encode_means(opened.decoder, standardised).numpy()).max() < 1e-5
    remade, deviation = decoder.run(None, {"z": mean})
    with torch.no_grad():
        p = opened.decoder.decode(torch.from_numpy(mean))
    own = p.mean.double().numpy() * scale + shift
    assert np.allclose(remade, own, rtol=1e-6, atol=1e-5 * scale)
    assert np.allclose(deviation, p.stddev.numpy() * scale, rtol=1e-5)


def test_the_encoder_of_a_generator_is_exported_once_it_is_trained(tmp_path):
    run = train("gan", data="digits", out=tmp_path / "run", options=FEW, arguments=SMALL)["run"]
    with pytest.raises(UserError, match=r"no encoder.*train one with immersion invert RUN"):
        export(run, part="encoder")
    assert not (tmp_path / "run" / "encoder.onnx").exists()
    invert(tmp_path / "run", architecture=Architecture("dense", 8, 1), options=FEW)
    export(run, part="encoder")
    session = onnxruntime.InferenceSession(tmp_path / "run" / "encoder.onnx")
    x = torch.rand(5, 1, 8, 8)
    expected = encode_means(load_run(run).decoder, x)
    assert np.abs(session.run(None, {"x": x.numpy()})[0] - expected.numpy()).max() < 1e-5


def test_a_run_in_memory_and_a_bundled_network_are_written_from_python(trained, tmp_path):
    out = write_onnx_file(load_run(trained), tmp_path / "vae.onnx", part="encoder")
    session = onnxruntime.InferenceSession(out)
    assert [each.name for each in session.get_outputs()] == ["mean", "standard_deviation"]
    inputs = json.loads(session.get_modelmeta().custom_metadata_map["inputs"])
    assert inputs["x"].endswith("levels from 0 to 1")
    with pytest.raises(UserError, match="exists already"):
        write_onnx_file(trained, out)
    write_onnx_file("enlarge-x2", tmp_path / "enlarge.onnx")
    assert (tmp_path / "enlarge.onnx").stat().st_size > 1000


def test_a_missing_package_is_an_error_with_a_remedy(run, tmp_path, monkeypatch):
    monkeypatch.setattr("immersion.check.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"run pip install '.\[onnx\]'"):
        export(run, out=tmp_path / "a.onnx")
