"""Picture files that the tests write: by Pillow, and by the library for 16 bits in colour."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import IFDRational

SIZE = (20, 30)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def noise(bands: int, depth: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Levels without any order, (H, W) or (H, W, bands)."""
    shape = size if bands == 1 else (*size, bands)
    generator = np.random.default_rng(bands * depth)
    return generator.integers(0, 2**depth, shape, dtype=f"uint{depth}")


def smooth() -> np.ndarray:
    """Levels that JPEG keeps nearly, (H, W, 3) uint8."""
    y, x = np.mgrid[:48, :64]
    return np.stack([4 * x, 5 * y, 2 * (x + y)], -1).astype(np.uint8)


def exif() -> bytes:
    """An EXIF block: orientation 6, exposure, position, a maker's note, letters, a private tag."""
    tags = Image.Exif()
    tags[0x0112] = 6
    tags[0x010F] = "Maker"
    tags[0x013B] = "Zo\u00eb".encode().decode("latin1")
    tags[0xC614] = "private"
    exposure = tags.get_ifd(0x8769)
    exposure[0x829A] = IFDRational(1, 250)
    exposure[0x9003] = "2020:01:02 03:04:05"
    exposure[0x927C] = b"NOTE\0" + bytes(range(200))
    position = tags.get_ifd(0x8825)
    position[1] = "N"
    position[2] = (IFDRational(51), IFDRational(30), IFDRational(1234567, 100000))
    return tags.tobytes().removeprefix(b"Exif\0\0")


def tags_of(path: Path) -> dict[tuple[int, int], object]:
    """All EXIF tags of a file as Pillow reads them, by directory and tag."""
    with Image.open(path) as image:
        return listed(image.getexif())


def listed(tags: Image.Exif) -> dict[tuple[int, int], object]:
    """Tags by directory and tag."""
    found = {(0, tag): value for tag, value in tags.items() if tag not in (0x8769, 0x8825)}
    for pointer in (0x8769, 0x8825):
        found |= {(pointer, tag): value for tag, value in tags.get_ifd(pointer).items()}
    return found


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def png(array: np.ndarray) -> bytes:
    """A PNG of 8 or 16 bits and 1 to 4 bands, by the format's definition and nobody's library."""
    depth = 8 * array.dtype.itemsize
    height, width = array.shape[:2]
    bands = 1 if array.ndim == 2 else array.shape[2]
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[bands]
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    rows = array.astype(array.dtype.newbyteorder(">")).reshape(height, -1)
    levels = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", levels), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bomb() -> bytes:
    """A PNG of a thousand bytes whose header says 60,000 x 60,000 pixels."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    parts = (
        chunk(b"IHDR", header),
        chunk(b"IDAT", zlib.compress(bytes(9999))),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
