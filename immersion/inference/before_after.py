"""The middle of a picture before and after, as a page shows it."""

from PIL import Image

from immersion.image_io import Picture
from immersion.report.comparison import Comparison

SHOWN = 960, 720
"""Columns and rows, at most, of what is shown of a picture: at full resolution, not shrunk, since
that is where noise is."""


def compared(name: str, words: str, before: Picture, after: Picture) -> Comparison:
    """Return the middles of two pictures of the same thing, the first enlarged to the second.

    Args:
        name: What the picture is called.
        words: What was done.
        before: The picture as it was given.
        after: What was made of it, a whole number of times as large.
    """
    scale = after.height // before.height
    width, height = (most // scale * scale for most in SHOWN)
    left, top = (
        max(0, side * scale - most) // 2 // scale * scale
        for side, most in ((before.width, width), (before.height, height))
    )
    box = left, top, min(left + width, after.width), min(top + height, after.height)
    source = tuple(edge // scale for edge in box)
    small = image(before, source)
    size = box[2] - box[0], box[3] - box[1]
    return Comparison(name, words, small.resize(size, Image.Resampling.NEAREST), image(after, box))


def image(picture: Picture, box: tuple[int, ...]) -> Image.Image:
    """Return a part of a picture, (left, top, right, bottom), with 8 bits and without alpha."""
    left, top, right, bottom = box
    x = picture.to_float(slice(top, bottom), slice(left, right)).mul(255).round().byte()
    levels = x.permute(1, 2, 0).numpy()
    return Image.fromarray(levels[..., 0] if picture.channels == 1 else levels)
