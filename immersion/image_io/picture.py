"""A picture: the levels of its file, alpha and metadata."""

from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.image_io.exif import read_orientation

BITS = {torch.uint8: 8, torch.uint16: 16}
TYPES = {bits: dtype for dtype, bits in BITS.items()}


@dataclass(frozen=True)
class Metadata:
    """Metadata of a picture; what a format cannot hold is not written.

    Args:
        exif: The EXIF block, a small TIFF file that begins with its byte order; empty if none.
        profile: The ICC profile of the levels; empty if none, which means sRGB.
        xmp: The XMP packet; empty if none.
        iptc: The IPTC block in the form of the format; empty if none.
        text: Keywords and texts of a PNG.
        resolution: Pixels per millimetre, horizontally and vertically; by default 72 per inch.
    """

    exif: bytes = b""
    profile: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    text: tuple[tuple[str, str], ...] = ()
    resolution: tuple[float, float] = (72 / 25.4, 72 / 25.4)

    @property
    def orientation(self) -> int:
        """Return the EXIF orientation, 1 to 8; viewers do not turn a picture of orientation 1."""
        return read_orientation(self.exif)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as stored in its file: not turned by its orientation, not converted to sRGB.

    Args:
        levels: (C, H, W), C = 1 (grey) or 3 (RGB); uint8 for 0..255 or uint16 for 0..65535.
        alpha: (1, H, W) of the same type, 0 for transparent; None if the picture is opaque.
        metadata: Metadata that is written with the levels.

    Example:
        >>> picture = Picture(torch.tensor([[[0, 51], [102, 255]]], dtype=torch.uint8))
        >>> picture.depth, picture.to_float(slice(1, 2), slice(0, 2))
        (8, tensor([[[0.4000, 1.0000]]]))
    """

    levels: Tensor
    alpha: Tensor | None = None
    metadata: Metadata = Metadata()

    def __post_init__(self) -> None:
        if self.levels.dtype not in BITS:
            raise TypeError(f"levels must be uint8 or uint16, not {self.levels.dtype}")
        if self.levels.ndim != 3 or self.levels.shape[0] not in (1, 3):
            raise ValueError(f"levels must be (1 or 3, H, W), not {tuple(self.levels.shape)}")
        if self.alpha is not None and (
            self.alpha.shape != (1, self.height, self.width)
            or self.alpha.dtype != self.levels.dtype
        ):
            raise ValueError("alpha must be one channel of the height, width and type of levels")

    @property
    def depth(self) -> int:
        """Return the number of bits of a level, 8 or 16."""
        return BITS[self.levels.dtype]

    @property
    def channels(self) -> int:
        """Return C, 1 for grey and 3 for RGB, without alpha."""
        return self.levels.shape[0]

    @property
    def height(self) -> int:
        """Return H, the number of rows in the file."""
        return self.levels.shape[1]

    @property
    def width(self) -> int:
        """Return W, the number of columns in the file."""
        return self.levels.shape[2]

    def to_float(self, rows: slice = slice(None), columns: slice = slice(None)) -> Tensor:
        """Return the levels of a region as float32 in [0, 1], (C, h, w).

        Convert large pictures region by region: 24 megapixels as float32 take 288 MB.
        """
        return self.levels[:, rows, columns].float().div_(2**self.depth - 1).contiguous()


def to_levels(x: Tensor, depth: int) -> Tensor:
    """Return values in [0, 1] as the nearest levels, the inverse of `Picture.to_float`.

    Values outside [0, 1] are clipped.

    Args:
        x: Any shape, float32 or float64.
        depth: 8 or 16.

    Returns:
        The shape of `x`, uint8 or uint16.

    Example:
        >>> to_levels(torch.tensor([-0.1, 0.5, 1.0]), 8)
        tensor([  0, 128, 255], dtype=torch.uint8)
    """
    top = 2**depth - 1
    return x.clamp(0, 1).mul(top).round_().to(TYPES[depth])
