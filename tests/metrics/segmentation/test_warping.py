"""Warping: by hand, and against a warp that counts all objects and holes before every step."""

import numpy as np
import pytest
import torch
from scipy.ndimage import label

from immersion.check import NonFinite, UserError
from immersion.metrics.segmentation.warping import (
    RING,
    compute_split_and_merge_error,
    compute_warping_error,
    find_simple_points,
    warp,
)


def topology(interior):
    """How many objects (4-connected) and how many pieces of border (8-connected, with a frame)."""
    return label(interior)[1], label(~np.pad(interior, 1), np.ones((3, 3)))[1]


def pictures(seed=0, batch=4, size=14):
    random = np.random.default_rng(seed)
    truth = random.random((batch, size, size)) < 0.6
    probability = np.clip(truth + 0.6 * random.standard_normal(truth.shape), 0, 1)
    return torch.from_numpy(probability), torch.from_numpy(truth)


def warped_by_counting(probability, truth, threshold=0.5):
    """One picture: flip where neither the objects nor the pieces of border change in number."""
    shape, goal = truth.copy(), probability > threshold
    while True:
        wrong = [
            (-abs(probability[i, j] - threshold), j, i)
            for i, j in zip(*(shape != goal).nonzero(), strict=True)
        ]
        flipped = 0
        for _, j, i in sorted(wrong):
            before = topology(shape)
            shape[i, j] ^= True
            if topology(shape) == before:
                flipped += 1
            else:
                shape[i, j] ^= True
        if not flipped:
            return shape


def test_a_point_is_simple_where_flipping_it_changes_no_count():
    random = np.random.default_rng(0)
    seen = set()
    for _ in range(40):
        interior = random.random((8, 8)) < 0.5
        for i, j in inside(8):
            code = sum(int(interior[i + r, j + c]) << bit for bit, (r, c) in enumerate(RING))
            flipped = interior.copy()
            flipped[i, j] ^= True
            assert find_simple_points()[code] == (topology(flipped) == topology(interior))
            seen.add(code)
    assert len(seen) > 240


def inside(size):
    return [(i, j) for i in range(1, size - 1) for j in range(1, size - 1)]


def test_the_warp_is_that_of_counting_everything():
    probability, truth = pictures()
    expected = [
        warped_by_counting(p.numpy(), t.numpy()) for p, t in zip(probability, truth, strict=True)
    ]
    found = warp(probability, truth)
    np.testing.assert_array_equal(found, expected)
    for shape, t in zip(found, truth, strict=True):
        assert topology(shape.numpy()) == topology(t.numpy())
    wrong = (np.array(expected) != (probability > 0.5).numpy()).mean((1, 2))
    np.testing.assert_allclose(compute_warping_error(probability, truth), wrong, atol=1e-15)
    assert (compute_warping_error(probability, truth) > 0).all()
    assert not torch.equal(found, truth)


