"""Pixel error: the share of pixels on the wrong side of a border."""

import torch
from torch import Tensor

from immersion.metrics.segmentation.interior import masks


def pixel_error(predicted: Tensor, truth: Tensor) -> Tensor:
    """Return the share of each picture's pixels where two masks differ, (B,).

    Protocol: every pixel counts, borders and interior alike. The leader board of ISBI 2012 is
    another number: 1 - the largest F-score of the interior over thresholds 0, 0.1, ..., 0.9, from
    `pixel_counts` added over slices: `pooled(pixel_counts(p > t, truth), f_score, "share")`.

    Args:
        predicted: (B, H, W), bool, True inside objects and False on borders.
        truth: (B, H, W), bool.

    Raises:
        UserError: The shapes do not agree, the masks are not bool, or a truth has no interior.

    Example:
        >>> truth = torch.tensor([[[1, 1, 0, 1]]]).bool()
        >>> pixel_error(torch.ones(1, 1, 4).bool(), truth)
        tensor([0.2500], dtype=torch.float64)
    """
    both, found, true = pixel_counts(predicted, truth).unbind(1)
    return (found + true - 2 * both).double() / truth[0].numel()


def pixel_counts(predicted: Tensor, truth: Tensor) -> Tensor:
    """Return how many pixels are interior in both, the prediction, the truth, (B, 3).

    Example:
        >>> truth = torch.tensor([[[1, 1, 0, 1]]]).bool()
        >>> pixel_counts(torch.ones(1, 1, 4).bool(), truth)
        tensor([[3, 4, 3]])
    """
    found, true = (torch.from_numpy(mask).flatten(1) for mask in masks(predicted, truth))
    return torch.stack([(found & true).sum(1), found.sum(1), true.sum(1)], 1)
