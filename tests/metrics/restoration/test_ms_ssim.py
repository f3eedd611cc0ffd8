"""MS-SSIM against pytorch-msssim, and against a plane-by-plane sum for odd sizes."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from immersion.check import UserError
from immersion.metrics.restoration.ssim import SMALLEST, compute_ms_ssim


def pair(height, width, noise=0.1, batch=2, channels=3, seed=0):
    random = np.random.default_rng(seed)
    low = random.random((batch, channels, height // 8 + 1, width // 8 + 1))
    y = low.repeat(8, 2).repeat(8, 3)[:, :, :height, :width]
    return torch.from_numpy(y + noise * random.standard_normal(y.shape)), torch.from_numpy(y)


@pytest.mark.parametrize("noise", [0.01, 0.2, 1.0])
def test_it_agrees_with_pytorch_msssim(noise):
    peer = pytest.importorskip("pytorch_msssim")
    x, y = pair(176, 192, noise)
    window = torch.arange(11, dtype=torch.float64) - 5
    window = (-(window**2) / (2 * 1.5**2)).exp()
    window = (window / window.sum()).repeat(3, 1, 1, 1)  # its own window is in float32
    expected = peer.ms_ssim(x, y, data_range=1.0, size_average=False, win=window)
    torch.testing.assert_close(compute_ms_ssim(x, y), expected, rtol=0, atol=1e-10)
    own = peer.ms_ssim(x, y, data_range=1.0, size_average=False)
    torch.testing.assert_close(compute_ms_ssim(x, y), own, rtol=0, atol=1e-6)


def by_planes(x, y):
    """One plane, (H, W), with scipy's filter and blocks by indices."""
    offsets = np.arange(11) - 5
    weights = np.exp(-(offsets**2) / (2 * 1.5**2))
    weights /= weights.sum()

    def mean(a):
        return correlate1d(correlate1d(a, weights, 0), weights, 1)[5:-5, 5:-5]

    def round_weights(a):
        rows = [min(i, a.shape[0] - 1) for i in range(a.shape[0] + a.shape[0] % 2)]
        columns = [min(j, a.shape[1] - 1) for j in range(a.shape[1] + a.shape[1] % 2)]
        a = a[rows][:, columns]
        return (a[::2, ::2] + a[1::2, ::2] + a[::2, 1::2] + a[1::2, 1::2]) / 4

    value = 1.0
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        if scale:
            x, y = round_weights(x), round_weights(y)
        m, n = mean(x), mean(y)
        spread = mean(x * x) - m * m + mean(y * y) - n * n
        similarity = (2 * (mean(x * y) - m * n) + 9e-4) / (spread + 9e-4)
        if scale == 4:
            similarity = similarity * (2 * m * n + 1e-4) / (m * m + n * n + 1e-4)
        value *= max(similarity.mean(), 0) ** weight
    return value


@pytest.mark.parametrize("size", [(161, 173), (176, 187)])
def test_odd_sides_repeat_their_last_row_and_column(size):
    x, y = pair(*size)
    expected = [
        np.mean([by_planes(a.numpy(), b.numpy()) for a, b in zip(p, q, strict=True)])
        for p, q in zip(x, y, strict=True)
    ]
    np.testing.assert_allclose(compute_ms_ssim(x, y), expected, rtol=0, atol=1e-10)


def test_the_truth_is_one_and_a_negative_is_zero():
    _, y = pair(161, 161)
    torch.testing.assert_close(compute_ms_ssim(y, y), torch.ones(2).double(), rtol=0, atol=1e-12)
    assert (compute_ms_ssim(1 - y, y) == 0).all()


def test_a_side_too_short_for_five_scales_is_refused():
    x, y = pair(SMALLEST, 200)
    assert SMALLEST == 161
    assert compute_ms_ssim(x, y).shape == (2,)
    with pytest.raises(UserError, match="161 pixels or more a side"):
        compute_ms_ssim(x, y, crop=1)
