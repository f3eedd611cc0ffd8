"""The EXIF block, a camera's metadata, byte for byte in each of the four formats.

The block is a small TIFF file: byte order, the position of a directory, and the directory, whose
entries are 12 bytes each (tag, type, count, value or its position). PNG, JPEG and WebP contain the
whole block; in a TIFF file its entries are among those of the file.

Reference:
    CIPA DC-008, Exchangeable image file format for digital still cameras, version 2.32, section
    4.5; PNG (third edition), section 11.3.4; WebP container specification, "Metadata".
"""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image, TiffImagePlugin

ORIENTATION = 0x0112
POINTERS = (0x8769, 0x8825)  # to the directories of the exposure and the GPS position
SIDES = (0xA002, 0xA003)  # in the directory of the exposure: width and height in pixels
LONG = 4  # type of a value of four bytes

_RANGES = (
    *((0x00FE, 0x0103), (0x0106, 0x0106), (0x010A, 0x010A), (0x0111, 0x0111), (0x0115, 0x011C)),
    *((0x0120, 0x0125), (0x0128, 0x0128), (0x012D, 0x012D), (0x013D, 0x013D), (0x0140, 0x0146)),
    *((0x014A, 0x014E), (0x0152, 0x0157), (0x015B, 0x015B), (0x0200, 0x0214), (0x02BC, 0x02BC)),
    *((0x83BB, 0x83BB), (0x8649, 0x8649), (0x8773, 0x8773), (0x935C, 0x935C)),
)

STRUCTURE = frozenset(tag for first, last in _RANGES for tag in range(first, last + 1))
"""Tags that describe how a TIFF file stores its levels, or that are other fields of `Metadata`."""

MARKER = b"Exif\0\0"
JPEG_LIMIT = 65535 - 2 - len(MARKER)
"""Most bytes of a block in JPEG, whose segments store their length in two bytes."""


def strip_marker(block: bytes) -> bytes:
    """Return an EXIF block without the marker before it; empty if it is not a block."""
    block = block.removeprefix(MARKER)
    return block if block.startswith((b"II*\0", b"MM\0*")) else b""


def read_orientation(block: bytes) -> int:
    """Return the orientation in a block, 1 to 8; 1 if it has none."""
    with _ignore_damage():
        value = _load_tags(block).get(ORIENTATION, 1)
        if value in range(1, 9):
            return int(value)
    return 1


def set_size(block: bytes, width: int, height: int) -> bytes:
    """Return a block with the size that it records, if any, replaced; the rest is unchanged.

    Args:
        block: The block; a damaged one is returned unchanged.
        width: Width in pixels.
        height: Height in pixels.
    """
    try:
        return _set_size(block, width, height)
    except struct.error:  # a directory is beyond the end
        return block


def _set_size(block: bytes, width: int, height: int) -> bytes:
    order, changed = "<" if block.startswith(b"II") else ">", bytearray(block)
    first = _entries(block, order, struct.unpack_from(order + "I", block, 4)[0])
    if POINTERS[0] not in first:
        return block
    exposure = struct.unpack_from(order + "I", block, first[POINTERS[0]] + 8)[0]
    places = _entries(block, order, exposure)
    for tag, length in zip(SIDES, (width, height), strict=True):
        if tag in places:
            struct.pack_into(order + "HHII", changed, places[tag], tag, LONG, 1, length)
    return bytes(changed)


def _entries(block: bytes, order: str, start: int) -> dict[int, int]:
    """Return the position of each tag's entry in the directory at `start`."""
    (count,) = struct.unpack_from(order + "H", block, start)
    places = range(start + 2, start + 2 + 12 * count, 12)
    return {struct.unpack_from(order + "H", block, place)[0]: place for place in places}


def read_tiff(path: Path) -> bytes:
    """Return the EXIF tags of a TIFF file as a block; empty if the directory is damaged.

    Raises:
        OSError: The file is truncated: it ends before the values of its tags.
    """
    with _ignore_damage(), path.open("rb") as file:
        tags = Image.Exif()
        with warnings.catch_warnings(action="error"):
            try:
                tags.load_from_fp(file)
            except UserWarning as warning:
                raise OSError("a tag's value is beyond the end of the file") from warning
        for tag in [tag for tag in tags if tag in STRUCTURE]:
            del tags[tag]
        if tags.get(ORIENTATION) == 1:  # as without the tag
            del tags[ORIENTATION]
        return strip_marker(tags.tobytes()) if len(tags) else b""
    return b""


