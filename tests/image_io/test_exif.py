"""A picture that was enlarged tells its new size, and the rest of its block is what it was."""

import pytest
import torch
from picture_files import exif, listed
from PIL import Image

from immersion.image_io import Metadata, Picture
from immersion.image_io.exif import set_size
from immersion.inference.predict import predict_picture
from immersion.likelihoods.gaussian import Gaussian
from immersion.models import Translator
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.tasks.enlarge import Enlarge


def loaded(block):
    """All tags of a block."""
    tags = Image.Exif()
    tags.load(b"Exif\0\0" + block)
    return listed(tags)


def told(width, height, order="<"):
    """A block that tells a size, and more."""
    tags = Image.Exif()
    tags.load(b"Exif\0\0" + exif())
    exposure = tags.get_ifd(0x8769)
    exposure[0xA002], exposure[0xA003] = width, height
    tags.endian = order
    return tags.tobytes().removeprefix(b"Exif\0\0")


@pytest.mark.parametrize("size", [(300, 200), (70000, 60000)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_size_is_told_and_nothing_else_is_changed(size, order):
    block = told(300, 200, order)
    assert block.startswith(b"II" if order == "<" else b"MM")
    before, after = loaded(block), loaded(set_size(block, *size))
    assert (after[0x8769, 0xA002], after[0x8769, 0xA003]) == size
    sides = {(0x8769, 0xA002), (0x8769, 0xA003)}
    assert {k: v for k, v in after.items() if k not in sides} == {
        k: v for k, v in before.items() if k not in sides
    }
    assert len(set_size(block, *size)) == len(block)


def test_a_block_that_tells_none_or_is_damaged_is_left():
    assert set_size(exif(), 5, 6) == exif()
    for damaged in (b"", b"II*\0", told(3, 4)[:20], b"II*\0\xff\xff\xff\x00" + bytes(9)):
        assert set_size(damaged, 5, 6) == damaged


def test_an_enlarged_picture_tells_its_size_as_it_is_stored():
    network = ImageToImageArchitecture("restorer", 4, 1).build(3, 6, 2)
    enlarger = Translator(Enlarge(2), network, Gaussian((3, 8, 8))).eval()
    levels = torch.randint(0, 256, (3, 20, 30), dtype=torch.uint8)  # lies on its side: tag 6
    made = predict_picture(enlarger, 3, Picture(levels, None, Metadata(exif=told(30, 20))))
    assert made.picture.levels.shape == (3, 40, 60)
    tags = loaded(made.picture.metadata.exif)
    assert (tags[0x8769, 0xA002], tags[0x8769, 0xA003]) == (60, 40)
