"""A user's folder of images: every kind of file, and every kind of mistake."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from immersion.check import UserError
from immersion.commands.evaluate import evaluate
from immersion.commands.train import train
from immersion.data import load
from immersion.data.image_files import decode, read_header
from immersion.engine import Options
from immersion.run_folder import RunFolder

PARTS = ("train", "validation", "test")


def grey(value, size=(20, 16)):
    return Image.fromarray(np.full((size[1], size[0]), value, np.uint8))


def fill(folder, count=10, **options):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        grey(10 * i + 5, **options).save(folder / f"{i:02}.png")


def sorted_levels(data):
    return sorted(int(x.flatten()[0]) for part in PARTS for x in getattr(data, part).x)


@pytest.mark.parametrize("resident", [True, False])
def test_grey_images_of_one_size_keep_it(tmp_path, resident):
    fill(tmp_path, 20)
    data = load(tmp_path, resident=resident)
    assert data.spec.shape == (1, 16, 20)
    assert data.spec.name == tmp_path.name
    assert data.train.resident is resident
    assert [len(getattr(data, part)) for part in PARTS] == [16, 2, 2]
    x = torch.cat([split.batch(torch.arange(len(split)))[0] for split in (data.train, data.test)])
    levels = (x * 255).round()
    assert (levels == levels[:, :, :1, :1]).all()
    assert len(levels[:, 0, 0, 0].unique()) == 18
    (name, checksum), *more = data.checksums.items()
    assert not more
    assert checksum.startswith("sha256:")
    assert ("times" in name) is not resident


def test_streamed_and_resident_are_the_same_examples(tmp_path):
    for k, name in enumerate(("cats", "dogs")):
        fill(tmp_path / name, 8 + k)
    memory, files = load(tmp_path), load(tmp_path, resident=False)
    for part in PARTS:
        indices = torch.randperm(len(getattr(memory, part)))
        x, y = getattr(memory, part).batch(indices)
        other_x, other_y = getattr(files, part).batch(indices)
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)


def test_a_folder_called_like_a_data_set_is_not_taken_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(tmp_path / "grid")
    assert load("./grid").spec.name == "./grid" and load("grid").spec.shape == (2,)
    few = Options(steps=2, batch_size=8)
    for source, recorded in (("grid", "grid"), ("./grid", "./grid")):
        run = train("gan", data=source, out=tmp_path / f"run{len(source)}", options=few)["run"]
        assert RunFolder(run).record().data.source == recorded
        assert "modes" not in evaluate(Path(run))["estimates"] or source == "grid"


def test_subfolders_are_classes_in_order_of_their_names(tmp_path):
    for k, name in enumerate(("zebra", "ant", "bee")):
        (tmp_path / name / "deep").mkdir(parents=True)
        for i in range(6):
            grey(100 * k).save(tmp_path / name / "deep" / f"{i}.png")
    data = load(tmp_path)
    assert data.spec.classes == ("ant", "bee", "zebra")
    level = {0: 100, 1: 200, 2: 0}
    for part in PARTS:
        split = getattr(data, part)
        assert all(split.x[i].unique() == level[int(split.y[i])] for i in range(len(split)))


def test_unlike_sizes_become_64_and_the_note_says_so(tmp_path):
    fill(tmp_path, 4)
    grey(0, size=(300, 200)).save(tmp_path / "large.jpg")
    data = load(tmp_path)
    assert data.spec.shape == (1, 64, 64)
    assert "64 x 64" in data.note
    assert load(tmp_path, size=24).spec.shape == (1, 24, 24)
    with pytest.raises(UserError, match="size"):
        load(tmp_path, size=0)


@pytest.mark.parametrize("resident", [True, False])
def test_images_that_were_enlarged_are_counted(tmp_path, resident):
    fill(tmp_path, 4)
    for number, size in enumerate([(300, 15), (15, 300), (24, 24), (25, 24)]):
        grey(0, size=size).save(tmp_path / f"{number}.bmp")
    note = "(6 of them, which are smaller, were enlarged)"
    assert note in load(tmp_path, size=24, resident=resident).note
    assert "were enlarged" not in load(tmp_path, size=15, resident=resident).note
    assert "2 of them" in load(tmp_path, size=16, resident=resident).note


@pytest.mark.parametrize(("size", "shape"), [((129, 129), 64), ((7, 7), 64), ((128, 8), None)])
def test_which_sizes_are_kept(tmp_path, size, shape):
    fill(tmp_path, 3, size=size)
    expected = (1, shape, shape) if shape else (1, size[1], size[0])
    assert load(tmp_path).spec.shape == expected


def test_the_square_is_the_centre(tmp_path):
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 200
    Image.fromarray(wide).save(tmp_path / "wide.png")
    x = decode(tmp_path / "wide.png", (1, 10, 10))
    assert (x == 200).all()


def test_one_colour_image_makes_three_channels(tmp_path):
    fill(tmp_path, 4)
    Image.new("RGB", (20, 16), (255, 128, 0)).save(tmp_path / "z.webp", lossless=True)
    data = load(tmp_path)
    assert data.spec.shape == (3, 16, 20)
    x = torch.cat([getattr(data, part).x for part in PARTS])
    assert [255, 128, 0] in x[:, :, 0, 0].tolist()
    assert [5, 5, 5] in x[:, :, 0, 0].tolist()


def test_sixteen_bits_are_scaled_to_eight(tmp_path):
    levels = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    for suffix in ("tif", "png"):
        path = tmp_path / f"deep.{suffix}"
        Image.fromarray(levels).save(path)
        assert read_header(path).grey
        assert torch.equal(decode(path, (1, 16, 16)).flatten(), torch.arange(256).byte())


def test_floats_are_levels_only_within_0_and_1(tmp_path):
    path = tmp_path / "float.tif"
    Image.fromarray(np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)).save(path)
    assert torch.equal(decode(path, (1, 16, 16)).flatten(), torch.arange(256).byte())
    Image.fromarray(np.linspace(0, 90, 256, dtype=np.float32).reshape(16, 16)).save(path)
    with pytest.raises(UserError, match=r"float\.tif.*0 to 90"):
        decode(path, (1, 16, 16))


def test_what_is_transparent_shows_white(tmp_path):
    path = tmp_path / "alpha.png"
    Image.new("RGBA", (8, 8), (100, 0, 0, 0)).save(path)
    assert (decode(path, (3, 8, 8)) == 255).all()
    Image.new("LA", (8, 8), (100, 255)).save(path)
    assert read_header(path).grey
    assert (decode(path, (1, 8, 8)) == 100).all()


def test_palettes(tmp_path):
    path = tmp_path / "palette.gif"
    Image.new("RGB", (8, 8), (10, 200, 30)).quantize(4).save(path)
    assert not read_header(path).grey
    assert decode(path, (3, 8, 8))[:, 0, 0].tolist() == [10, 200, 30]
    Image.fromarray(np.tile(np.arange(8, dtype=np.uint8) * 30, (8, 1))).save(path)
    assert read_header(path).grey
    assert decode(path, (1, 8, 8))[0, 0].tolist() == list(range(0, 240, 30))


def test_one_bit_and_cmyk(tmp_path):
    Image.new("1", (8, 8), 1).save(tmp_path / "one.bmp")
    assert read_header(tmp_path / "one.bmp").grey
    assert (decode(tmp_path / "one.bmp", (1, 8, 8)) == 255).all()
    Image.new("CMYK", (8, 8), (0, 0, 0, 0)).save(tmp_path / "print.tif")
    assert (decode(tmp_path / "print.tif", (3, 8, 8)) == 255).all()


def test_orientation_is_honoured(tmp_path):
    picture = np.zeros((8, 16), np.uint8)
    picture[:, :8] = 255  # the left half is white
    turned = Image.fromarray(picture)
    exif = turned.getexif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise: white is on top
    turned.save(tmp_path / "phone.png", exif=exif)
    assert read_header(tmp_path / "phone.png")[:2] == (16, 8)
    x = decode(tmp_path / "phone.png", (1, 16, 8))
    assert (x[0, :8] == 255).all()
    assert (x[0, 8:] == 0).all()


@pytest.mark.parametrize("resident", [True, False])
def test_a_damaged_image_is_named(tmp_path, resident):
    fill(tmp_path, 6, size=(64, 64))
    random = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(random).save(tmp_path / "cut.png")
    content = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"cut\.png cannot be read"):
        data = load(tmp_path, resident=resident)
        for part in PARTS:
            split = getattr(data, part)
            split.batch(torch.arange(len(split)))
    (tmp_path / "cut.png").write_bytes(b"this is a letter")
    with pytest.raises(UserError, match=r"cut\.png cannot be read"):
        load(tmp_path, resident=resident)


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    fill(tmp_path, 4)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UserError, match=r"00\.png is too large: expected at most 200 pixels"):
        load(tmp_path)


def test_too_few_images(tmp_path):
    with pytest.raises(UserError, match="at least 3"):
        load(tmp_path)
    fill(tmp_path, 2)
    with pytest.raises(UserError, match="received 2 among 2 files"):
        load(tmp_path)
    fill(tmp_path, 3)
    data = load(tmp_path)
    assert [len(getattr(data, part)) for part in PARTS] == [1, 1, 1]


def test_other_and_hidden_files_are_left_out_and_counted(tmp_path):
    fill(tmp_path, 5)
    (tmp_path / "notes.txt").write_text("holiday")
    (tmp_path / ".hidden.png").write_text("not an image")
    data = load(tmp_path)
    assert "1 other files were left out" in data.note
    assert sorted_levels(data) == [5, 15, 25, 35, 45]


def test_images_beside_subfolders_are_refused(tmp_path):
    fill(tmp_path, 3)
    fill(tmp_path / "more", 3)
    with pytest.raises(UserError, match="both"):
        load(tmp_path)


def test_the_checksum_is_of_names_and_bytes(tmp_path):
    fill(tmp_path / "a", 4)
    first = load(tmp_path / "a").checksums
    assert load(tmp_path / "a").checksums == first
    grey(99).save(tmp_path / "a" / "03.png")
    second = load(tmp_path / "a").checksums
    assert second != first
    (tmp_path / "a" / "03.png").rename(tmp_path / "a" / "04.png")
    assert load(tmp_path / "a").checksums != second


def test_the_split_does_not_depend_on_where_the_folder_lies(tmp_path):
    fill(tmp_path / "a", 20)
    fill(tmp_path / "b", 20)
    assert torch.equal(load(tmp_path / "a").train.x, load(tmp_path / "b").train.x)
    assert sorted_levels(load(tmp_path / "a")) == list(range(5, 205, 10))


def test_the_budget_decides_what_is_resident(tmp_path, monkeypatch):
    fill(tmp_path, 6)
    monkeypatch.setattr("immersion.data.image_folder.BUDGET", 6 * 16 * 20)
    assert load(tmp_path).train.resident
    monkeypatch.setattr("immersion.data.image_folder.BUDGET", 6 * 16 * 20 - 1)
    assert not load(tmp_path).train.resident