def two_objects(height=6, width=11):
    truth = torch.ones(1, height, width).bool()
    truth[:, :, width // 2] = False
    return truth


def test_a_border_that_moved_past_itself_is_an_error():
    """Only wrong pixels flip: the old border stays, the new one stops a pixel short."""
    truth = two_objects()
    assert compute_warping_error(truth.roll(3, 2).double(), truth).item() == pytest.approx(7 / 66)


def test_a_border_that_moved_or_widened_is_no_error():
    truth = two_objects()
    for shift in (-1, 1):
        moved = truth.roll(shift, 2)
        assert compute_warping_error(moved.double(), truth).item() == 0
        assert torch.equal(warp(moved.double(), truth), moved)
    wide = truth & truth.roll(1, 2) & truth.roll(-1, 2)
    assert compute_warping_error(wide.double(), truth).item() == 0
    assert compute_warping_error(truth.double(), wide).item() == 0


@pytest.mark.parametrize("width", [1, 3])
def test_a_gap_in_a_border_costs_one_pixel_however_wide_the_border(width):
    truth = two_objects()
    for extra in range(width // 2 + 1):
        truth &= two_objects().roll(extra, 2) & two_objects().roll(-extra, 2)
    broken = truth.double()
    broken[:, 3] = 1
    assert compute_warping_error(broken, truth).item() == pytest.approx(1 / 66)
    assert compute_split_and_merge_error(broken, truth).item() == pytest.approx(1 / 66)


def test_a_cut_through_an_object_costs_the_pixel_that_completes_it():
    truth = torch.ones(1, 9, 9).bool()
    cut = truth.double()
    cut[:, :, 4] = 0
    assert compute_warping_error(cut, truth).item() == pytest.approx(1 / 81)
    assert compute_split_and_merge_error(cut, truth).item() == pytest.approx(1 / 81)
    cut[:, 8, 4] = 1  # a bay alone
    assert compute_warping_error(cut, truth).item() == 0


def test_objects_and_holes_that_come_or_go_are_errors_but_neither_splits_nor_merges():
    truth = two_objects()
    island = torch.zeros(1, 9, 9).bool()
    island[:, 4, 4] = True
    ring = ~island
    for before, after in (
        (island | two_blocks(), two_blocks()),
        (two_blocks(), island | two_blocks()),
    ):
        assert compute_warping_error(after.double(), before).item() == pytest.approx(1 / 81)
        assert compute_split_and_merge_error(after.double(), before).item() == 0
    whole = torch.ones(1, 9, 9).bool()
    for before, after in ((ring, whole), (whole, ring)):
        assert compute_warping_error(after.double(), before).item() == pytest.approx(1 / 81)
        assert compute_split_and_merge_error(after.double(), before).item() == 0
    assert compute_warping_error(truth.double(), truth).item() == 0


def two_blocks():
    blocks = torch.zeros(1, 9, 9).bool()
    blocks[:, :, :2] = blocks[:, :, 7:] = True
    return blocks


def test_the_surest_pixels_are_flipped_first():
    truth = torch.ones(1, 3, 5).bool()
    cut = torch.ones(1, 3, 5).double()
    cut[0, :, 2] = torch.tensor([0.3, 0.2, 0.1])  # from below: the unsure end is left
    expected = truth.clone()
    expected[0, 1:, 2] = False
    assert torch.equal(warp(cut, truth), expected)
    cut[0, :, 2] = torch.tensor([0.1, 0.2, 0.3])
    expected = truth.clone()
    expected[0, :2, 2] = False
    assert torch.equal(warp(cut, truth), expected)


def test_the_threshold_itself_is_border_and_can_be_chosen():
    truth = two_objects()
    probability = 0.4 + 0.3 * truth.double()
    assert compute_warping_error(probability, truth).item() == 0
    assert compute_warping_error(probability, truth, threshold=0.4).item() == 0
    assert compute_warping_error(probability, truth, threshold=0.39).item() > 0


def test_pixels_outside_the_mask_neither_move_nor_count():
    truth = two_objects()
    moved, mask = truth.roll(1, 2), torch.ones_like(truth)
    mask[:, :, 6:] = False
    shape = warp(moved.double(), truth, mask=mask)
    assert torch.equal(shape[:, :, 6:], truth[:, :, 6:])
    assert compute_warping_error(moved.double(), truth, mask=mask).item() > 0
    assert compute_warping_error(moved.double(), truth, mask=torch.zeros_like(mask)).item() == 0
    with pytest.raises(NonFinite, match="1 of 1"):
        compute_warping_error(torch.full((1, 6, 11), float("nan")), truth)
    with pytest.raises(UserError, match="mask does not fit"):
        compute_warping_error(moved.double(), truth, mask=mask[:, :1])


def test_a_split_is_seen_within_twenty_pixels():
    """A ring that is cut once is no split; where its far side is out of sight it counts as one."""
    for size, expected in ((21, 0), (61, 1)):
        truth = torch.zeros(1, size, size).bool()
        truth[:, 2:-2, 2:-2] = True
        truth[:, 3:-3, 3:-3] = False
        cut = truth.double()
        cut[0, 2, size // 2] = 0
        assert compute_warping_error(cut, truth).item() * size**2 == pytest.approx(1)
        assert compute_split_and_merge_error(cut, truth).item() * size**2 == pytest.approx(
            expected
        )
