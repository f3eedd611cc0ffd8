"""The Rand score and the pixel error: pair by pair, by hand, and against scikit-image."""

import itertools

import numpy as np
import pytest
import torch

from immersion.check import UserError
from immersion.metrics.segmentation.objects import (
    compute_pixel_error,
    compute_rand_error,
    count_pairs,
    count_pixels,
)
from immersion.metrics.segmentation.scores import compute_f_score, estimate_pooled


def masks(seed=0, batch=3, size=9, share=0.7):
    random = np.random.default_rng(seed)
    truth = random.random((batch, size, size)) < share
    predicted = np.where(random.random(truth.shape) < 0.1, ~truth, truth)
    return torch.from_numpy(predicted), torch.from_numpy(truth)


def flooded(interior):
    """One picture's objects by filling from pixel to pixel, (H, W) of numbers from 1."""
    numbers, found = np.zeros(interior.shape, dtype=int), 0
    for start in zip(*interior.nonzero(), strict=True):
        if numbers[start]:
            continue
        found += 1
        queue = [start]
        while queue:
            i, j = queue.pop()
            inside = 0 <= i < interior.shape[0] and 0 <= j < interior.shape[1]
            if inside and interior[i, j] and not numbers[i, j]:
                numbers[i, j] = found
                queue += [(i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)]
    return numbers


def pair_by_pair(predicted, truth, with_itself):
    found, true = flooded(predicted), flooded(truth)
    pixels = list(zip(*truth.nonzero(), strict=True))
    counts = [0, 0, 0]
    for a, b in itertools.product(pixels, pixels):
        if a == b and not with_itself:
            continue
        together = a == b or (found[a] == found[b] != 0)
        belong = true[a] == true[b]
        counts = [
            c + k for c, k in zip(counts, (together and belong, together, belong), strict=True)
        ]
    return counts


@pytest.mark.parametrize("with_itself", [True, False])
def test_it_counts_every_pair(with_itself):
    predicted, truth = masks()
    expected = [
        pair_by_pair(p.numpy(), t.numpy(), with_itself)
        for p, t in zip(predicted, truth, strict=True)
    ]
    assert count_pairs(predicted, truth, with_itself).tolist() == expected
    f = [2 * both / (found + true) for both, found, true in expected]
    np.testing.assert_allclose(
        compute_rand_error(predicted, truth, with_itself), 1 - np.array(f), atol=1e-12
    )


def test_it_agrees_with_scikit_image():
    """Which has one object of all predicted borders, so that these are numbered apart for it."""
    metrics = pytest.importorskip("skimage.metrics")
    predicted, truth = masks(1, batch=8, size=40, share=0.6)
    expected = []
    for p, t in zip(predicted.numpy(), truth.numpy(), strict=True):
        found = flooded(p)
        border = found == 0
        found[border] = found.max() + 1 + np.arange(border.sum())
        expected.append(metrics.adapted_rand_error(flooded(t), found)[0])
    found = compute_rand_error(predicted, truth, with_itself=False)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert 0.05 < found.min() < found.max() < 0.95


def two_squares():
    truth = torch.ones(1, 4, 9).bool()
    truth[:, :, 4] = False
    return truth


def test_a_merger_a_split_and_a_wide_border_by_hand():
    truth = two_squares()  # two objects of 16 pixels
    assert compute_rand_error(truth, truth).item() == 0
    merged = torch.ones_like(truth)
    assert compute_rand_error(merged, truth).item() == pytest.approx(1 - 2 * 512 / (32**2 + 512))
    split = truth.clone()
    split[:, :, 1] = False  # 4 + 4 alone + 8, and 16
    both = 4**2 + 4 + 8**2 + 16**2
    assert compute_rand_error(split, truth).item() == pytest.approx(1 - 2 * both / (both + 512))
    none = torch.zeros_like(truth)
    assert compute_rand_error(none, truth).item() == pytest.approx(1 - 2 * 32 / (32 + 512))
    assert compute_rand_error(none, truth, with_itself=False).item() == 1


def test_what_is_predicted_on_true_borders_does_not_count():
    truth = two_squares()
    predicted = truth.clone()
    predicted[:, 0, 4] = True  # joins the objects: a merger, though the pixel itself is left out
    found = count_pairs(predicted, truth).tolist()
    assert found == [[512, 32**2, 512]]


def test_diagonal_neighbours_are_apart():
    truth = torch.eye(4).bool()[None]
    assert count_pairs(truth, truth).tolist() == [[4, 4, 4]]


def test_slices_are_pooled_by_their_counts():
    predicted, truth = masks(2, batch=5, size=20)
    counts = count_pairs(predicted, truth, with_itself=False)
    estimate = estimate_pooled(counts, compute_f_score, "share")
    assert estimate.value == pytest.approx(
        compute_f_score(counts.sum(0).double()).item(), abs=1e-12
    )
    assert estimate.standard_error > 0


def test_pixel_error_is_the_share_that_differs():
    predicted, truth = masks(3)
    expected = (predicted != truth).double().mean((1, 2))
    torch.testing.assert_close(compute_pixel_error(predicted, truth), expected, rtol=0, atol=1e-15)
    both = (predicted & truth).sum((1, 2))
    assert count_pixels(predicted, truth)[:, 0].tolist() == both.tolist()
    precision, recall = both / predicted.sum((1, 2)), both / truth.sum((1, 2))
    expected = 2 * precision * recall / (precision + recall)
    torch.testing.assert_close(compute_f_score(count_pixels(predicted, truth)), expected)


def test_what_is_no_mask_is_refused():
    predicted, truth = masks()
    with pytest.raises(UserError, match="cannot be compared"):
        compute_rand_error(predicted[:1], truth)
    with pytest.raises(UserError, match="compare with a threshold"):
        compute_rand_error(predicted.float(), truth)
    with pytest.raises(UserError, match="compare with a threshold"):
        compute_rand_error(predicted, 255 * truth.byte())
    with pytest.raises(UserError, match="no interior"):
        compute_pixel_error(predicted, torch.zeros_like(truth))
