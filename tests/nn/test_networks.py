"""One contract for every network family: shapes, gradients, precision, and the immersion."""

import math
import re

import pytest
import torch
from torch import nn
from torch.func import jacfwd

from immersion.check import UserError
from immersion.nn import NETWORKS, Architecture
from immersion.nn.base import ACTIVATIONS

IMAGES = [(1, 8, 8), (1, 28, 20), (3, 33, 64), (3, 128, 128)]


def build(name, in_shape, out_shape):
    torch.manual_seed(0)
    return NETWORKS[name](in_shape, out_shape, 8, -1, nn.SiLU)


@pytest.mark.parametrize("name", list(NETWORKS))
@pytest.mark.parametrize("shape", IMAGES)
def test_shapes_and_gradients_in_both_directions(name, shape):
    for in_shape, out_shape in ((shape, (5,)), ((2,), shape)):
        network = build(name, in_shape, out_shape)
        x = torch.randn(3, *in_shape)
        y = network(x)
        assert y.shape == (3, *out_shape)
        y.square().sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("name", list(NETWORKS))
def test_examples_do_not_mix_in_evaluation(name):
    network = build(name, (1, 12, 12), (4,)).eval()
    x = torch.randn(3, 1, 12, 12)
    torch.testing.assert_close(network(x)[1], network(x[1:2])[0])


@pytest.mark.parametrize("name", list(NETWORKS))
def test_bfloat16_autocast_stays_near_float32(name):
    network = build(name, (1, 16, 16), (4,))
    x = torch.randn(6, 1, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        low = network(x).float()
    assert (low - network(x)).norm() < 0.05 * network(x).norm()


@pytest.mark.parametrize("name", list(NETWORKS))
def test_decoder_is_an_immersion(name):
    """The Jacobian R^3 -> R^D has full rank at random points: its least singular value is > 0."""
    decoder = build(name, (3,), (1, 16, 16)).double().eval()
    for z in torch.randn(4, 3, dtype=torch.float64):
        jacobian = jacfwd(lambda z: decoder(z[None]).flatten())(z)
        values = torch.linalg.svdvals(jacobian)
        assert jacobian.shape == (256, 3)
        assert values[-1] > 1e-6 * values[0] > 0


def test_dense_without_hidden_layers_is_affine():
    network = NETWORKS["dense"]((4,), (3,), 0, 0, nn.SiLU)
    a, b = torch.randn(2, 5, 4)
    zero = torch.zeros(1, 4)
    torch.testing.assert_close(network(a) + network(b), network(a + b) + network(zero))


def test_auto_takes_dense_for_small_and_conv_for_large_images():
    small = Architecture().build((1, 32, 32), (2,))
    large = Architecture(width=8).build((3, 64, 64), (2,))
    assert not any(isinstance(m, nn.Conv2d) for m in small.modules())
    assert any(isinstance(m, nn.Conv2d) for m in large.modules())
    assert math.prod(Architecture().build((5,), (2,))(torch.zeros(1, 5)).shape) == 2


@pytest.mark.parametrize("name", list(NETWORKS))
def test_docstring_states_arguments_shapes_and_source(name):
    text = NETWORKS[name].__doc__ or ""
    for argument in ("in_shape", "out_shape", "width", "depth", "activation"):
        assert re.search(rf"^ +{argument}: ", text, re.MULTILINE), argument
    assert "A network (B, *in_shape) -> (B, *out_shape)." in text, "shapes"
    assert re.search(r"Reference:\n +\S.*?https?://", text, re.DOTALL), "source"


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_builds(activation):
    assert Architecture("dense", activation=activation).build((2,), (3,))(torch.zeros(1, 2)).shape


@pytest.mark.parametrize(
    ("architecture", "shape", "word"),
    [
        (Architecture("dens"), (4,), "dense"),
        (Architecture(activation="rellu"), (4,), "relu"),
        (Architecture("dcgan", activation="tanh"), (1, 8, 8), "activations of a dcgan network"),
        (Architecture("conv"), (4,), "--network dense"),
        (Architecture("residual"), (1, 4, 9), "--size"),
    ],
)
def test_errors_name_the_remedy(architecture, shape, word):
    with pytest.raises(UserError, match=word):
        architecture.build(shape, (2,))
