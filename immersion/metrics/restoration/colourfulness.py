"""Colourfulness of a picture, its error against the truth, and PSNR of chroma."""

import math

from torch import Tensor

from immersion.check import UserError
from immersion.metrics.restoration.validation import validate_images, validate_shapes

CHROMA_RANGE = 255.0
"""The peak of `compute_psnr_ab`: from -128 to 127, the range of a and b in a file of 8-bit Lab."""


def compute_colourfulness(x: Tensor) -> Tensor:
    r"""Return Hasler and Suesstrunk's third measure M3 of each picture, (B,); grey is 0.

    M3 = sqrt(s_rg^2 + s_yb^2) + 0.3 sqrt(mu_rg^2 + mu_yb^2), rg = R - G, yb = (R + G) / 2 - B,

    with standard deviations s and means mu over a picture's pixels.

    Protocol: sRGB levels from 0 to 255 (255 x here, not rounded), as the paper's
    scale needs: 15 slightly, 33 moderately, 45 averagely, 59 quite, 82 highly, 109 extremely
    colourful; s^2 divides by the number of pixels; rg and yb keep their signs (some
    implementations take absolute values first and differ); computed in float64.

    Args:
        x: sRGB, (B, 3, H, W), in [0, 1].

    Raises:
        UserError: x is not (B, 3, H, W) in [0, 1]; clip a network's output first.
        NonFinite: A value is infinite or not a number.

    Reference:
        Hasler and Suesstrunk 2003, Measuring Colourfulness in Natural Images,
        https://doi.org/10.1117/12.477378

    Example:
        >>> import torch
        >>> grey, red = torch.full((1, 3, 2, 2), 0.5), torch.zeros(1, 3, 2, 2)
        >>> red[:, 0] = 1
        >>> compute_colourfulness(torch.cat([grey, red])).round(decimals=3)  # 38.25 sqrt 5
        tensor([ 0.0000, 85.5300], dtype=torch.float64)
    """
    if x.ndim != 4 or x.shape[1] != 3:
        raise UserError("colourfulness is of colours", "(B, 3, H, W)", tuple(x.shape))
    red, green, blue = (255 * validate_images(x, x)[0]).flatten(2).unbind(1)
    rg, yb = red - green, (red + green) / 2 - blue
    spread = (rg.var(1, correction=0) + yb.var(1, correction=0)).sqrt()
    return spread + 0.3 * (rg.mean(1).square() + yb.mean(1).square()).sqrt()


def compute_colourfulness_error(x: Tensor, y: Tensor) -> Tensor:
    """Return |M3(x) - M3(y)| of each picture, (B,), in units of `compute_colourfulness`.

    Args:
        x: Coloured, sRGB, (B, 3, H, W), in [0, 1].
        y: The truth, (B, 3, H, W).
    """
    validate_shapes("pictures", x, y)
    return (compute_colourfulness(x) - compute_colourfulness(y)).abs()


def compute_psnr_ab(x: Tensor, y: Tensor) -> Tensor:
    r"""Return the peak signal-to-noise ratio of chroma in CIE Lab of each picture, (B,), in dB.

    PSNR_ab = 10 log10 (255^2 / mse), mse = 1/(2 H W) sum_hw (a_x - a_y)^2 + (b_x - b_y)^2.

    Protocol: a and b together in one mean squared error a picture; L left out, for a colouriser is
    given it; peak 255, the range from -128 to 127 that 8-bit Lab gives a and b (sRGB itself spans
    -86 to 98 and -108 to 94; papers rarely name their peak, so that numbers compare within one
    definition alone: a peak of 220, the range +-110 of quantised chroma, is 1.28 dB lower);
    no rounding, no crop; computed in float64. Equal chroma gives infinity.

    Args:
        x: Coloured, Lab, (B, 3, H, W), L in [0, 100], a and b in their own units.
        y: The truth, (B, 3, H, W).

    Raises:
        UserError: The shapes do not agree, or there are not three channels.
        NonFinite: A value is infinite or not a number.

    Reference:
        PSNR of the ab channels as in Vitoria et al. 2020, ChromaGAN,
        https://arxiv.org/abs/1907.09837; ab alone also in Zhang et al. 2016, Colorful Image
        Colorization, https://arxiv.org/abs/1603.08511

    Example:
        >>> import torch
        >>> lab = torch.zeros(1, 3, 2, 2)
        >>> compute_psnr_ab(lab + 25.5, lab).round(decimals=6)
        tensor([20.], dtype=torch.float64)
    """
    validate_shapes("Lab pictures", x, y)
    if x.shape[1] != 3:
        raise UserError("Lab has three channels", "(B, 3, H, W)", tuple(x.shape))
    error = (x[:, 1:].double() - y[:, 1:].double()).square().flatten(1).mean(1)
    return 20 * math.log10(CHROMA_RANGE) - 10 * error.log10()
