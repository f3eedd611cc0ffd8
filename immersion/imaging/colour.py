"""Colour spaces: sRGB, linear light, XYZ and Lab; and the greys of published measurements."""

import torch
from torch import Tensor

from immersion.check import UserError

XYZ_OF_LINEAR = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
"""Rows X, Y, Z: the primaries of ITU-R BT.709 under D65, as in scikit-image and OpenCV."""

WHITE = (0.95047, 1.0, 1.08883)
"""X, Y, Z of D65 for the 2 degree observer."""


def linear_from_srgb(x: Tensor) -> Tensor:
    """Return linear light of sRGB in [0, 1]: ((x + 0.055) / 1.055)^2.4, x / 12.92 below 0.04045.

    Any shape; `srgb_from_linear` is the differentiable inverse.

    Reference:
        IEC 61966-2-1:1999, section 5.2.

    Example:
        >>> linear_from_srgb(torch.tensor([0.0, 0.5, 1.0]))
        tensor([0.0000, 0.2140, 1.0000])
    """
    curve = ((x.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4
    return torch.where(x > 0.04045, curve, x / 12.92)


def srgb_from_linear(x: Tensor) -> Tensor:
    """Return sRGB of linear light: 1.055 x^(1 / 2.4) - 0.055, 12.92 x below 0.0031308.

    Example:
        >>> srgb_from_linear(torch.tensor([0.0, 0.2140411, 1.0]))
        tensor([0.0000, 0.5000, 1.0000])
    """
    curve = 1.055 * x.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(x > 0.0031308, curve, 12.92 * x)


def xyz_from_srgb(x: Tensor) -> Tensor:
    """Return CIE XYZ, Y of white = 1, of sRGB pictures, both (..., 3, H, W).

    Example:
        >>> xyz_from_srgb(torch.ones(3, 1, 1)).flatten()
        tensor([0.9505, 1.0000, 1.0888])
    """
    return mix_channels(linear_from_srgb(require_rgb(x, "XYZ")), XYZ_OF_LINEAR)


def srgb_from_xyz(xyz: Tensor) -> Tensor:
    """Return sRGB, (..., 3, H, W), not clipped: colours outside the gamut are outside [0, 1].

    Example:
        >>> x = torch.rand(3, 4, 4)
        >>> torch.allclose(srgb_from_xyz(xyz_from_srgb(x)), x, atol=1e-5)
        True
    """
    rows = torch.linalg.inv(torch.tensor(XYZ_OF_LINEAR, dtype=torch.float64)).tolist()
    return srgb_from_linear(mix_channels(require_rgb(xyz, "sRGB"), rows))


def lab_from_srgb(x: Tensor) -> Tensor:
    r"""Return CIE 1976 L*a*b* of sRGB pictures: L in 0..100, a and b about -110..110.

    L = 116 f(Y / Y_n) - 16,  a = 500 (f(X / X_n) - f(Y / Y_n)),  b = 200 (f(Y / Y_n) - f(Z / Z_n))
    with f(t) = t^(1/3) above 0.008856 and 7.787 t + 16 / 116 below; n is the white, D65.

    Args:
        x: sRGB in [0, 1], (..., 3, H, W).

    Returns:
        (..., 3, H, W), in units of Lab. Gradients are finite everywhere, including at black.

    Raises:
        UserError: x does not have three channels.

    Reference:
        CIE 15:2004, Colorimetry, section 8.2.1.1, equations (8.3) to (8.11).

    Example:
        >>> red = torch.tensor([1.0, 0, 0]).view(3, 1, 1)
        >>> lab_from_srgb(red).flatten()
        tensor([53.2406, 80.0923, 67.2027])
    """
    planes = xyz_from_srgb(x).unbind(-3)
    t = torch.stack([p / white for p, white in zip(planes, WHITE, strict=True)], dim=-3)
    cube_root = t.clamp(min=0.008856) ** (1 / 3)
    f_x, f_y, f_z = torch.where(t > 0.008856, cube_root, 7.787 * t + 16 / 116).unbind(-3)
    return torch.stack([116 * f_y - 16, 500 * (f_x - f_y), 200 * (f_y - f_z)], dim=-3)


def srgb_from_lab(lab: Tensor) -> Tensor:
    """Return sRGB in [0, 1] of Lab pictures, both (..., 3, H, W); the inverse of `lab_from_srgb`.

    Many (L, a, b) are outside the sRGB gamut: each channel of sRGB is clipped to [0, 1], as in
    scikit-image, which changes hue and lightness a little. Clipped channels have no gradient.

    Example:
        >>> lab = torch.tensor([53.2406, 80.0942, 67.2015]).view(3, 1, 1)
        >>> srgb_from_lab(lab).flatten().round(decimals=3).abs()
        tensor([1., 0., 0.])
        >>> srgb_from_lab(torch.tensor([50.0, -120.0, 0.0]).view(3, 1, 1)).flatten()  # too green
        tensor([0.0000, 0.6022, 0.4570])
    """
    lightness, a, b = require_rgb(lab, "sRGB").unbind(-3)
    f_y = (lightness + 16) / 116
    f = torch.stack([f_y + a / 500, f_y, f_y - b / 200], dim=-3)
    # Light is not negative, but a b above 200 (L + 16) / 116 would make it so.
    f = torch.cat([f[..., :2, :, :], f[..., 2:, :, :].clamp(min=0)], dim=-3)
    t = torch.where(f > 0.2068966, f**3, (f - 16 / 116) / 7.787)
    planes = [p * white for p, white in zip(t.unbind(-3), WHITE, strict=True)]
    return srgb_from_xyz(torch.stack(planes, dim=-3)).clamp(0, 1)


def luma(x: Tensor) -> Tensor:
    """Return BT.601's Y in the 16..235 convention: (16 + 65.481 R + 128.553 G + 24.966 B) / 255.

    This is the first channel of MATLAB's rgb2ycbcr, on which super-resolution is measured: black
    is 16 / 255, white 235 / 255, so an error in it is 219 / 255 of that in `grey`, and the PSNR
    1.32 dB higher. MATLAB rounds Y of 8-bit pictures to 8 bits; this function does not.

    Args:
        x: sRGB in [0, 1], (..., 3, H, W).

    Returns:
        (..., 1, H, W), in [16 / 255, 235 / 255].

    Raises:
        UserError: x does not have three channels.

    Reference:
        ITU-R BT.601-7, section 2.5; the weights are 219 times (0.299, 0.587, 0.114).

    Example:
        >>> luma(torch.ones(3, 1, 1)) * 255
        tensor([[[235.]]])
    """
    return (
        mix_channels(require_rgb(x, "luma"), ((65.481 / 255, 128.553 / 255, 24.966 / 255),))
        + 16 / 255
    )


def grey(x: Tensor) -> Tensor:
    """Return 0.299 R + 0.587 G + 0.114 B, (..., 1, H, W) in [0, 1], of (..., 3, H, W).

    The grey of denoising sets (MATLAB's rgb2gray, Pillow's "L"): the weights of BT.601 on the
    full range, black 0 and white 1.

    Example:
        >>> grey(torch.tensor([1.0, 0.5, 0.0]).view(3, 1, 1)).item()
        0.5924999713897705
    """
    return mix_channels(require_rgb(x, "grey"), ((0.299, 0.587, 0.114),))


def mix_channels(x: Tensor, rows: tuple[tuple[float, ...], ...]) -> Tensor:
    """Return the channels sum_c row_c x_c, (..., len(rows), H, W), of x, (..., 3, H, W).

    Sums are used because autocast would compute a matrix product in bfloat16.
    """
    r, g, b = x.unbind(-3)
    return torch.stack([i * r + j * g + k * b for i, j, k in rows], dim=-3)


def require_rgb(x: Tensor, what: str) -> Tensor:
    """Return x; raise `UserError` unless it is (..., 3, H, W) and floating."""
    if x.ndim < 3 or x.shape[-3] != 3 or not x.is_floating_point():
        received = f"{x.dtype} of shape {tuple(x.shape)}"
        raise UserError(f"{what} of a picture", "floating (..., 3, H, W)", received)
    return x
