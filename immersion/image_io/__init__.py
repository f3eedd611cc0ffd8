"""Read and write image files without loss, and find inputs and name outputs.

`read` and `write` preserve 8 and 16 bits, grey and RGB, alpha, EXIF, the colour profile and the
resolution, in PNG, JPEG, TIFF and WebP; `find_pictures` and `resolve_outputs` name the files.
"""

from immersion.image_io.paths import (
    ENDINGS,
    InputPicture,
    Inputs,
    find_pictures,
    is_picture_path,
    not_a_picture,
    repeat_inputs,
    resolve_outputs,
)
from immersion.image_io.picture import Metadata, Picture, to_levels
from immersion.image_io.reader import read
from immersion.image_io.writer import check_output, write

__all__ = [
    "ENDINGS",
    "InputPicture",
    "Inputs",
    "Metadata",
    "Picture",
    "check_output",
    "find_pictures",
    "is_picture_path",
    "not_a_picture",
    "read",
    "repeat_inputs",
    "resolve_outputs",
    "to_levels",
    "write",
]
