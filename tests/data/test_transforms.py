"""Binarization, in memory and from files, and images at another size."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from immersion.check import UserError
from immersion.data import binarize, load
from immersion.data.transforms import crop_and_resize


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    for i in range(12):
        Image.fromarray(random.integers(0, 256, (16, 16), dtype=np.uint8)).save(
            tmp_path / f"{i}.png"
        )
    return tmp_path


def everything(split):
    return split.batch(torch.arange(len(split)))[0]


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("how", ["dynamic", "static", "threshold"])
def test_values_are_0_and_1_and_spec_says_so(folder, how, resident):
    data = load(folder, binarize=how, resident=resident)
    assert data.spec.values == "binary"
    assert how in data.note
    for split in (data.train, data.validation, data.test):
        assert set(everything(split).unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("resident", [True, False])
def test_dynamic_draws_have_the_levels_as_their_mean(folder, resident):
    levels = everything(load(folder).train)
    split = load(folder, binarize="dynamic", resident=resident).train
    torch.manual_seed(0)
    draws = torch.stack([everything(split) for _ in range(200)])
    error = (draws.mean(0) - levels) / (levels * (1 - levels) / 200).sqrt().clamp(min=1e-6)
    assert error.abs().max() < 6
    assert error.std().item() == pytest.approx(1, abs=0.1)
    torch.manual_seed(0)
    assert torch.equal(everything(split), draws[0])


def test_static_draw_is_one_and_the_same_however_it_is_read(folder):
    memory = load(folder, binarize="static").train
    files = load(folder, binarize="static", resident=False).train
    torch.manual_seed(3)
    x = everything(memory)
    assert torch.equal(x, everything(files))
    assert torch.equal(x[[5, 1]], files.batch(torch.tensor([5, 1]))[0])
    levels = everything(load(folder).train)
    assert (x - levels).mean().abs() < 0.05
    assert torch.equal(x[levels == 0], torch.zeros(int((levels == 0).sum())))
    assert torch.equal(x[levels == 1], torch.ones(int((levels == 1).sum())))


def test_static_draws_of_equal_examples_are_independent(tmp_path):
    """64 fair coins an example: no two of 1000 fall alike but with probability 3e-14."""
    np.save(tmp_path / "grey.npy", np.full((1000, 8, 8), 0.5))
    data = load(tmp_path / "grey.npy", binarize="static")
    x = torch.cat([data.train.x, data.validation.x, data.test.x]).flatten(1)
    assert len(x.unique(dim=0)) == 1000
    assert x.double().mean().item() == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(64_000))
    assert (x.double().T.corrcoef() - torch.eye(64)).abs().max() < 6 / math.sqrt(1000)


def test_threshold_is_above_one_half():
    data = load("digits")
    x = everything(binarize(data, "threshold").train)
    assert torch.equal(x, (data.train.x > 0.5).float())


def test_binary_data_stay_and_real_data_are_refused():
    data = load("sprites")
    assert binarize(data, "dynamic") is data
    with pytest.raises(UserError, match="ring cannot be binarized"):
        load("ring", binarize="static")
    with pytest.raises(UserError, match="way to binarize"):
        load("digits", binarize="sometimes")
    assert load("digits", binarize="none").spec.values == "unit"


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
