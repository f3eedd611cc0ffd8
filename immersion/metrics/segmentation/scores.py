"""Scores of counts that are added over pictures: from confusion matrices, and the F-score."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.metrics.estimate import Estimate


def estimate_pooled(counts: Tensor, score: Callable[[Tensor], Tensor], unit: str) -> Estimate:
    r"""Return score(sum of counts over pictures) and its standard error over pictures.

    With theta_i the score of the sum without picture i and their mean m, the jackknife's
    standard error is sqrt((n - 1) / n sum_i (theta_i - m)^2): s / sqrt(n) where the score is a
    mean over pictures. It is None for one picture, and where leaving one out leaves no score.

    Args:
        counts: One tensor of counts a picture, (N, ...).
        score: From (B, ...) to (B,): takes B such sums at once.
        unit: Unit of the score.

    Raises:
        UserError: The pooled counts have no score, as where every pixel is void.

    Reference:
        Efron 1982, The Jackknife, the Bootstrap and Other Resampling Plans, chapter 3

    Example:
        >>> import torch
        >>> right = torch.tensor([[9.0, 10.0], [7.0, 10.0], [8.0, 10.0]])
        >>> print(estimate_pooled(right, lambda c: c[:, 0] / c[:, 1], "share"))  # 0.1 / sqrt(3)
        0.8 +- 0.058 share (n = 3)
    """
    pictures, wide = len(counts), counts.double()
    total = wide.sum(0)
    value = score(total[None]).item()
    if not math.isfinite(value):
        raise UserError("there is nothing to score", "a pixel that counts", "none")
    without = score(total - wide)
    if pictures < 2 or not without.isfinite().all():
        return Estimate(value, None, pictures, unit)
    variance = (pictures - 1) * without.var(correction=0)
    return Estimate(value, variance.sqrt().item(), pictures, unit)


def compute_f_score(counts: Tensor) -> Tensor:
    r"""Return F = 2 both / (predicted + true), the harmonic mean of precision and recall.

    Args:
        counts: (..., 3): what is positive in both, in the prediction, in the truth.

    Returns:
        (...), in [0, 1]; not a number where nothing is positive.

    Example:
        >>> import torch
        >>> compute_f_score(torch.tensor([[6.0, 8.0, 12.0]]))  # precision 3/4, recall 1/2
        tensor([0.6000])
    """
    return 2 * counts[..., 0] / (counts[..., 1] + counts[..., 2])


def compute_confusion(
    predicted: Tensor, truth: Tensor, classes: int, void: int | None = None
) -> Tensor:
    """Return each picture's confusion matrix, (B, K, K), as integers.

    Entry [b, i, j] counts the pixels of picture b whose class is i and was predicted as j. Pixels
    whose truth is `void` count nowhere, whatever was predicted there. The published scores are of
    the sum over all pictures of a set: `estimate_pooled(matrices, compute_mean_iou, "share")`.

    Args:
        predicted: Classes from 0 to K - 1, (B, H, W), integers.
        truth: Classes from 0 to K - 1 or `void`, (B, H, W), integers.
        classes: K.
        void: The label of pixels that are not evaluated; None where all are.

    Raises:
        UserError: The shapes do not agree, or a label is none of the classes.

    Example:
        >>> predicted, truth = torch.tensor([[[0, 1, 1, 1]]]), torch.tensor([[[0, 0, 1, 255]]])
        >>> compute_confusion(predicted, truth, 2, void=255).tolist()
        [[[1, 1], [0, 1]]]
    """
    shapes = tuple(predicted.shape), tuple(truth.shape)
    if shapes[0] != shapes[1] or truth.ndim != 3 or not truth.numel():
        received = f"{shapes[0]} and {shapes[1]}"
        raise UserError("the masks cannot be compared", "(B, H, W) twice", received)
    if predicted.is_floating_point() or truth.is_floating_point():
        received = f"{predicted.dtype} and {truth.dtype}"
        raise UserError("the masks are not of classes", "integers", received, "take the argmax")
    evaluated = torch.ones_like(truth, dtype=torch.bool) if void is None else truth != void
    pictures = len(truth)
    first, second = truth[evaluated].long(), predicted[evaluated].long()
    for name, labels in (("truth", first), ("prediction", second)):
        if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
            received = f"{labels.min().item()} to {labels.max().item()}"
            what = f"the {name} has a label that is no class"
            raise UserError(what, f"0 to {classes - 1}", received, "name its void label")
    places = evaluated.nonzero()[:, 0]  # which picture each evaluated pixel is of
    cells = (places * classes + first) * classes + second
    counts = torch.bincount(cells, minlength=pictures * classes**2)
    return counts.reshape(pictures, classes, classes)


def compute_pixel_accuracy(matrix: Tensor) -> Tensor:
    """Return the share of evaluated pixels whose class is right, (...), from (..., K, K).

    Example:
        >>> compute_pixel_accuracy(torch.tensor([[3, 1], [0, 4]]))
        tensor(0.8750, dtype=torch.float64)
    """
    return _right(matrix).sum(-1) / matrix.double().sum((-2, -1))


def compute_mean_class_accuracy(matrix: Tensor) -> Tensor:
    """Return the mean over classes of the share of their pixels that is right, (...).

    Protocol: of one matrix, so sum over pictures first; classes without a true
    pixel are left out of the mean.

    Example:
        >>> compute_mean_class_accuracy(torch.tensor([[3, 1, 0], [0, 4, 0], [0, 0, 0]]))
        tensor(0.8750, dtype=torch.float64)
    """
    return (_right(matrix) / matrix.double().sum(-1)).nanmean(-1)


def compute_mean_iou(matrix: Tensor) -> Tensor:
    r"""Return the mean over classes of intersection over union, (...), from (..., K, K).

    Protocol: of one matrix, so sum over pictures first (a mean of pictures' own
    means is another number); classes that are neither in the truth nor predicted are left out of
    the mean; a class that is predicted but never true counts as 0.

    Reference:
        Everingham et al. 2015, The Pascal Visual Object Classes Challenge: A Retrospective,
        https://doi.org/10.1007/s11263-014-0733-5

    Example:
        >>> compute_mean_iou(torch.tensor([[3, 1, 0], [0, 4, 0], [0, 0, 0]]))  # (3/4 + 4/5) / 2
        tensor(0.7750, dtype=torch.float64)
    """
    return compute_iou(matrix).nanmean(-1)


def compute_iou(matrix: Tensor) -> Tensor:
    """Return each class's intersection over union, (..., K); not a number where it is absent."""
    wide = matrix.double()
    return _right(matrix) / (wide.sum(-1) + wide.sum(-2) - _right(matrix))


def _right(matrix: Tensor) -> Tensor:
    return matrix.double().diagonal(dim1=-2, dim2=-1)
