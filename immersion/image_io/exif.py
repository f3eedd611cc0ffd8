"""The EXIF block, byte for byte: what a camera says of a picture, in each of the four formats.

The block is a small TIFF file: byte order, the place of a directory, and the directory, whose
entries are 12 bytes each (tag, type, count, value or its place). PNG, JPEG and WebP carry it
whole; in a TIFF file its entries stand among the file's own.

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
POINTERS = (0x8769, 0x8825)  # to the directories of exposure and of position
SIDES = (0xA002, 0xA003)  # in that of exposure: width and height in pixels
LONG = 4  # the type of a value of four bytes

_RANGES = (
    *((0x00FE, 0x0103), (0x0106, 0x0106), (0x010A, 0x010A), (0x0111, 0x0111), (0x0115, 0x011C)),
    *((0x0120, 0x0125), (0x0128, 0x0128), (0x012D, 0x012D), (0x013D, 0x013D), (0x0140, 0x0146)),
    *((0x014A, 0x014E), (0x0152, 0x0157), (0x015B, 0x015B), (0x0200, 0x0214), (0x02BC, 0x02BC)),
    *((0x83BB, 0x83BB), (0x8649, 0x8649), (0x8773, 0x8773), (0x935C, 0x935C)),
)

STRUCTURE = frozenset(tag for first, last in _RANGES for tag in range(first, last + 1))
"""Tags that say how a TIFF file holds its levels, or that `Metadata` has under another name."""

MARK = b"Exif\0\0"
JPEG_LIMIT = 65535 - 2 - len(MARK)  # bytes: a segment tells its length in two


def strip_marker(found: bytes) -> bytes:
    """Return an EXIF block without the mark before it, or nothing if it is none."""
    found = found.removeprefix(MARK)
    return found if found.startswith((b"II*\0", b"MM\0*")) else b""


def read_orientation(found: bytes) -> int:
    """Return the orientation that a block tells, 1 to 8, or 1 if it tells none."""
    with _ignore_damage():
        value = _load_tags(found).get(ORIENTATION)
        if value in range(1, 9):
            return int(value)
    return 1


def set_size(found: bytes, width: int, height: int) -> bytes:
    """Return a block that tells this size where it told one; nothing else in it is changed.

    Args:
        found: The block; a damaged one is returned as it is.
        width: In pixels.
        height: In pixels.
    """
    try:
        return _set_size(found, width, height)
    except struct.error:  # a directory lies beyond the end
        return found


def _set_size(found: bytes, width: int, height: int) -> bytes:
    order, changed = "<" if found.startswith(b"II") else ">", bytearray(found)
    first = _entries(found, order, struct.unpack_from(order + "I", found, 4)[0])
    if POINTERS[0] not in first:
        return found
    exposure = struct.unpack_from(order + "I", found, first[POINTERS[0]] + 8)[0]
    places = _entries(found, order, exposure)
    for tag, length in zip(SIDES, (width, height), strict=True):
        if tag in places:
            struct.pack_into(order + "HHII", changed, places[tag], tag, LONG, 1, length)
    return bytes(changed)


def _entries(found: bytes, order: str, start: int) -> dict[int, int]:
    """Return where each tag's entry stands in the directory at `start`."""
    (count,) = struct.unpack_from(order + "H", found, start)
    places = range(start + 2, start + 2 + 12 * count, 12)
    return {struct.unpack_from(order + "H", found, place)[0]: place for place in places}


def read_tiff(path: Path) -> bytes:
    """Return the EXIF tags of a TIFF file as a block; a damaged directory gives none.

    Raises:
        OSError: The file ends before the values of its tags do: it was cut short.
    """
    with _ignore_damage(), path.open("rb") as file:
        tags = Image.Exif()
        with warnings.catch_warnings(action="error"):
            try:
                tags.load_from_fp(file)
            except UserWarning as warning:
                raise OSError("a tag's value lies beyond the end of the file") from warning
        for tag in [tag for tag in tags if tag in STRUCTURE]:
            del tags[tag]
        if tags.get(ORIENTATION) == 1:  # which no tag says as well
            del tags[ORIENTATION]
        return strip_marker(tags.tobytes()) if len(tags) else b""
    return b""


@contextmanager
def _ignore_damage() -> Iterator[None]:
    """Leave the body at damage in a block, which is no reason to lose the picture."""
    with warnings.catch_warnings(action="ignore"):
        try:
            yield
        except OSError:
            raise
        except Exception:  # what a parser raises depends on the damage
            return


