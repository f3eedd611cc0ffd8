"""libvips, the library that decodes and encodes, loaded when the first picture is read.

It is used instead of Pillow, which has no 16-bit RGB. It decodes row by row, so that a photograph
of 24 megapixels takes little more memory than its levels.
"""

import functools
import logging
from types import ModuleType

from immersion.check import UserError


@functools.cache
def load_vips() -> ModuleType:
    """Return the module `pyvips`, imported at the first call.

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
    """Return the message of a libvips error on one line, without repetitions."""
    message = getattr(error, "detail", "") or str(error)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return "; ".join(dict.fromkeys(lines))
