"""Structural similarity, at one scale and at several."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, pad

from immersion.metrics.restoration.validation import validate_images

WINDOW, SIGMA = 11, 1.5
"""Pixels a side and standard deviation in pixels of the Gaussian window (section III-C)."""

C1, C2 = 0.01**2, 0.03**2
"""(K1 L)^2 and (K2 L)^2 with the paper's K1, K2 and a data range L of 1."""


def compute_ssim(x: Tensor, y: Tensor, crop: int = 0) -> Tensor:
    r"""Return the mean structural similarity of each picture, (B,), at most 1.

    SSIM = (2 mu_x mu_y + C1)(2 s_xy + C2) / ((mu_x^2 + mu_y^2 + C1)(s_x^2 + s_y^2 + C2)),

    averaged over the windows that are wholly inside the picture, then over channels.

    Protocol: Gaussian window 11 x 11, sigma 1.5, weights that sum to 1; s_x^2 = E[x^2] - mu_x^2
    (population, no n / (n - 1)); K1 = 0.01, K2 = 0.03; data range 1; no downsampling by the
    picture's size; x neither clipped nor rounded (see `quantise`); `crop` pixels left out on each
    side beforehand; computed in float64. Tables of enlarging take luma, crop = scale; those of
    denoising take all channels, no crop.

    Args:
        x: Restored, (B, C, H, W), H and W at least 11 after the crop.
        y: The truth, (B, C, H, W), in [0, 1].
        crop: Pixels left out on each of the four sides.

    Raises:
        UserError: The shapes do not agree, the truth is not in [0, 1], or no window fits.
        NonFinite: A value is infinite or not a number.

    Reference:
        Wang et al. 2004, Image Quality Assessment: From Error Visibility to Structural
        Similarity, equations (13) to (17), https://doi.org/10.1109/TIP.2003.819861

    Example:
        >>> y = torch.rand(2, 3, 16, 16, generator=torch.manual_seed(0))
        >>> compute_ssim(y, y)
        tensor([1., 1.], dtype=torch.float64)
        >>> black, white = torch.zeros(1, 1, 11, 11), torch.ones(1, 1, 11, 11)
        >>> round(compute_ssim(black, white).item() * 10001, 6)  # C1 / (1 + C1)
        1.0
    """
    luminance, contrast = compute_ssim_maps(*validate_images(x, y, crop, smallest=WINDOW))
    return (luminance * contrast).mean((1, 2, 3))


def compute_ssim_maps(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return equation (6)'s luminance and the product of contrast and structure, (13) to (16).

    Args:
        x: (B, C, H, W) in float64.
        y: (B, C, H, W) in float64.

    Returns:
        Two maps, (B, C, H - 10, W - 10); their product is the SSIM map.
    """
    mean_x, mean_y = _filter(x), _filter(y)
    variances = _filter(x * x) - mean_x**2 + _filter(y * y) - mean_y**2
    covariance = _filter(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
    return luminance, (2 * covariance + C2) / (variances + C2)


def _filter(x: Tensor) -> Tensor:
    """Return the Gaussian-weighted mean at each position of the whole window, axis by axis."""
    offsets = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    weights = (-(offsets**2) / (2 * SIGMA**2)).exp()
    weights = (weights / weights.sum()).reshape(1, 1, WINDOW, 1)
    planes = conv2d(conv2d(x.flatten(0, 1)[:, None], weights), weights.mT)
    return planes.unflatten(0, x.shape[:2])[:, :, 0]


WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The exponents of the scales, finest first (section 3.2)."""

SMALLEST = WINDOW * 2 ** (len(WEIGHTS) - 1) - 2 ** (len(WEIGHTS) - 1) + 1
"""Pixels that a side needs so that one window fits at the coarsest scale: 161."""


def compute_ms_ssim(x: Tensor, y: Tensor, crop: int = 0) -> Tensor:
    r"""Return the multi-scale structural similarity of each picture, (B,), in [0, 1].

    MS-SSIM = l_5^{w_5} prod_j cs_j^{w_j}, with cs_j the mean over windows of contrast times
    structure at scale j and l_5 taken into the mean of the whole SSIM map at scale 5.

    Protocol: five scales, weights 0.0448, 0.2856, 0.3001, 0.2363, 0.1333; each scale is the
    means of 2 x 2 blocks of the one before, the last row or column of an odd side repeated (as in
    the authors' MATLAB code; some packages count a border of zeros there and differ for sides that
    16 does not divide); at each scale the window, constants and data range of `compute_ssim`; a
    negative mean at a scale counts as 0; one product a channel, then the mean over channels; x
    neither clipped nor rounded; `crop` pixels left out on each side; computed in float64.

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
        >>> compute_ms_ssim(y, y)
        tensor([1.], dtype=torch.float64)
        >>> brighter, doubled = (y + 0.1).clamp(0, 1), (2 * y).clamp(0, 1)
        >>> bool(compute_ms_ssim(brighter, y) > compute_ms_ssim(doubled, y))
        True
    """
    x, y = validate_images(x, y, crop, smallest=SMALLEST)
    product = torch.ones(x.shape[:2], dtype=x.dtype, device=x.device)
    for scale, weight in enumerate(WEIGHTS):
        if scale:
            x, y = _downsample(x), _downsample(y)
        luminance, contrast = compute_ssim_maps(x, y)
        last = scale == len(WEIGHTS) - 1
        similarity = (luminance * contrast if last else contrast).mean((2, 3))
        product = product * similarity.clamp(min=0) ** weight
    return product.mean(1)


def _downsample(x: Tensor) -> Tensor:
    odd = (0, x.shape[-1] % 2, 0, x.shape[-2] % 2)
    return avg_pool2d(pad(x, odd, mode="replicate"), 2)
