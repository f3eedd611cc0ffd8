"""Colourisation: lightness and chroma, and the picture that they make."""

import pytest
import torch

from immersion.check import UserError
from immersion.imaging.colour import lab_from_srgb
from immersion.likelihoods.levels import Categorical
from immersion.tasks.colourise import LEVELS, Colourise


@pytest.fixture(scope="module")
def x():
    return torch.rand(2, 3, 12, 10, generator=torch.Generator().manual_seed(0))


def test_input_and_target_are_lab_scaled(x):
    pair, lab = Colourise().pair(x, None), lab_from_srgb(x)
    assert torch.allclose(50 * (pair.input + 1), lab[:, :1], atol=1e-5)
    assert torch.allclose(110 * pair.target, lab[:, 1:], atol=1e-5)
    assert pair.input.abs().max() <= 1 and pair.target.abs().max() <= 1


def test_black_and_white_are_the_ends_of_the_input():
    ends = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 4, 4)
    assert torch.allclose(
        Colourise().pair(ends, None).input[:, 0, 0, 0], torch.tensor([-1.0, 1.0]), atol=1e-5
    )


@pytest.mark.parametrize("discretised", [False, True])
def test_the_true_chroma_restores_the_picture_and_zero_chroma_is_grey(x, discretised):
    task = Colourise(discretised)
    pair = task.pair(x, None)
    assert torch.allclose(task.presentation.to_picture(pair.input, pair.target), x, atol=1e-4)
    grey = task.presentation.show_input(pair.input)
    assert (grey - grey.mean(1, keepdim=True)).abs().max() < 1e-3
    assert torch.allclose(task.presentation.prepare(grey), pair.input, atol=1e-4)


def test_a_grey_picture_and_its_three_equal_channels_are_prepared_alike(x):
    grey = x[:, :1]
    task = Colourise()
    assert torch.equal(
        task.presentation.prepare(grey), task.presentation.prepare(grey.repeat(1, 3, 1, 1))
    )
    assert torch.equal(task.presentation.prepare(x), task.pair(x, None).input)


def test_targets_of_grey_pictures_are_grey():
    with pytest.raises(UserError, match="learned from colour pictures: expected 3 channels"):
        Colourise().channels(1)


def levels(first, second):
    """Return p of 33 levels of a and of b from logits, (33,) each, equal at 4 x 4 pixels."""
    h = torch.stack([first, second]).T.reshape(1, 66, 1, 1).expand(1, 66, 4, 4)
    return Categorical((2, 4, 4), LEVELS)(h)


def test_the_estimate_of_levels_is_between_mean_and_mode():
    """Red 0.4 and green 0.0 in logits: the mean is pale, the estimate nearer to red."""
    task, a, b = Colourise(discretised=True), torch.full((33,), -20.0), torch.full((33,), -20.0)
    a[32], a[0], b[16] = 0.4, 0.0, 0.0
    p = levels(a, b)
    found, other = task.presentation.unscale_chroma(task.presentation.estimate(p))[0, :, 0, 0]
    pale = task.presentation.unscale_chroma(p.mean)[0, 0, 0, 0]
    assert 0 < pale < found < 110 and other.abs() < 1e-3
    share = torch.tensor([0.4, 0.0]).div(0.38).softmax(0)
    assert torch.allclose(found, 110 * (share[0] - share[1]), atol=1e-3)


def test_every_grey_is_exactly_a_level():
    """The target of a grey picture has no tint."""
    task = Colourise(discretised=True)
    greys = (torch.arange(256) / 255).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    pair = task.pair(greys, None)
    level = (pair.target * (LEVELS - 1)).round() / (LEVELS - 1)
    assert torch.allclose(task.presentation.to_picture(pair.input, level), greys, atol=1e-3)
