"""Whether bfloat16 may be used for a picture: what it costs is measured on the picture itself."""

import torch
from torch import Tensor
from torch.distributions import Distribution

MOST = 0.03
"""PSNR in dB that may be lost."""

CHANGED = 0.001
"""Share of the pixels whose class may change."""

PROBE = 64
"""Side of the part of a picture that is worked on in both precisions, in pixels."""


def decibels_lost(exact: Distribution, rounded: Distribution) -> float:
    r"""Return how much PSNR falls by rounding: 10 log10(1 + E|m' - m|^2 / E sigma^2), in dB.

    Rounding adds an error that has nothing to do with the network's own, so their squares add up.
    The network's own is not known, since the truth is not; but it says how large it expects it to
    be: its variance.

    Args:
        exact: p(target | input) in float32, with mean m and standard deviation sigma.
        rounded: The same in bfloat16, with mean m'.

    Example:
        >>> from torch.distributions import Normal
        >>> exact, rounded = (Normal(torch.full((9,), mean), 0.1) for mean in (0.5, 0.51))
        >>> round(decibels_lost(exact, rounded), 3)  # an error a tenth as large
        0.043
    """
    added = (rounded.mean - exact.mean).square().mean()
    return (10 * torch.log10(1 + added / exact.variance.mean())).item()


def classes_changed(exact: Tensor, rounded: Tensor) -> float:
    """Return the share of pixels whose likeliest class is another, of (B, K, H, W) twice."""
    return (exact.argmax(1) != rounded.argmax(1)).float().mean().item()
