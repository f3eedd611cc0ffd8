"""Writing: what was read comes back bit for bit; half a picture is never left."""

import os
import signal
import struct
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from picture_files import PROFILE, exif, listed, noise, smooth, tags_of
from PIL import Image

from immersion.check import UserError
from immersion.image_io import Metadata, Picture, check_output, read, write
from immersion.image_io import write as writing  # noqa: F401

LOSSLESS = [(e, 8, b) for e in ("png", "tif", "tiff", "webp") for b in (1, 2, 3, 4)] + [
    (e, 16, b) for e in ("png", "tif") for b in (1, 2, 3, 4)
]


def picture(bands: int, depth: int, metadata: Metadata = Metadata()) -> Picture:
    """A picture of noise."""
    array = torch.from_numpy(noise(bands, depth)).reshape(20, 30, bands).permute(2, 0, 1)
    colours = bands if bands in (1, 3) else bands - 1
    return Picture(array[:colours], array[colours:] if bands in (2, 4) else None, metadata)


def same(a: Picture, b: Picture) -> bool:
    """Whether levels and alpha are equal."""
    alphas = a.alpha is b.alpha is None or torch.equal(a.alpha, b.alpha)
    return torch.equal(a.levels, b.levels) and alphas


@pytest.mark.parametrize(("ending", "depth", "bands"), LOSSLESS)
def test_levels_alpha_and_metadata_come_back_bit_for_bit(tmp_path, ending, depth, bands):
    profile = PROFILE if bands > 2 else b""
    text = (("Title", "Zo\u00eb"), ("a-b", "c")) if ending == "png" else ()
    told = Metadata(exif(), profile, b"<x:xmpmeta/>", text=text, resolution=(11.811, 5.906))
    original = picture(bands, depth, told)
    write(original, tmp_path / f"1.{ending}")
    first = read(tmp_path / f"1.{ending}")
    if ending == "webp" and bands < 3:  # which knows no grey
        assert torch.equal(first.levels, original.levels.repeat(3, 1, 1))
    else:
        assert same(first, original)
    assert first.metadata.profile == profile
    assert first.metadata.xmp == b"<x:xmpmeta/>"
    assert first.metadata.text == text
    assert first.metadata.orientation == 6
    if not ending.startswith("tif"):
        assert first.metadata.exif == exif()
    if ending != "webp":
        assert first.metadata.resolution == pytest.approx((11.811, 5.906), abs=1e-4)
    write(first, tmp_path / f"2.{ending}")
    second = read(tmp_path / f"2.{ending}")
    assert same(second, first)
    assert second.metadata == first.metadata


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tif"])
def test_every_tag_is_found_by_another_library(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    write(picture(3, 8, Metadata(exif())), path)
    tags = Image.Exif()
    tags.load(b"Exif\0\0" + exif())
    found = tags_of(path)
    assert {key: found.get(key) for key in listed(tags)} == listed(tags)
    with Image.open(path) as image:
        assert sorted(image.size) == [20, 30]  # of a TIFF it tells the size when turned
        image.load()


def test_the_tags_of_a_tiff_ascend_as_the_format_wants(tmp_path):
    write(picture(3, 16, Metadata(exif(), PROFILE)), tmp_path / "a.tif")
    content = (tmp_path / "a.tif").read_bytes()
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    tags = [struct.unpack_from("<H", content, start + 2 + 12 * k)[0] for k in range(count)]
    assert start % 2 == 0 and tags == sorted(set(tags))


def test_a_damaged_block_does_not_cost_the_picture(tmp_path):
    generator = np.random.default_rng(0)
    for k in range(100):
        block = bytearray(exif())
        block[generator.integers(4, 60)] ^= 1 << generator.integers(0, 8)
        told = Metadata(bytes(block[: generator.integers(8, len(block))]))
        assert told.orientation in range(1, 9)
        write(picture(3, 8, told), tmp_path / f"{k}.tif")
        assert same(read(tmp_path / f"{k}.tif"), picture(3, 8))


def test_tags_of_a_tiff_of_sixteen_bits_reach_a_png_and_come_back(tmp_path):
    write(picture(3, 16, Metadata(exif())), tmp_path / "1.tif")
    write(read(tmp_path / "1.tif"), tmp_path / "2.png")
    write(read(tmp_path / "2.png"), tmp_path / "3.tif")
    first, last = read(tmp_path / "1.tif"), read(tmp_path / "3.tif")
    assert last.metadata.exif == first.metadata.exif
    assert same(first, last)


def test_jpeg_keeps_the_metadata_and_nearly_the_levels(tmp_path):
    told = Metadata(exif(), PROFILE, b"<x:xmpmeta/>", resolution=(300 / 25.4, 300 / 25.4))
    original = Picture(torch.from_numpy(smooth()).permute(2, 0, 1), None, told)
    write(original, tmp_path / "a.jpeg")
    back = read(tmp_path / "a.jpeg")
    assert replace(back.metadata, resolution=told.resolution) == told
    assert back.metadata.resolution == pytest.approx(told.resolution, abs=1e-4)
    difference = back.levels.int() - original.levels.int()
    assert difference.float().square().mean().sqrt() < 2


def test_nothing_is_added_to_a_picture_without_metadata(tmp_path):
    for ending in ("png", "jpg", "webp", "tif"):
        write(picture(3, 8), tmp_path / f"a.{ending}")
        told = read(tmp_path / f"a.{ending}").metadata
        assert (told.exif, told.profile, told.xmp, told.text) == (b"", b"", b"", ())


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tif"])
def test_a_profile_for_other_channels_and_a_damaged_one_are_left_out(tmp_path, ending):
    grey, colour = picture(1, 8, Metadata(profile=PROFILE)), picture(3, 8)
    damaged = replace(colour, metadata=Metadata(profile=PROFILE[:-1]))
    for original in (grey, damaged):
        write(original, tmp_path / f"a.{ending}", overwrite=True)
        assert read(tmp_path / f"a.{ending}").metadata.profile == b""


def test_the_iptc_block_of_a_jpeg_stays_one(tmp_path):
    block = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x08\x1c\x02\x05\0\x03abc"
    write(picture(3, 8, Metadata(iptc=block)), tmp_path / "a.jpg")
    assert read(tmp_path / "a.jpg").metadata.iptc == block
    write(read(tmp_path / "a.jpg"), tmp_path / "a.tif")
    assert read(tmp_path / "a.tif").metadata.iptc == b""


@pytest.mark.parametrize(
    ("name", "bands", "depth", "sentence"),
    [
        ("a.jpg", 3, 16, "cannot hold the picture: expected 8 bits, received 16 bits; choose"),
        ("a.webp", 1, 16, "cannot hold the picture: expected 8 bits"),
        ("a.jpg", 4, 8, "cannot hold the picture: expected no alpha"),
        ("a.gif", 3, 8, r"format of .*a\.gif is not written"),
        ("a", 3, 8, "is not written"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path, name, bands, depth, sentence):
    for refused in (check_output, write):
        with pytest.raises(UserError, match=sentence):
            refused(picture(bands, depth), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_too_large_sides_and_blocks_are_refused(tmp_path):
    wide = Picture(torch.zeros(1, 1, 16384, dtype=torch.uint8))
    with pytest.raises(UserError, match="sides of at most 16,383 pixels"):
        write(wide, tmp_path / "a.webp")
    write(wide, tmp_path / "a.jpg")
    with pytest.raises(UserError, match="of EXIF"):
        write(picture(1, 8, Metadata(b"II*\0" + bytes(70_000))), tmp_path / "b.jpg")


def test_a_file_is_replaced_only_when_asked(tmp_path):
    path = tmp_path / "sub" / "a[1].png"
    write(picture(3, 8), path)
    before = path.read_bytes()
    with pytest.raises(UserError, match="exists already"):
        write(picture(1, 8), path)
    assert path.read_bytes() == before
    write(picture(1, 8), path, overwrite=True)
    assert same(read(path), picture(1, 8))
    assert [file.name for file in path.parent.iterdir()] == ["a[1].png"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_writer_that_fails_leaves_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "a.png"
    write(picture(1, 8), path)

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, step, fail)
    for target in (path, tmp_path / "b.png"):
        with pytest.raises(UserError, match="cannot be written: received no space left"):
            write(picture(3, 8), target, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
    assert same(read(path), picture(1, 8))


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="cannot be written"):
        write(picture(3, 8), tmp_path / "file" / "a.png")


KILLED = """
import os, signal, sys, torch
from pathlib import Path
from immersion.image_io import Picture, write
if "pyvips" in sys.modules:
    sys.exit("the library is loaded before a picture is read")
# All bytes are written and nothing is renamed: the last moment at which half a picture could stay.
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
write(Picture(torch.zeros(3, 99, 99, dtype=torch.uint8)), Path(sys.argv[1]), overwrite=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_process_leaves_no_picture(tmp_path):
    path, partial = tmp_path / "a.png", tmp_path / ".a.png.partial"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)])
    assert killed.returncode == -signal.SIGKILL
    assert partial.stat().st_size > 0
    assert not path.exists()
    write(picture(1, 8), path)
    assert not partial.exists()
