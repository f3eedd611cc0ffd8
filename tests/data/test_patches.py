"""Patches of whole pictures: every part can be met, and a still split is the same every time."""

import numpy as np
import pytest
import torch
from PIL import Image

from immersion.check import UserError
from immersion.data.catalogue import describe_all
from immersion.data.patches import PatchSplit
from immersion.data.restoration import load_pictures
from immersion.data.restoration_sets import PICTURE_SETS
from immersion.data.segmentation_sets import SEGMENTATION_SETS, read_splits
from immersion.imaging.orientation import rotate_and_flip
from immersion.random import use_seed


def numbered(height: int, width: int, channels: int = 1) -> torch.Tensor:
    """A picture whose pixels are all different, where there are fewer than 256."""
    return torch.arange(channels * height * width).view(channels, height, width).byte()


def test_a_still_split_is_the_grid_of_its_pictures():
    pictures = (numbered(6, 9), numbered(4, 5))
    split = PatchSplit(pictures, side=3, still=True)
    x, y = split.batch(torch.arange(len(split)))
    assert len(split) == 6 + 1 and y is None
    assert torch.equal(x[0], pictures[0][:, :3, :3] / 255)
    assert torch.equal(x[5], pictures[0][:, 3:6, 6:9] / 255)
    assert torch.equal(x[6], pictures[1][:, :3, :3] / 255)


def test_every_place_and_every_turn_is_drawn():
    split = PatchSplit((numbered(4, 5),), side=3)
    with use_seed(0, "patches"):
        x, _ = split.batch(torch.zeros(2000, dtype=torch.int64))
    found = {tuple(patch.mul(255).round().int().flatten().tolist()) for patch in x}
    places = [(top, left) for top in range(2) for left in range(3)]
    whole = numbered(4, 5)
    expected = {
        tuple(rotate_and_flip(whole[:, t : t + 3, left : left + 3], turn).int().flatten().tolist())
        for t, left in places
        for turn in range(8)
    }
    assert found == expected and len(expected) == 48


def test_masks_are_cut_and_turned_as_their_pictures_are():
    picture = numbered(12, 14)
    split = PatchSplit((picture,), side=5, masks=(picture[0],))
    x, y = split.batch(torch.zeros(50, dtype=torch.int64))
    assert y.dtype == torch.int64 and torch.equal((x[:, 0] * 255).round().long(), y)


def test_the_same_seed_draws_the_same_patches():
    split = PatchSplit((numbered(12, 14),), side=5)
    drawn = []
    for _ in range(2):
        with use_seed(3, "patches"):
            drawn.append(split.batch(torch.zeros(9, dtype=torch.int64))[0])
    assert torch.equal(*drawn)


def photographs(folder, sizes, grey=False):
    """Write pictures of random levels; return the folder."""
    draw = np.random.default_rng(0)
    folder.mkdir()
    for number, (height, width) in enumerate(sizes):
        shape = (height, width) if grey else (height, width, 3)
        Image.fromarray(draw.integers(0, 256, shape, dtype=np.uint8)).save(
            folder / f"{number:02}.png"
        )
    return folder


def test_a_folder_is_read_without_resizing(tmp_path):
    folder = photographs(tmp_path / "photos", [(60, 70), (50, 90), (64, 64), (48, 48)])
    data = load_pictures(folder)
    assert data.spec.shape == (3, 48, 48) and data.spec.values == "unit"
    held = [*data.train.pictures, *data.validation.pictures, *data.test.pictures]
    assert sorted(tuple(p.shape[1:]) for p in held) == [(48, 48), (50, 90), (60, 70), (64, 64)]
    assert data.validation.still and not data.train.still
    first = np.asarray(Image.open(folder / "00.png"))
    assert any(np.array_equal(p.permute(1, 2, 0), first) for p in held if p.shape[1] == 60)
    assert "4 pictures" in data.note


def test_grey_pictures_have_one_channel_and_small_ones_small_patches(tmp_path):
    folder = photographs(tmp_path / "grey", [(20, 30), (40, 25), (33, 33)], grey=True)
    assert load_pictures(folder).spec.shape == (1, 20, 20)
    assert load_pictures(folder, 16).spec.shape == (1, 16, 16)
    with pytest.raises(UserError, match=r"00\.png is smaller than a patch.*--size 20"):
        load_pictures(folder, 24)


def test_too_much_for_the_memory_is_cut_to_its_middle(tmp_path, monkeypatch):
    folder = photographs(tmp_path / "large", [(40, 60), (40, 60), (40, 60)])
    monkeypatch.setattr("immersion.data.restoration.BUDGET", 3 * 3 * 20 * 30)
    data = load_pictures(folder)
    assert data.train.pictures[0].shape == (3, 20, 30) and "middle 50%" in data.note


def test_tables_are_no_pictures():
    with pytest.raises(UserError, match="image to image is for pictures"):
        load_pictures("ring")


def test_named_sets_of_equal_images_are_pictures_too():
    data = load_pictures("digits")
    x, _ = data.train.batch(torch.arange(3))
    assert x.shape == (3, 1, 8, 8) and data.spec.classes == ()


@pytest.mark.parametrize("name", PICTURE_SETS)
def test_named_sets_are_those_that_are_published(name):
    known = PICTURE_SETS[name]
    try:
        data = load_pictures(name)
    except UserError as error:
        pytest.skip(str(error))
    splits = (data.train, data.validation, data.test)
    assert tuple(len(split.pictures) for split in splits) == known.examples
    assert data.spec.shape[0] == (1 if known.grey else 3)


def test_files_that_are_others_are_refused(tmp_path, monkeypatch):
    (tmp_path / "restoration").mkdir()
    photographs(tmp_path / "restoration" / "Set12", [(50, 50)] * 12, grey=True)
    monkeypatch.setenv("IMMERSION_DATA", str(tmp_path))
    with pytest.raises(UserError, match="set12 are not those of the public set"):
        load_pictures("set12")


def test_every_set_of_pictures_is_listed_without_being_read(monkeypatch):
    monkeypatch.setattr("immersion.data.image_files.open_image", None)
    rows = {row["name"]: row for row in describe_all()}
    for name in (*PICTURE_SETS, *SEGMENTATION_SETS):
        assert rows[name]["description"] and rows[name]["licence"] and rows[name]["place"]
        assert rows[name]["shape"][0] in (1, 3)


@pytest.mark.parametrize("name", SEGMENTATION_SETS)
def test_masked_sets_are_as_large_as_is_said(name):
    known = SEGMENTATION_SETS[name]
    try:
        splits = read_splits(known)
    except UserError as error:
        pytest.skip(str(error))
    assert tuple(map(len, splits)) == known.examples
