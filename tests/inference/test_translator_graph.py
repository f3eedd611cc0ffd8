"""An exported image-to-image network agrees with PyTorch for pictures of any size."""

import numpy as np
import pytest
import torch

from immersion.check import UserError
from immersion.inference.onnx_graph import write_onnx
from immersion.inference.translator_graph import build_translator_graph, export_translator
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

onnxruntime = pytest.importorskip("onnxruntime", reason="pip install '.[onnx]'")
pytest.importorskip("onnxscript", reason="pip install '.[onnx]'")

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
    scale = task.presentation.scale
    code = (
        PictureCode(
            latent_dim,
            PoolingEncoder(in_channels + scale**2 * out_channels, 2 * latent_dim),
            scale,
        )
        if latent_dim
        else None
    )
    return Translator(task, built, likelihood, code).eval()


def assert_near(found, expected) -> None:
    """Compare to 1e-5 of the range of the expected values."""
    for other, one in zip(found, expected, strict=True):
        assert one.shape == other.shape and one.std() > 0
        span = max(1.0, (one.max() - one.min()).item())
        assert np.abs(one.numpy() - other).max() <= 1e-5 * span


def assert_equal_outputs(ours: Translator, content: bytes) -> None:
    """Compare onnxruntime with PyTorch on a picture of one square and on a batch of others."""
    session = onnxruntime.InferenceSession(content)
    m = ours.network.multiple
    for count, rows, columns in ((1, 1, 1), (3, 7, 5)):
        x = torch.rand(count, ours.task.channels(3)[0], rows * m, columns * m)
        with torch.no_grad():
            expected = [y for y in vars(ours.predict_whole(x)).values() if y is not None]
        found = session.run(None, {"input": x.numpy()})
        assert_near(found, expected)


@pytest.mark.parametrize("case", CASES)
def test_onnxruntime_agrees_with_pytorch_at_any_size(case):
    task, network = CASES[case]
    ours = model(task, network)
    assert_equal_outputs(ours, export_translator(ours, 3, {}))


def test_a_code_for_several_answers_is_at_its_mean():
    ours = model(Denoise(), "dncnn", latent_dim=2)
    assert_equal_outputs(ours, export_translator(ours, 3, {}))


@torch.no_grad()
@pytest.mark.parametrize("scale", [1, 2])
def test_a_code_is_an_input_of_the_decoder_and_an_output_of_the_encoder(scale):
    """The two parts of a conditional VAE: p(target | input, z) and q(z | input, target)."""
    ours = model(Denoise() if scale == 1 else Enlarge(2), "restorer", latent_dim=2)
    decoder, encoder = (
        onnxruntime.InferenceSession(write_onnx(build_translator_graph(ours, 3, part), {}))
        for part in ("decoder", "encoder")
    )
    m = ours.network.multiple
    for count, rows, columns in ((1, 1, 1), (3, 7, 5), (64, 2, 3)):
        x = torch.rand(count, 3, rows * m, columns * m)
        z = torch.randn(count, 2)
        p = ours(x, z)
        found = decoder.run(None, {"input": x.numpy(), "z": z.numpy()})
        assert_near(found, [p.mean, p.stddev])
        q = ours.require_code().encode(x, p.mean)
        found = encoder.run(None, {"input": x.numpy(), "target": p.mean.numpy()})
        assert_near(found, [q.mean, q.stddev])


def test_the_model_stays_as_it_was():
    """In training mode and float64; the graph is in float32 all the same."""
    ours = model(Denoise(), "dncnn").double().train()
    graph = build_translator_graph(ours, 3)
    assert ours.training and next(ours.parameters()).dtype == torch.float64
    assert not graph.model.training and next(graph.model.parameters()).dtype == torch.float32


def test_other_networks_have_no_parts():
    for part, latent_dim in (("encoder", 0), ("decoder", 0), ("prior", 2)):
        with pytest.raises(UserError, match=f"network has no {part}.*leave --part out"):
            build_translator_graph(model(Denoise(), "dncnn", latent_dim), 3, part)
