"""PSNR against sums written out, against scikit-image, and under the tables' protocols."""

import math

import numpy as np
import pytest
import torch

from immersion.check import NonFinite, UserError
from immersion.metrics.restoration.psnr import compute_psnr, quantise


def pair(seed=0, batch=3, channels=3, height=24, width=31, noise=0.1):
    random = np.random.default_rng(seed)
    y = random.random((batch, channels, height, width))
    x = y + noise * random.standard_normal(y.shape) * np.arange(1, batch + 1)[:, None, None, None]
    return torch.from_numpy(x), torch.from_numpy(y)


def test_known_errors_give_known_decibels():
    y = torch.full((4, 3, 5, 5), 0.5)
    errors = torch.tensor([0.1, 0.01, 1 / 255, 0.5])
    x = y + errors[:, None, None, None]
    expected = [20.0, 40.0, 20 * math.log10(255), 20 * math.log10(2)]
    torch.testing.assert_close(compute_psnr(x, y).tolist(), expected, rtol=0, atol=1e-4)
    one = torch.zeros(1, 3, 4, 4)
    one[0, 1, 2, 3] = 1  # one of 48 numbers is off by the peak
    assert compute_psnr(one, torch.zeros(1, 3, 4, 4)).item() == pytest.approx(10 * math.log10(48))


def test_one_picture_does_not_depend_on_its_batch():
    x, y = pair()
    alone = torch.cat([compute_psnr(x[i : i + 1], y[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(compute_psnr(x, y), alone, rtol=0, atol=1e-12)
    assert compute_psnr(x, y).diff().max() < 0  # noisier from picture to picture


@pytest.mark.parametrize("crop", [0, 2, 4])
def test_it_agrees_with_scikit_image(crop):
    metrics = pytest.importorskip("skimage.metrics")
    x, y = pair(seed=crop)
    inside = (slice(None), slice(crop, 24 - crop), slice(crop, 31 - crop))
    expected = [
        metrics.peak_signal_noise_ratio(b.numpy()[inside], a.numpy()[inside], data_range=1)
        for a, b in zip(x, y, strict=True)
    ]
    np.testing.assert_allclose(compute_psnr(x, y, crop), expected, rtol=0, atol=1e-10)


def test_the_crop_leaves_out_the_border_alone():
    _, y = pair()
    x = y.clone()
    x[..., 3:-3, 3:-3] += 0.1
    torch.testing.assert_close(compute_psnr(x, y, 3), torch.full((3,), 20.0).double())
    x[..., :3, :] = x[..., -3:, :] = 9
    x[..., :3] = x[..., -3:] = 9
    torch.testing.assert_close(compute_psnr(x, y, 3), torch.full((3,), 20.0).double())
    assert (compute_psnr(x, y, 2) < 5).all()


def test_equal_pictures_are_infinitely_near():
    _, y = pair()
    assert compute_psnr(y, y).isposinf().all()


def test_rounding_is_that_of_a_file_of_eight_bits():
    levels = torch.arange(256) / 255
    assert torch.equal(quantise(levels), levels)
    x = torch.linspace(-0.5, 1.5, 1001)
    file = np.clip(x.numpy() * np.float32(255), 0, 255).round().astype(np.uint8)
    assert torch.equal((quantise(x) * 255).round().to(torch.uint8), torch.from_numpy(file))
    assert torch.equal(quantise(quantise(x)), quantise(x))


def test_what_cannot_be_compared_is_said():
    _, y = pair()
    with pytest.raises(UserError, match="cannot be compared"):
        compute_psnr(y[:2], y)
    with pytest.raises(UserError, match="divide 8-bit levels by 255"):
        compute_psnr(y * 255, y * 255)
    with pytest.raises(UserError, match="not floats"):
        compute_psnr((y * 255).byte(), (y * 255).byte())
    with pytest.raises(UserError, match="too small"):
        compute_psnr(y, y, crop=12)
    with pytest.raises(UserError, match="too small"):
        compute_psnr(y, y, crop=-1)
    broken = y.clone()
    broken[1, 0, 0, 0] = math.nan
    with pytest.raises(NonFinite, match="1 of 3"):
        compute_psnr(broken, y)