@contextmanager
def _ignore_damage() -> Iterator[None]:
    """Exit the body at damage in a block: the picture can still be used."""
    with warnings.catch_warnings(action="ignore"):
        try:
            yield
        except OSError:
            raise
        except Exception:  # the exception of a parser depends on the damage
            return


def _load_tags(block: bytes) -> Image.Exif:
    """Return the tags of a block."""
    tags = Image.Exif()
    tags.load(MARKER + block)
    return tags


def insert_into_png(path: Path, block: bytes) -> None:
    """Insert a block into a PNG as the chunk eXIf after the header, which ends at byte 33."""
    chunk = b"eXIf" + block
    _insert(path, 33, struct.pack(">I", len(block)) + chunk + struct.pack(">I", zlib.crc32(chunk)))


def insert_into_jpeg(path: Path, block: bytes, resolution: tuple[float, float]) -> None:
    """Insert the first segments of a JPEG: that of JFIF, which libvips leaves out, and of EXIF.

    Args:
        path: The file.
        block: The block; if empty, only the segment of JFIF is inserted.
        resolution: Pixels per millimetre, horizontally and vertically.
    """
    dots = [min(max(round(25.4 * along), 1), 65535) for along in resolution]  # pixels per inch
    head = b"\xff\xe0\0\x10JFIF\0\1\1\1" + struct.pack(">HH", *dots) + b"\0\0"
    if block:
        head += b"\xff\xe1" + struct.pack(">H", 2 + len(MARKER) + len(block)) + MARKER + block
    _insert(path, 2, head)


def insert_into_webp(path: Path, block: bytes) -> None:
    """Replace the block of a WebP."""
    content = path.read_bytes()
    start = 12  # after RIFF, a length and WEBP; a chunk is a name, a length and an even payload
    while content[start : start + 4] != b"EXIF":
        start = _next_chunk(content, start)
    chunk = b"EXIF" + struct.pack("<I", len(block)) + block + b"\0" * (len(block) % 2)
    body = content[8:start] + chunk + content[_next_chunk(content, start) :]
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def _next_chunk(content: bytes, start: int) -> int:
    """Return the position of the chunk after the one at `start`."""
    (length,) = struct.unpack_from("<I", content, start + 4)
    return start + 8 + length + length % 2


def insert_into_tiff(path: Path, block: bytes) -> None:
    """Insert the tags of a block into those of a TIFF file; a damaged block is left out.

    The new tags and then a directory of all tags are appended; the header is updated last to
    point to it. Values that old entries point to are not moved.
    """
    with path.open("r+b") as file:
        head = file.read(8)
        order = "<" if head.startswith(b"II") else ">"
        file.seek(struct.unpack(order + "I", head[4:])[0])
        (count,) = struct.unpack(order + "H", file.read(2))
        entries = _by_tag(file.read(12 * count), order)
        appended = _build_directory(block, head[:2], _seek_aligned_end(file))
        (count,) = struct.unpack(order + "H", appended[:2])
        entries |= _by_tag(appended[2 : 2 + 12 * count], order)
        file.write(appended)
        start = _seek_aligned_end(file)
        table = b"".join(entries[tag] for tag in sorted(entries))
        file.write(struct.pack(order + "H", len(entries)) + table + bytes(4))
        file.seek(4)
        file.write(struct.pack(order + "I", start))


def _build_directory(block: bytes, prefix: bytes, start: int) -> bytes:
    """Return the tags of a block as a directory at position `start` of a file, and its values."""
    with _ignore_damage():
        source = _load_tags(block)
        tags = TiffImagePlugin.ImageFileDirectory_v2(prefix=prefix)
        for tag, value in source.items():
            if tag not in STRUCTURE and (tag != ORIENTATION or value in range(1, 9)):
                tags[tag] = source.get_ifd(tag) if tag in POINTERS else value
        return tags.tobytes(start)
    return bytes(2)


def _by_tag(table: bytes, order: str) -> dict[int, bytes]:
    """Return the entries of a directory, 12 bytes each, by tag."""
    entries = [table[k : k + 12] for k in range(0, len(table), 12)]
    return {struct.unpack(order + "H", entry[:2])[0]: entry for entry in entries}


def _seek_aligned_end(file: BinaryIO) -> int:
    """Move to the end of a file, padded to an even position for TIFF, and return the position."""
    end = file.seek(0, 2)
    return end + file.write(b"\0" * (end % 2))


def _insert(path: Path, start: int, content: bytes) -> None:
    """Insert bytes into a file at `start`."""
    with path.open("r+b") as file:
        file.seek(start)
        rest = file.read()
        file.seek(start)
        file.write(content + rest)
