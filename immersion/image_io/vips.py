"""The library that decodes and encodes, libvips, loaded when the first picture is read.

It was chosen over Pillow, which has no 16-bit RGB. It decodes row by row, so that a photograph of
24 megapixels takes little more memory than its levels do.
"""

import functools
import logging
from types import ModuleType

from immersion.check import UserError


@functools.cache
def load_vips() -> ModuleType:
    """Return the module `pyvips`, imported by the first call.

    Raises:
        UserError: It is not installed, or its libvips cannot be loaded.
    """
    try:
        import pyvips
    except (ImportError, OSError) as error:
        raise UserError(
            "pictures cannot be read without pyvips",
            received=error,
            remedy="pip install 'pyvips[binary]'",
        ) from error
    logging.getLogger("pyvips").addHandler(logging.NullHandler())  # warnings are not for the user
    return pyvips


def error_text(error: Exception) -> str:
    """Return what libvips said of a file, on one line and said once."""
    message = getattr(error, "detail", "") or str(error)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return "; ".join(dict.fromkeys(lines))
