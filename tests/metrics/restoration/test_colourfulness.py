"""Colourfulness and PSNR of chroma against sums written out by hand."""

import math

import numpy as np
import pytest
import torch

from immersion.check import UserError
from immersion.metrics.restoration.colourfulness import (
    compute_colourfulness,
    compute_colourfulness_error,
    compute_psnr_ab,
)


def pictures(seed=0, batch=4):
    return torch.from_numpy(np.random.default_rng(seed).random((batch, 3, 7, 9)))


def by_hand(x):
    """One picture, (3, H, W), as the paper writes it."""
    r, g, b = 255 * x
    rg, yb = r - g, 0.5 * (r + g) - b
    return math.hypot(np.std(rg), np.std(yb)) + 0.3 * math.hypot(np.mean(rg), np.mean(yb))


def test_it_is_the_papers_formula():
    x = pictures()
    np.testing.assert_allclose(
        compute_colourfulness(x), [by_hand(p.numpy()) for p in x], atol=1e-10
    )


def test_one_red_one_green_and_one_blue_pixel():
    x = torch.eye(3).reshape(1, 3, 1, 3)
    # rg = 255 (1, -1, 0), yb = 255 (1/2, 1/2, -1): means 0, variances 255^2 (2/3, 1/2).
    assert compute_colourfulness(x).item() == pytest.approx(255 * math.sqrt(2 / 3 + 1 / 2))


def test_grey_has_none_and_is_as_far_from_the_truth_as_the_truth_is_colourful():
    y = pictures()
    grey = y.mean(1, keepdim=True).expand_as(y)
    torch.testing.assert_close(
        compute_colourfulness(grey), torch.zeros(4).double(), atol=1e-10, rtol=0
    )
    torch.testing.assert_close(compute_colourfulness_error(grey, y), compute_colourfulness(y))
    torch.testing.assert_close(compute_colourfulness_error(y, grey), compute_colourfulness(y))


def test_chroma_is_measured_without_lightness():
    y = 100 * pictures()
    x = y.clone()
    x[:, 1] += 3
    x[:, 2] -= 4
    expected = 10 * math.log10(255**2 / ((9 + 16) / 2))
    torch.testing.assert_close(compute_psnr_ab(x, y), torch.full((4,), expected).double())
    x[:, 0] += 50
    torch.testing.assert_close(compute_psnr_ab(x, y), torch.full((4,), expected).double())
    assert compute_psnr_ab(y, y).isposinf().all()


def test_pictures_that_are_not_in_colour_or_not_in_range_are_refused():
    x = pictures()
    with pytest.raises(UserError, match="of colours"):
        compute_colourfulness(x[:, :1])
    with pytest.raises(UserError, match="divide 8-bit levels by 255"):
        compute_colourfulness(255 * x)
    with pytest.raises(UserError, match="three channels"):
        compute_psnr_ab(x[:, :2], x[:, :2])
    with pytest.raises(UserError, match="cannot be compared"):
        compute_colourfulness_error(x[:1], x)
