"""Multi-scale structural similarity: contrast at five scales, luminance at the coarsest alone."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from immersion.metrics.restoration.checked import pictures
from immersion.metrics.restoration.ssim import WINDOW, maps

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The exponents of the scales, finest first (section 3.2)."""

SMALLEST = WINDOW * 2 ** (len(WEIGHTS) - 1) - 2 ** (len(WEIGHTS) - 1) + 1
"""Pixels that a side needs so that one window fits at the coarsest scale: 161."""


def ms_ssim(x: Tensor, y: Tensor, crop: int = 0) -> Tensor:
    r"""Return the multi-scale structural similarity of each picture, (B,), in [0, 1].

    MS-SSIM = l_5^{w_5} prod_j cs_j^{w_j}, with cs_j the mean over windows of contrast times
    structure at scale j and l_5 taken into the mean of the whole SSIM map at scale 5.

    Protocol: five scales, weights 0.0448, 0.2856, 0.3001, 0.2363, 0.1333; each scale is the
    means of 2 x 2 blocks of the one before, the last row or column of an odd side repeated (as in
    the authors' MATLAB code; some packages count a border of zeros there and differ for sides that
    16 does not divide); at each scale the window, constants and data range of `ssim`; a negative
    mean at a scale counts as 0; one product a channel, then the mean over channels; x neither
    clipped nor rounded; `crop` pixels left out on each side; computed in float64.

    Args:
        x: Restored, (B, C, H, W), H and W at least 161 after the crop.
        y: The truth, (B, C, H, W), in [0, 1].
        crop: Pixels left out on each of the four sides.

    Raises:
        UserError: The shapes do not agree, the truth is not in [0, 1], or a side is too short.
        NonFinite: A value is infinite or not a number.

    Reference:
        Wang, Simoncelli and Bovik 2003, Multi-Scale Structural Similarity for Image Quality
        Assessment, equation (7), https://doi.org/10.1109/ACSSC.2003.1292216

    Example:
        >>> y = torch.rand(1, 1, 176, 176, generator=torch.manual_seed(0))
        >>> ms_ssim(y, y)
        tensor([1.], dtype=torch.float64)
        >>> bool(ms_ssim((y + 0.1).clamp(0, 1), y) > ms_ssim((2 * y).clamp(0, 1), y))
        True
    """
    x, y = pictures(x, y, crop, smallest=SMALLEST)
    product = torch.ones(x.shape[:2], dtype=x.dtype, device=x.device)
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            x, y = _halved(x), _halved(y)
        luminance, contrast = maps(x, y)
        last = scale == len(WEIGHTS) - 1
        similarity = (luminance * contrast if last else contrast).mean((2, 3))
        product = product * similarity.clamp(min=0) ** weight
    return product.mean(1)


def _halved(x: Tensor) -> Tensor:
    odd = (0, x.shape[-1] % 2, 0, x.shape[-2] % 2)
    return avg_pool2d(pad(x, odd, mode="replicate"), 2)