def _load_tags(found: bytes) -> Image.Exif:
    """Return the tags of a block."""
    tags = Image.Exif()
    tags.load(MARK + found)
    return tags


def insert_into_png(path: Path, found: bytes) -> None:
    """Put a block into a PNG: the chunk eXIf, after the header, which ends at byte 33."""
    chunk = b"eXIf" + found
    _insert(path, 33, struct.pack(">I", len(found)) + chunk + struct.pack(">I", zlib.crc32(chunk)))


def insert_into_jpeg(path: Path, found: bytes, resolution: tuple[float, float]) -> None:
    """Put the segments that come first into a JPEG: JFIF's, which libvips leaves out, and EXIF's.

    Args:
        path: The file.
        found: The block; if empty, JFIF's segment alone is put in.
        resolution: Pixels a millimetre, horizontally and vertically.
    """
    dots = [min(max(round(25.4 * along), 1), 65535) for along in resolution]  # an inch
    head = b"\xff\xe0\0\x10JFIF\0\1\1\1" + struct.pack(">HH", *dots) + b"\0\0"
    if found:
        head += b"\xff\xe1" + struct.pack(">H", 2 + len(MARK) + len(found)) + MARK + found
    _insert(path, 2, head)


def insert_into_webp(path: Path, found: bytes) -> None:
    """Put a block into a WebP in place of the one that it has."""
    content = path.read_bytes()
    start = 12  # after RIFF, a length and WEBP; a chunk is a name, a length and an even payload
    while content[start : start + 4] != b"EXIF":
        start = _next_chunk(content, start)
    chunk = b"EXIF" + struct.pack("<I", len(found)) + found + b"\0" * (len(found) % 2)
    body = content[8:start] + chunk + content[_next_chunk(content, start) :]
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)


def _next_chunk(content: bytes, start: int) -> int:
    """Return where the chunk after the one at `start` begins."""
    (length,) = struct.unpack_from("<I", content, start + 4)
    return start + 8 + length + length % 2


def insert_into_tiff(path: Path, found: bytes) -> None:
    """Put the tags of a block among those of a TIFF file; a damaged block is left out.

    The new tags and then a directory that holds all of them are appended; the header is pointed
    at it last. What the old entries point to stays where it is.
    """
    with path.open("r+b") as file:
        head = file.read(8)
        order = "<" if head.startswith(b"II") else ">"
        file.seek(struct.unpack(order + "I", head[4:])[0])
        (count,) = struct.unpack(order + "H", file.read(2))
        entries = _by_tag(file.read(12 * count), order)
        appended = _directory(found, head[:2], _aligned_end(file))
        (count,) = struct.unpack(order + "H", appended[:2])
        entries |= _by_tag(appended[2 : 2 + 12 * count], order)
        file.write(appended)
        start = _aligned_end(file)
        table = b"".join(entries[tag] for tag in sorted(entries))
        file.write(struct.pack(order + "H", len(entries)) + table + bytes(4))
        file.seek(4)
        file.write(struct.pack(order + "I", start))


def _directory(found: bytes, prefix: bytes, start: int) -> bytes:
    """Return a block's tags as a directory that stands at `start` in a file, with its values."""
    with _ignore_damage():
        source = _load_tags(found)
        tags = TiffImagePlugin.ImageFileDirectory_v2(prefix=prefix)
        for tag, value in source.items():
            if tag not in STRUCTURE and (tag != ORIENTATION or value in range(1, 9)):
                tags[tag] = source.get_ifd(tag) if tag in POINTERS else value
        return tags.tobytes(start)
    return bytes(2)


def _by_tag(table: bytes, order: str) -> dict[int, bytes]:
    """Return the entries of a directory, 12 bytes each, by their tags."""
    entries = [table[k : k + 12] for k in range(0, len(table), 12)]
    return {struct.unpack(order + "H", entry[:2])[0]: entry for entry in entries}


def _aligned_end(file: BinaryIO) -> int:
    """Go to the end of a file, made even as TIFF wants it, and return where that is."""
    end = file.seek(0, 2)
    return end + file.write(b"\0" * (end % 2))


def _insert(path: Path, start: int, content: bytes) -> None:
    """Insert bytes into a file."""
    with path.open("r+b") as file:
        file.seek(start)
        rest = file.read()
        file.seek(start)
        file.write(content + rest)
