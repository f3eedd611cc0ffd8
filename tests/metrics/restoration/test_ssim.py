"""SSIM against windows written out one by one and against scikit-image."""

import numpy as np
import pytest
import torch

from immersion.check import UserError
from immersion.metrics.restoration.ssim import compute_ssim


def pair(seed=0, batch=2, channels=3, height=33, width=40, noise=0.1):
    random = np.random.default_rng(seed)
    low = random.random((batch, channels, height // 4 + 1, width // 4 + 1))
    y = low.repeat(4, 2).repeat(4, 3)[:, :, :height, :width]
    x = y + noise * random.standard_normal(y.shape)
    return torch.from_numpy(x), torch.from_numpy(y)


def by_windows(x, y):
    """One plane, (H, W): the paper's equations, window by window."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    values = []
    for i in range(x.shape[0] - 10):
        for j in range(x.shape[1] - 10):
            a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
            m, n = (window * a).sum(), (window * b).sum()
            s, t = (window * (a - m) ** 2).sum(), (window * (b - n) ** 2).sum()
            c = (window * (a - m) * (b - n)).sum()
            top = (2 * m * n + 1e-4) * (2 * c + 9e-4)
            values.append(top / ((m * m + n * n + 1e-4) * (s + t + 9e-4)))
    return np.mean(values)


def test_it_is_the_mean_over_windows_then_channels():
    x, y = pair(height=14, width=17)
    expected = [
        np.mean([by_windows(a.numpy(), b.numpy()) for a, b in zip(p, q, strict=True)])
        for p, q in zip(x, y, strict=True)
    ]
    np.testing.assert_allclose(compute_ssim(x, y), expected, rtol=0, atol=1e-12)


def test_flat_pictures_differ_by_their_means_alone():
    x, y = torch.full((1, 1, 11, 11), 0.2), torch.full((1, 1, 11, 11), 0.6)
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert compute_ssim(x, y).item() == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("crop", [0, 4])
@pytest.mark.parametrize("noise", [0.01, 0.1, 0.5])
def test_it_agrees_with_scikit_image(crop, noise):
    metrics = pytest.importorskip("skimage.metrics")
    x, y = pair(seed=crop, noise=noise)
    inside = (slice(None), slice(crop, 33 - crop), slice(crop, 40 - crop))
    expected = [
        metrics.structural_similarity(
            b.numpy()[inside],
            a.numpy()[inside],
            channel_axis=0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1,
        )
        for a, b in zip(x, y, strict=True)
    ]
    np.testing.assert_allclose(compute_ssim(x, y, crop), expected, rtol=0, atol=1e-10)


def test_it_is_symmetric_and_one_for_the_truth():
    x, y = pair()
    x = x.clamp(0, 1)
    torch.testing.assert_close(compute_ssim(x, y), compute_ssim(y, x), rtol=0, atol=1e-14)
    torch.testing.assert_close(compute_ssim(y, y), torch.ones(2).double(), rtol=0, atol=1e-12)
    assert (compute_ssim(x, y) < 1).all()


def test_a_picture_without_a_whole_window_is_refused():
    x, y = pair(height=18)
    assert compute_ssim(x, y, 3).shape == (2,)
    with pytest.raises(UserError, match="11 pixels or more a side within a border of 4"):
        compute_ssim(x, y, 4)
