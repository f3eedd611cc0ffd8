"""The cost of bfloat16 on a picture, measured on the picture itself."""

import torch
from torch import Tensor

from immersion.models.prediction import Prediction

MAX_LOSS = 0.03
"""Largest acceptable loss of PSNR in dB."""

MAX_CHANGED = 0.001
"""Largest acceptable share of pixels whose class differs."""

PROBE = 64
"""Side of the part of a picture that is computed in both precisions, in pixels."""


def allows_low_precision(exact: Prediction, rounded: Prediction) -> bool:
    """Return whether the rounded prediction is close enough to the exact one."""
    if exact.uncertainty is None:
        return compute_changed_share(exact.mean, rounded.mean) <= MAX_CHANGED
    return compute_psnr_loss(exact, rounded) <= MAX_LOSS


def compute_psnr_loss(exact: Prediction, rounded: Prediction) -> float:
    r"""Return the loss of PSNR by rounding: 10 log10(1 + E|m' - m|^2 / E sigma^2), in dB.

    The rounding error is independent of the network's own error, so their squares add. The latter
    is unknown, since the truth is, but the network predicts its size: its variance.

    Args:
        exact: Mean m and standard deviation sigma in float32.
        rounded: The same in bfloat16, with mean m'.

    Example:
        >>> exact, rounded = (
        ...     Prediction(torch.full((9,), mean), torch.full((9,), 0.1)) for mean in (0.5, 0.51)
        ... )
        >>> round(compute_psnr_loss(exact, rounded), 3)  # an error a tenth as large
        0.043
    """
    if exact.uncertainty is None:
        raise ValueError("the exact prediction needs an uncertainty")
    error = (rounded.mean - exact.mean).square().mean()
    return (10 * torch.log10(1 + error / exact.uncertainty.square().mean())).item()


def compute_changed_share(exact: Tensor, rounded: Tensor) -> float:
    """Return the share of pixels whose most likely class differs, of (B, K, H, W) twice."""
    return (exact.argmax(1) != rounded.argmax(1)).float().mean().item()
