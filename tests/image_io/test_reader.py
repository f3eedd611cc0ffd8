"""Reading: the levels that were put into a file, against arrays and against another library."""

import io

import numpy as np
import pytest
import pyvips
import torch
from picture_files import PROFILE, bomb, exif, noise, png, smooth
from PIL import Image

from immersion.check import UserError
from immersion.image_io import Picture, read, to_levels


def rows(picture: Picture) -> np.ndarray:
    """Levels and alpha as an array, (H, W, bands)."""
    bands = [picture.levels] if picture.alpha is None else [picture.levels, picture.alpha]
    return torch.cat(bands).permute(1, 2, 0).numpy()


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_every_depth_and_number_of_bands_is_read_bit_for_bit(tmp_path, ending, bands, depth):
    array, path = noise(bands, depth), tmp_path / f"a[1], \u00fc.{ending}"
    path.write_bytes(png(array))
    if ending == "tif":
        pyvips.Image.pngload(str(path)).tiffsave(str(path))
    picture = read(path)
    assert (picture.depth, picture.channels) == (depth, 1 if bands < 3 else 3)
    assert (picture.height, picture.width) == array.shape[:2]
    assert (picture.alpha is None) == (bands in (1, 3))
    np.testing.assert_array_equal(rows(picture), array.reshape(*array.shape[:2], -1))


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bits_of_both_byte_orders_in_tiff(tmp_path, order):
    array = noise(1, 16)
    image = (
        Image.fromarray(array)
        if order == "<"
        else Image.frombytes("I;16B", array.shape[::-1], array.astype(">u2").tobytes())
    )
    image.save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read(tmp_path / "a.tif").levels[0].numpy(), array)


def test_kinds_that_become_rgb_or_grey(tmp_path):
    colour = Image.fromarray(noise(3, 8))
    palette, bilevel = colour.quantize(16), colour.convert("1")
    palette.save(tmp_path / "palette.png")
    palette.save(tmp_path / "clear.png", transparency=3)
    bilevel.save(tmp_path / "bilevel.png")
    bilevel.save(tmp_path / "bilevel.tif", compression="group4")
    expected = {
        "palette.png": palette.convert("RGB"),
        "clear.png": Image.open(tmp_path / "clear.png").convert("RGBA"),
        "bilevel.png": bilevel.convert("L"),
        "bilevel.tif": bilevel.convert("L"),
    }
    for name, image in expected.items():
        np.testing.assert_array_equal(rows(read(tmp_path / name)).squeeze(), np.asarray(image))


def test_cmyk_becomes_rgb_in_the_colours_it_means(tmp_path):
    Image.fromarray(smooth()).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    picture = read(tmp_path / "a.jpg")
    assert (picture.channels, picture.depth, picture.alpha) == (3, 8, None)
    assert picture.metadata.profile == b""
    # Ink and light are not each other's complements, so only the order of things is the same.
    meant = torch.from_numpy(smooth()).permute(2, 0, 1).float().flatten()
    assert torch.corrcoef(torch.stack([meant, picture.levels.float().flatten()]))[0, 1] > 0.9


@pytest.mark.parametrize("depth", [8, 16])
def test_alpha_that_was_multiplied_into_the_colours_is_divided_out(tmp_path, depth):
    array = noise(4, depth)
    array[..., 3] |= 1 << (depth - 1)  # at least half opaque, so that a colour loses one bit
    (tmp_path / "straight.png").write_bytes(png(array))
    image = pyvips.Image.pngload(str(tmp_path / "straight.png"))
    image.tiffsave(str(tmp_path / "multiplied.tif"), premultiply=True)
    with Image.open(tmp_path / "multiplied.tif") as file:
        assert file.tag_v2[338] == (1,)
    assert np.abs(rows(read(tmp_path / "multiplied.tif")).astype(int) - array).max() <= 2


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tif"])
def test_metadata_are_read_and_the_picture_is_not_turned(tmp_path, ending):
    path, settings = tmp_path / f"a.{ending}", {"lossless": True} if ending == "webp" else {}
    image = Image.fromarray(noise(3, 8))
    image.save(path, exif=b"Exif\0\0" + exif(), icc_profile=PROFILE, dpi=(300, 150), **settings)
    picture = read(path)
    assert (picture.height, picture.width) == (20, 30)
    assert picture.metadata.orientation == 6
    assert picture.metadata.profile == PROFILE
    if ending != "tif":  # whose tags stand among the file's own, and are collected anew
        assert picture.metadata.exif == exif()
    if ending != "webp":
        assert picture.metadata.resolution == pytest.approx((300 / 25.4, 150 / 25.4), abs=1e-3)


def test_a_file_without_metadata_has_none(tmp_path):
    for ending in ("png", "jpg", "webp", "tif"):
        Image.fromarray(noise(3, 8)).save(tmp_path / f"a.{ending}")
        told = read(tmp_path / f"a.{ending}").metadata
        assert (told.exif, told.profile, told.orientation) == (b"", b"", 1)
        assert told.resolution == pytest.approx((72 / 25.4, 72 / 25.4), abs=1e-3)


