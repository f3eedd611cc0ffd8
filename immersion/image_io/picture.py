"""What a picture is: levels as they lie in the file, alpha, and what a file says beside them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from immersion.image_io.exif import read_orientation

BITS = {torch.uint8: 8, torch.uint16: 16}
TYPES = {bits: dtype for dtype, bits in BITS.items()}


@dataclass(frozen=True)
class Metadata:
    """What a file says beside its levels; what a format cannot hold is not written to it.

    Args:
        exif: The EXIF block, a small TIFF file that begins with its byte order; empty if none.
        profile: The ICC profile of the levels; empty if none, which means sRGB.
        xmp: The XMP packet; empty if none.
        iptc: The IPTC block, as the format holds it; empty if none.
        text: Keywords and texts of a PNG.
        resolution: Pixels a millimetre, horizontally and vertically; 72 an inch where none is
            told.
    """

    exif: bytes = b""
    profile: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    text: tuple[tuple[str, str], ...] = ()
    resolution: tuple[float, float] = (72 / 25.4, 72 / 25.4)

    @property
    def orientation(self) -> int:
        """Return the EXIF orientation, 1 to 8: how a viewer turns the picture, 1 being not."""
        return read_orientation(self.exif)


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as it lies in its file: not turned by its orientation, not converted to sRGB.

    Args:
        levels: (C, H, W), C = 1 (grey) or 3 (RGB); uint8 for 0..255 or uint16 for 0..65535.
        alpha: (1, H, W) of the same type, 0 being transparent; None if all is opaque.
        metadata: What the writer puts beside the levels.

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
            raise TypeError(f"levels are uint8 or uint16, not {self.levels.dtype}")
        if self.levels.ndim != 3 or self.levels.shape[0] not in (1, 3):
            raise ValueError(f"levels are (1 or 3, H, W), not {tuple(self.levels.shape)}")
        if self.alpha is not None and (
            self.alpha.shape != (1, self.height, self.width)
            or self.alpha.dtype != self.levels.dtype
        ):
            raise ValueError("alpha has one channel, and the levels' height, width and type")

    @property
    def depth(self) -> int:
        """Return the bits of a level, 8 or 16."""
        return BITS[self.levels.dtype]

    @property
    def channels(self) -> int:
        """Return C, 1 for grey and 3 for RGB; alpha is not counted."""
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
        """Return a region's levels divided by the highest one, (C, h, w) float32 in [0, 1].

        A tile at a time: 24 megapixels at once would be 288 MB.
        """
        return self.levels[:, rows, columns].float().div_(2**self.depth - 1).contiguous()


def to_levels(x: Tensor, depth: int) -> Tensor:
    """Return values in [0, 1] as the nearest levels, the inverse of `Picture.to_float`.

    What lies outside [0, 1] becomes the nearest end.

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
