"""The centre of a picture before and after, for a page."""

from PIL import Image

from immersion.image_io import Picture
from immersion.report.comparison import Comparison

MAX_SIZE = 960, 720
"""Largest width and height of a centre, at full resolution, where noise is visible."""


def compare_centres(name: str, words: str, before: Picture, after: Picture) -> Comparison:
    """Return the centres of two pictures of one scene, the first enlarged to the second's size.

    Args:
        name: Name of the picture.
        words: Description of the result.
        before: The input.
        after: The result, an integer number of times as large.
    """
    scale = after.height // before.height
    width, height = (most // scale * scale for most in MAX_SIZE)
    left, top = (
        max(0, side * scale - most) // 2 // scale * scale
        for side, most in ((before.width, width), (before.height, height))
    )
    box = left, top, min(left + width, after.width), min(top + height, after.height)
    source = tuple(edge // scale for edge in box)
    small = crop_image(before, source)
    size = box[2] - box[0], box[3] - box[1]
    return Comparison(
        name, words, small.resize(size, Image.Resampling.NEAREST), crop_image(after, box)
    )


def crop_image(picture: Picture, box: tuple[int, ...]) -> Image.Image:
    """Return a part of a picture, (left, top, right, bottom), with 8 bits and without alpha."""
    left, top, right, bottom = box
    x = picture.to_float(slice(top, bottom), slice(left, right)).mul(255).round().byte()
    levels = x.permute(1, 2, 0).numpy()
    return Image.fromarray(levels[..., 0] if picture.channels == 1 else levels)