def test_a_damaged_exif_block_does_not_cost_the_picture(tmp_path):
    for k, block in enumerate((b"rubbish", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff")):
        Image.fromarray(smooth()).save(tmp_path / f"{k}.jpg", exif=b"Exif\0\0" + block)
        assert read(tmp_path / f"{k}.jpg").metadata.orientation == 1


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.98])
@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tif"])
def test_a_file_cut_short_is_named_and_not_filled_with_grey(tmp_path, ending, share):
    path = tmp_path / f"short.{ending}"
    Image.fromarray(noise(3, 8, (90, 120))).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=rf"short\.{ending} cannot be read|is not a picture"):
        read(path)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_damaged_png_is_named(tmp_path, depth):
    content = bytearray(png(noise(3, depth)))
    content[len(content) // 2] ^= 1
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(UserError, match=r"bad\.png cannot be read"):
        read(tmp_path / "bad.png")


def test_a_jpeg_whose_stream_breaks_is_named(tmp_path):
    path = tmp_path / "broken.jpg"
    Image.fromarray(noise(3, 8, (90, 120))).save(path)
    content = path.read_bytes()
    path.write_bytes(content[:5000] + content[6000:])
    with pytest.raises(UserError, match=r"broken\.jpg cannot be read: .*Corrupt JPEG data"):
        read(path)


def test_a_harmless_slip_of_telephones_is_read(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth()).save(path)
    before, content = read(path).levels, bytearray(path.read_bytes())
    scan = content.index(b"\xff\xda")
    length = int.from_bytes(content[scan + 2 : scan + 4], "big")
    content[scan + length] = 0  # the last coefficient of the scan, 63 where all are in it
    path.write_bytes(content)
    assert torch.equal(read(path).levels, before)
    path.write_bytes(content[:-400])
    with pytest.raises(UserError, match="cannot be read"):
        read(path)


def test_a_tiff_whose_texts_are_odd_is_read_and_one_whose_tags_are_cut_off_is_not(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(noise(1, 8)).save(path, tiffinfo={315: "one\0two", 65000: "private"})
    assert read(path).width == 30
    image = pyvips.Image.new_from_array(noise(3, 16)).copy(interpretation="rgb16")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", PROFILE)
    image.tiffsave(str(path))
    assert read(path).metadata.profile == PROFILE
    content = path.read_bytes()
    assert content.index(PROFILE) > 20 * 30 * 6  # after the levels, which are whole below
    path.write_bytes(content[: content.index(PROFILE) + 100])
    with pytest.raises(UserError, match="beyond the end of the file"):
        read(path)


def test_a_bomb_is_refused_by_its_header(tmp_path):
    (tmp_path / "bomb.png").write_bytes(bomb())
    with pytest.raises(UserError, match=r"bomb\.png is too large: .* 60,000 x 60,000 pixels"):
        read(tmp_path / "bomb.png")
    (tmp_path / "small.png").write_bytes(png(noise(3, 8)))
    assert read(tmp_path / "small.png", limit=600).width == 30
    with pytest.raises(UserError, match="at most 599 pixels"):
        read(tmp_path / "small.png", limit=599)


@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_several_pictures_in_one_file_are_refused(tmp_path, ending):
    pages = [Image.fromarray(smooth()), Image.fromarray(255 - smooth())]
    pages[0].save(tmp_path / f"two.{ending}", save_all=True, append_images=pages[1:])
    with pytest.raises(UserError, match=rf"two\.{ending} holds more than one picture"):
        read(tmp_path / f"two.{ending}")


def test_what_is_no_picture_is_refused(tmp_path):
    gif = io.BytesIO()
    Image.fromarray(noise(1, 8)).save(gif, "gif")
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    for content in (b"", b"hello", gif.getvalue(), drawing):
        (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(UserError, match=r"a\.png is not a picture that can be read"):
            read(tmp_path / "a.png")
    for path in (tmp_path, tmp_path / "missing.png"):
        with pytest.raises(UserError, match="cannot be read"):
            read(path)


def test_levels_of_other_types_are_refused(tmp_path):
    Image.fromarray(noise(1, 8).astype(np.float32)).save(tmp_path / "float.tif")
    Image.fromarray(noise(1, 8).astype(np.int32)).save(tmp_path / "int.tif")
    for name in ("float.tif", "int.tif"):
        with pytest.raises(UserError, match=f"{name} holds levels of an unsupported type"):
            read(tmp_path / name)


def test_a_file_that_changed_is_read_anew(tmp_path):
    path = tmp_path / "a.png"
    for array in (noise(3, 8), 255 - noise(3, 8)):
        path.write_bytes(png(array))
        np.testing.assert_array_equal(rows(read(path)), array)


@pytest.mark.parametrize("depth", [8, 16])
def test_every_level_survives_being_normalised(depth):
    every = torch.arange(2**depth).reshape(1, 16, -1)
    levels = every.to(torch.uint8 if depth == 8 else torch.uint16)
    x = Picture(levels).to_float()
    assert x.dtype == torch.float32 and (x.min(), x.max()) == (0, 1)
    assert torch.equal(to_levels(x, depth), levels)
    assert torch.equal(to_levels(every.sub(0.4) / (2**depth - 1), depth), levels)
    region = Picture(levels).to_float(slice(3, 7), slice(2, 5))
    assert torch.equal(region, x[:, 3:7, 2:5])


def test_a_picture_does_not_contradict_itself():
    levels = torch.zeros(3, 4, 5, dtype=torch.uint8)
    with pytest.raises(TypeError, match="uint8 or uint16"):
        Picture(levels.float())
    with pytest.raises(ValueError, match="1 or 3"):
        Picture(levels[:2])
    with pytest.raises(ValueError, match="alpha"):
        Picture(levels, levels[:1, :2])
