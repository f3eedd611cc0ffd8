"""Peak signal-to-noise ratio, and the rounding of published tables."""

from torch import Tensor

from immersion.metrics.restoration.validation import validate_images


def compute_psnr(x: Tensor, y: Tensor, crop: int = 0) -> Tensor:
    r"""Return the peak signal-to-noise ratio of each picture, (B,), in dB.

    PSNR = -10 log10 mse, mse = 1/(C H W) sum_chw (x - y)^2, with a peak of 1.

    Protocol: one mean squared error a picture over all its channels and pixels (the mean over
    pictures is then of dB, not of errors); data range 1; x as it is, neither clipped nor rounded;
    `crop` pixels left out on each side; computed in float64. Equal pictures give infinity.

    Published tables compute:

    - denoising: `compute_psnr(quantise(x), y)`, no crop;
    - enlarging by s, "PSNR-Y": `compute_psnr(luma(quantise(x)), luma(y), crop=s)` with luma of
      BT.601 from 16 to 235, divided by 255: the peak is 255, not 219, so that luma's PSNR is
      higher by 1.3 dB than it would be over luma's own range. Some tables round luma again.

    Args:
        x: Restored, (B, C, H, W).
        y: The truth, (B, C, H, W), in [0, 1].
        crop: Pixels left out on each of the four sides.

    Raises:
        UserError: The shapes do not agree, the truth is not in [0, 1], or the crop leaves nothing.
        NonFinite: A value is infinite or not a number.

    Example:
        >>> import torch
        >>> y = torch.full((1, 3, 4, 4), 0.5)
        >>> compute_psnr(y + 0.1, y).round(decimals=3)
        tensor([20.], dtype=torch.float64)
    """
    x, y = validate_images(x, y, crop)
    return -10 * (x - y).square().flatten(1).mean(1).log10()


def quantise(x: Tensor) -> Tensor:
    """Return x clipped to [0, 1] and rounded to the 256 levels k / 255, as a file of 8 bits is.

    Halves go to the even level, as in numpy and torch (MATLAB rounds them up).

    Example:
        >>> import torch
        >>> quantise(torch.tensor([-0.2, 0.5, 0.7, 1.3])) * 255
        tensor([  0., 128., 178., 255.])
    """
    return (x.clamp(0, 1) * 255).round() / 255
