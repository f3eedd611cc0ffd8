"""Augmentations: what they leave alone, what they move, and that slopes of slopes pass."""

import pytest
import torch
from torch import nn

from immersion.models import Discriminator
from immersion.nn.augment import (
    LARGEST,
    AdaptiveAugmentation,
    DifferentiableAugmentation,
    _resample,
    build_augmentation,
)
from immersion.random import use_seed


def members():
    adaptive = AdaptiveAugmentation()
    adaptive.probability.fill_(LARGEST)
    return [DifferentiableAugmentation(), adaptive]


@pytest.mark.parametrize("shape", [(5, 1, 28, 20), (4, 3, 32, 32)])
def test_shape_identity_in_evaluation_and_seeded_samples(shape):
    x = torch.rand(shape)
    for member in members():
        with use_seed(0, "augment"):
            first = member(x)
        with use_seed(0, "augment"):
            assert torch.equal(member(x), first)
        with use_seed(1, "augment"):
            assert not torch.equal(member(x), first)
        assert first.shape == x.shape and first.dtype == x.dtype
        assert torch.equal(member.eval()(x), x)


def test_probability_zero_is_the_identity():
    x = torch.rand(6, 3, 16, 24)
    torch.testing.assert_close(AdaptiveAugmentation()(x), x, atol=1e-6, rtol=0)


def test_slopes_and_slopes_of_slopes_pass():
    x = torch.rand(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    for member in members():

        def energy(x, member=member):
            with use_seed(3, "augment"):
                return member(x).pow(3).sum()

        member.double()
        assert torch.autograd.gradcheck(energy, x)
        assert torch.autograd.gradgradcheck(energy, x)


def test_resampling_reads_at_the_given_places():
    x = torch.arange(12.0).view(1, 1, 3, 4)
    flipped = _resample(x, torch.tensor([[3.0, 2, 1, 0]]), 3)
    torch.testing.assert_close(flipped, x.flip(3))
    between = _resample(x, torch.tensor([[0.5, 1.5, 9.0]]), 2)[0, 0]
    torch.testing.assert_close(between[:2], (x[0, 0, :2] + x[0, 0, 1:]) / 2)
    assert not between[2].any()  # outside


def test_differentiable_cuts_half_a_side_and_shifts_an_eighth():
    """On a bright image what was cut or came in is mid-grey: a quarter and a border at most."""
    member = DifferentiableAugmentation()
    member._change_colours = lambda x: x
    with use_seed(0, "augment"):
        y = member(torch.ones(500, 1, 16, 16))
    assert set(y.unique().tolist()) == {0.5, 1.0}
    grey = (y == 0.5).float().mean(dim=(1, 2, 3))
    assert grey.max() <= 0.25 + 2 * 2 / 16 and grey.min() > 0
    whole = (y[:, :, 4:12, 4:12] == 0.5).all(dim=3).all(dim=2)
    assert whole.any()  # the square is 8 by 8


def test_a_grey_image_has_no_saturation_and_a_colour_image_has():
    member = DifferentiableAugmentation()
    member._change_geometry = lambda x: x
    x = torch.zeros(64, 3, 8, 8)
    x[:, 0] = 1
    with use_seed(0, "augment"):
        y = member(x)
    spread = (y[:, 0] - y[:, 1]).mean(dim=(1, 2))
    # saturation 0..2 times contrast 1/2..3/2; contrast alone would stay within 1/2..3/2
    assert spread.min() < 0.4 and spread.max() > 1.6
    grey = x.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    y = member(grey)
    torch.testing.assert_close(y[:, 0], y[:, 1])


def test_a_share_of_examples_is_augmented():
    member = AdaptiveAugmentation()
    member.probability.fill_(0.3)
    x = torch.rand(2000, 1, 8, 8)
    with use_seed(0, "augment"):
        untouched = ((member(x) - x).abs().amax(dim=(1, 2, 3)) < 1e-5).float().mean()
    # Untouched by four transforms; of the flips half do nothing, of the shifts (3 x 3) a ninth.
    expected = (1 - 0.3) ** 3 * (1 - 0.3 * 8 / 9) * (1 - 0.3 / 2)
    assert abs(untouched - expected) < 4 * (expected * (1 - expected) / 2000) ** 0.5


def test_probability_changes_towards_the_target_at_the_stated_rate():
    member = AdaptiveAugmentation(examples=100)
    sure, unsure = torch.ones(10), torch.tensor([1.0, -1] * 5)
    member.observe(sure)
    assert member.probability.item() == pytest.approx(0.1)
    member.observe(unsure)
    assert member.probability.item() == pytest.approx(0.0)
    member.observe(unsure)
    assert member.probability.item() == 0
    for _ in range(20):
        member.observe(sure)
    assert member.probability.item() == pytest.approx(LARGEST)
    assert "probability" in member.state_dict()


def test_a_discriminator_observes_in_training_only():
    discriminator = Discriminator(nn.Flatten(), augmentation=build_augmentation("adaptive"))
    discriminator.eval().observe(torch.ones(1000))
    assert discriminator.augmentation.probability == 0
    discriminator.train().observe(torch.ones(1000))
    assert discriminator.augmentation.probability > 0
    Discriminator(nn.Flatten()).observe(torch.ones(3))


def test_names():
    assert build_augmentation("none") is None
    assert isinstance(build_augmentation("differentiable"), DifferentiableAugmentation)
