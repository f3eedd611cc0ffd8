"""An exported network agrees with PyTorch for pictures of any size."""

import json

import numpy as np
import pytest
import torch

import immersion as im
from immersion.check import UserError
from immersion.commands.export import describe_model, export
from immersion.commands.train import train
from immersion.inference.onnx_graph import export_onnx
from immersion.likelihoods.gaussian import Gaussian
from immersion.likelihoods.levels import Categorical
from immersion.likelihoods.pixel_classes import PixelClasses
from immersion.models import PictureCode, Translator
from immersion.nn.image_to_image import IMAGE_TO_IMAGE_NETWORKS, ImageToImageArchitecture
from immersion.nn.pooling_encoder import PoolingEncoder
from immersion.tasks.colourise import Colourise
from immersion.tasks.denoise import Denoise
from immersion.tasks.enlarge import Enlarge
from immersion.tasks.inpaint import Inpaint
from immersion.tasks.segment import Segment

onnxruntime = pytest.importorskip("onnxruntime", reason="pip install 'immersion[onnx]'")
pytest.importorskip("onnxscript", reason="pip install 'immersion[onnx]'")

CASES = {
    **{
        f"denoise by {name}": (Denoise(level_map=name == "restorer"), name)
        for name in IMAGE_TO_IMAGE_NETWORKS
    },
    **{f"enlarge x{factor}": (Enlarge(factor), "restorer") for factor in (2, 3, 4)},
    "inpaint": (Inpaint(), "dncnn"),
    "colourise": (Colourise(), "dncnn"),
    "colourise by levels": (Colourise(discretised=True), "dncnn"),
    "segment": (Segment(4), "dncnn"),
}


def model(task, network: str, latent_dim: int = 0) -> Translator:
    """Return a small model of colour pictures without zero weights."""
    in_channels, out_channels = task.channels(3)
    if isinstance(task, Segment):
        likelihood = PixelClasses((1, 8, 8), task.classes)
    elif getattr(task, "discretised", False):
        likelihood = Categorical((out_channels, 8, 8), 33)
    else:
        likelihood = Gaussian((out_channels, 8, 8))
    torch.manual_seed(0)
    built = ImageToImageArchitecture(network, 4, 2 if network == "dncnn" else 1).build(
        in_channels + latent_dim,
        likelihood.parameters_per_value * out_channels,
        task.presentation.scale,
    )
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    code = (
        PictureCode(latent_dim, PoolingEncoder(in_channels + out_channels, 2 * latent_dim))
        if latent_dim
        else None
    )
    return Translator(task, built, likelihood, code).eval()


def assert_equal_outputs(ours: Translator, content: bytes) -> None:
    """Compare onnxruntime with PyTorch on a picture of one square and on a batch of others."""
    session = onnxruntime.InferenceSession(content)
    m = ours.network.multiple
    for count, rows, columns in ((1, 1, 1), (3, 7, 5)):
        x = torch.rand(count, ours.task.channels(3)[0], rows * m, columns * m)
        with torch.no_grad():
            expected = [y for y in vars(ours.predict_whole(x)).values() if y is not None]
        found = session.run(None, {"input": x.numpy()})
        for one, other in zip(expected, found, strict=True):
            assert one.shape == other.shape and one.std() > 0
            span = max(1.0, (one.max() - one.min()).item())
            assert np.abs(one.numpy() - other).max() <= 1e-5 * span


@pytest.mark.parametrize("case", CASES)
def test_onnxruntime_agrees_with_pytorch_at_any_size(case):
    task, network = CASES[case]
    ours = model(task, network)
    assert_equal_outputs(ours, export_onnx(ours, 3, {}))


def test_a_code_for_several_answers_is_at_its_mean():
    ours = model(Denoise(), "dncnn", latent_dim=2)
    assert_equal_outputs(ours, export_onnx(ours, 3, {}))


def test_inputs_and_outputs_are_described():
    exported = describe_model(model(Denoise(level_map=True), "unet"), 3)
    assert exported["channels"] == "4" and exported["output_channels"] == "3"
    assert exported["multiple"] == "2" and int(exported["halo"]) > 4 and exported["scale"] == "1"
    assert exported["input"].endswith("a channel of the noise's sigma / 75")
    assert "probability" in describe_model(model(Segment(4), "dncnn"), 3)["output"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Train a grey denoiser for two steps."""
    return train(
        "denoise",
        data=str(photos(tmp_path_factory.mktemp("photos"))),
        out=tmp_path_factory.mktemp("run") / "run",
        size=16,
        options=im.Options(steps=2, batch_size=2, validate_every=0, device="cpu"),
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
    assert [output.name for output in session.get_outputs()] == ["answer", "deviation"]
    before = out.read_bytes()
    with pytest.raises(UserError, match=r"exists already; pass --overwrite"):
        export(run, out=out)
    assert out.read_bytes() == before
    export(run, out=out, overwrite=True)


def test_invalid_targets_are_errors_before_the_export(run, tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "file").touch()
    for out, words in (
        (tmp_path / "a.pt", r"one ending in \.onnx"),
        (tmp_path / "folder.onnx", "is a folder"),
        (tmp_path / "file" / "a.onnx", "is not a folder"),
    ):
        with pytest.raises(UserError, match=words):
            export(run, out=out, overwrite=True)


def test_other_models_are_errors(tmp_path):
    run = train(
        "linear-ae", data="digits", out=tmp_path / "run", options=im.Options(steps=2, device="cpu")
    )["run"]
    with pytest.raises(UserError, match="not an image-to-image model"):
        export(run, out=tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()


def test_a_missing_package_is_an_error_with_a_remedy(run, tmp_path, monkeypatch):
    monkeypatch.setattr("immersion.check.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"run pip install 'immersion\[onnx\]'"):
        export(run, out=tmp_path / "a.onnx")
