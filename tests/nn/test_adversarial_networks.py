"""DCGAN and R3GAN's networks: sizes, slopes of slopes, and how they start."""

import pytest
import torch
from torch import nn

from immersion.check import UserError
from immersion.nn import NETWORKS
from immersion.nn.r3gan import Bottleneck, Down, Up
from immersion.objectives.penalties import squared_slope

FAMILIES = ["dcgan", "r3gan"]


def build(name, in_shape, out_shape, width=4):
    torch.manual_seed(0)
    return NETWORKS[name](in_shape, out_shape, width, -1, nn.ReLU)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(
    "shape", [(1, 28, 28), (3, 32, 32), (1, 48, 48), (3, 64, 64), (1, 8, 128)]
)
def test_generated_images_reach_the_discriminator_and_train_the_generator(name, shape):
    generator, discriminator = build(name, (6,), shape), build(name, shape, (1,))
    logits = discriminator(generator(torch.randn(4, 6)))
    assert logits.shape == (4, 1)
    logits.square().sum().backward()
    for parameter in [*generator.parameters(), *discriminator.parameters()]:
        assert parameter.grad is not None and parameter.grad.isfinite().all()


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("low", [False, True])
def test_a_penalty_on_the_slope_reaches_every_weight_of_the_discriminator(name, low):
    discriminator = build(name, (1, 16, 16), (1,))
    for module in discriminator.modules():
        if isinstance(module, Bottleneck):
            nn.init.normal_(module.branch[-1].weight, 0, 0.1)  # as after a first step
    x = torch.rand(4, 1, 16, 16, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=low):
        squared_slope(discriminator(x).squeeze(1), x).mean().backward()
    for name, parameter in discriminator.named_parameters():
        if name.endswith("weight"):
            assert parameter.grad.isfinite().all() and parameter.grad.any(), name


@pytest.mark.parametrize("name", FAMILIES)
def test_a_discriminator_ends_in_a_linear_layer_and_a_generator_without_activation(name):
    assert isinstance(build(name, (1, 32, 32), (7,))[-1], nn.Linear)
    assert isinstance(build(name, (7,), (1, 32, 32))[-1], nn.Conv2d | nn.ConvTranspose2d)


def test_dcgan_starts_with_the_published_constants():
    network = build("dcgan", (100,), (3, 64, 64), width=32)
    kinds = {nn.BatchNorm2d: (1.0, 0.02), nn.ConvTranspose2d: (0.0, 0.02), nn.Linear: (0.0, 0.02)}
    for kind, (mean, deviation) in kinds.items():
        weights = torch.cat([m.weight.flatten() for m in network if isinstance(m, kind)])
        assert abs(weights.mean() - mean) < 0.004
        assert abs(weights.std() / deviation - 1) < 0.1


def test_dcgan_samples_one_at_a_time_in_evaluation_as_in_a_batch():
    generator = build("dcgan", (5,), (1, 28, 28))
    for _ in range(3):
        generator(torch.randn(8, 5))
    z = torch.randn(4, 5)
    generator.eval()
    torch.testing.assert_close(generator(z)[2:3], generator(z[2:3]))


def test_dcgan_has_no_depth():
    with pytest.raises(UserError, match="--depth"):
        NETWORKS["dcgan"]((2,), (1, 32, 32), 8, 2, nn.ReLU)


def test_r3gan_starts_as_a_linear_map_of_the_code():
    """Every block is the identity at first, and there is no activation between them."""
    generator = build("r3gan", (5,), (1, 28, 28))
    a, b = torch.randn(2, 3, 5)
    bias = generator(torch.zeros(1, 5))
    torch.testing.assert_close(generator(a) + generator(b), generator(a + b) + bias)


def test_resampling_keeps_a_flat_image_and_its_mean():
    x = torch.rand(2, 3, 8, 8)
    down, up = Down(3, 3, (4, 4)), Up(3, 3, (16, 16))
    for layer in (down, up):
        layer.mix.weight.data.copy_(torch.eye(3)[..., None, None])
    torch.testing.assert_close(down(x).mean((2, 3)), x.mean((2, 3)))
    torch.testing.assert_close(up(torch.ones(1, 3, 8, 8)), torch.ones(1, 3, 16, 16))
    spot = torch.zeros(1, 3, 8, 8)
    spot[..., 4, 4] = 1
    expected = torch.tensor([1.0, 3, 3, 1]) / 4
    torch.testing.assert_close(up(spot)[0, 0, 7:11, 7:11], torch.outer(expected, expected))


def test_r3gan_hands_on_grey_images_with_a_pixels_channels_side_by_side():
    discriminator = build("r3gan", (1, 32, 32), (1,)).to(memory_format=torch.channels_last)
    x = discriminator[0](torch.rand(2, 1, 32, 32))
    assert x.is_contiguous(memory_format=torch.channels_last)
