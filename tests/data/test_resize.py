"""A named set's images at another size."""

import pytest
import torch

from immersion.check import UserError
from immersion.data import load
from immersion.data.transforms import crop_and_resize


def test_digits_come_at_the_size_asked_for_in_all_splits():
    data = load("digits", size=6)
    assert data.spec.shape == (1, 6, 6)
    for split in (data.train, data.validation, data.test):
        x, _ = split.batch(torch.arange(3))
        assert x.shape == (3, 1, 6, 6) and x.min() >= 0 and x.max() <= 1


def test_the_middle_square_is_kept_and_levels_stay_levels():
    x = torch.zeros(2, 1, 8, 12, dtype=torch.uint8)
    x[..., 2:10] = 200  # the middle square, and nothing else
    assert torch.equal(crop_and_resize(x, 4), torch.full((2, 1, 4, 4), 200, dtype=torch.uint8))
    assert torch.equal(crop_and_resize(x, 8), x[..., 2:10])  # at its own size a square is itself


def test_what_is_no_image_has_no_size():
    with pytest.raises(UserError, match="--size is for images"):
        load("ring", size=8)
