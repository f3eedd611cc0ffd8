"""Pictures: a person's own files in and out without loss, their names found and chosen.

`read` and `write` hold 8 and 16 bits, grey and RGB, alpha, EXIF, the colour profile and the
resolution, in PNG, JPEG, TIFF and WebP; `find` and `targets` name the files.
"""

from immersion.image_io.inputs import (
    ENDINGS,
    Found,
    Inputs,
    find,
    is_file,
    no_picture,
    repeated,
    targets,
)
from immersion.image_io.picture import Metadata, Picture, to_levels
from immersion.image_io.read import read
from immersion.image_io.write import check_target, write

__all__ = [
    "ENDINGS",
    "Found",
    "Inputs",
    "Metadata",
    "Picture",
    "check_target",
    "find",
    "is_file",
    "no_picture",
    "read",
    "repeated",
    "targets",
    "to_levels",
    "write",
]
