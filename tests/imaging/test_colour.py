"""Colour spaces against known values, against scikit-image, and there and back."""

import warnings

import pytest
import torch

from immersion.check import UserError
from immersion.imaging.colour import (
    grey,
    lab_from_srgb,
    linear_from_srgb,
    luma,
    srgb_from_lab,
    srgb_from_linear,
    srgb_from_xyz,
    xyz_from_srgb,
)

LAB = [
    ((0, 0, 0), (0, 0, 0)),
    ((1, 1, 1), (100, -0.0024549379, 0.0046534212)),
    ((1, 0, 0), (53.2405879437, 80.0923082257, 67.2027510445)),
    ((0, 1, 0), (87.7350994883, -86.1830297444, 83.1797031754)),
    ((0, 0, 1), (32.2956725650, 79.1855909118, -107.8573002067)),
    ((0.2, 0.4, 0.6), (42.0080005894, -0.1540412002, -32.8428974190)),
    ((0.01, 0.02, 0.03), (1.3000539221, -0.3123502713, -1.1997649952)),  # the straight part
]


def pixel(values, dtype=torch.float64) -> torch.Tensor:
    return torch.tensor(values, dtype=dtype).view(3, 1, 1)


@pytest.fixture
def x() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.rand(2, 3, 64, 64) * torch.rand(2, 1, 64, 64) ** 3  # many dark ones


@pytest.mark.parametrize("rgb, lab", LAB)
def test_known_colours(rgb, lab):
    assert torch.allclose(lab_from_srgb(pixel(rgb)), pixel(lab), atol=1e-7)
    assert torch.allclose(srgb_from_lab(pixel(lab)), pixel(rgb), atol=1e-7)


def test_lab_equals_that_of_scikit_image(x):
    color = pytest.importorskip("skimage.color")
    theirs = color.rgb2lab(x.double().numpy(), channel_axis=1)
    assert abs(lab_from_srgb(x).double().numpy() - theirs).max() < 1e-4
    assert abs(lab_from_srgb(x.double()).numpy() - theirs).max() < 1e-10


def test_out_of_gamut_colours_are_clipped_as_in_scikit_image():
    color = pytest.importorskip("skimage.color")
    spread = torch.tensor([100.0, 240, 240]).view(3, 1, 1)
    lab = torch.rand(3, 64, 64) * spread - torch.tensor([0.0, 120, 120]).view(3, 1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it counts the pixels whose Z is negative
        theirs = color.lab2rgb(lab.double().numpy(), channel_axis=0)
    assert abs(srgb_from_lab(lab).double().numpy() - theirs).max() < 1e-4


@pytest.mark.parametrize(
    "there, back",
    [
        (linear_from_srgb, srgb_from_linear),
        (xyz_from_srgb, srgb_from_xyz),
        (lab_from_srgb, srgb_from_lab),
    ],
)
def test_there_and_back(x, there, back):
    assert torch.allclose(back(there(x)), x, atol=2e-5)


def test_eight_bit_pictures_come_back_to_the_byte():
    bytes_ = torch.randint(0, 256, (3, 200, 200))
    again = srgb_from_lab(lab_from_srgb(bytes_ / 255))
    assert torch.equal((again * 255).round().long(), bytes_)


def test_luma_of_black_white_and_the_primaries():
    for rgb, y in [((0, 0, 0), 16), ((1, 1, 1), 235), ((1, 0, 0), 81.481), ((0, 1, 0), 144.553)]:
        assert luma(pixel(rgb)).item() * 255 == pytest.approx(y, abs=1e-9)


def test_grey_keeps_black_white_and_greys(x):
    same = x[:, :1].expand(-1, 3, -1, -1)
    assert torch.allclose(grey(same), x[:, :1], atol=1e-6)
    assert torch.allclose(luma(x) * 255, 16 + 219 * grey(x), atol=2e-3)


@pytest.mark.parametrize("function", [lab_from_srgb, srgb_from_lab, srgb_from_xyz, luma, grey])
def test_gradients_are_finite_from_black_to_white(function):
    x = torch.cat([torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)]).requires_grad_()
    function(x).sum().backward()
    assert x.grad.isfinite().all()


def test_autocast_changes_nothing(x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = lab_from_srgb(x)
    assert torch.equal(found, lab_from_srgb(x))


@pytest.mark.parametrize(
    "x", [torch.rand(1, 4, 4), torch.rand(4, 4), torch.zeros(3, 4, 4, dtype=torch.uint8)]
)
def test_what_is_no_colour_picture_is_refused(x):
    with pytest.raises(UserError, match="3, H, W"):
        lab_from_srgb(x)
