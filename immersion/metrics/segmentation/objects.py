"""Objects and their borders in two classes: pixel error and Rand error."""

import numpy as np
import torch
from scipy.ndimage import label
from torch import Tensor

from immersion.check import UserError
from immersion.metrics.segmentation.scores import compute_f_score


def validate_masks(predicted: Tensor, truth: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return two stacks of masks as numpy arrays of bool, (B, H, W), after validating them.

    Args:
        predicted: (B, H, W), bool, True inside objects and False on borders.
        truth: (B, H, W), bool.

    Raises:
        UserError: The shapes do not agree, the masks are not bool, or a truth has no interior.
    """
    shapes = tuple(predicted.shape), tuple(truth.shape)
    if shapes[0] != shapes[1] or truth.ndim != 3 or not truth.numel():
        received = f"{shapes[0]} and {shapes[1]}"
        raise UserError("the masks cannot be compared", "(B, H, W) twice", received)
    for mask in (predicted, truth):
        if mask.dtype.is_floating_point or mask.dtype.is_complex or int(mask.max()) > 1:
            what, remedy = "the masks are not of an interior", "compare with a threshold"
            raise UserError(what, "True inside, False on borders", mask.dtype, remedy)
    empty = int((~truth.bool().flatten(1).any(1)).sum())
    if empty:
        raise UserError("a truth has no interior", "one pixel or more", f"{empty} without")
    return predicted.bool().cpu().numpy(), truth.bool().cpu().numpy()


def label_objects(interior: np.ndarray) -> np.ndarray:
    """Return a picture's 4-connected objects numbered from 1, (H, W); borders are 0.

    Example:
        >>> label_objects(np.array([[True, False], [False, True]])).tolist()
        [[1, 0], [0, 2]]
    """
    return label(interior)[0]


def compute_pixel_error(predicted: Tensor, truth: Tensor) -> Tensor:
    """Return the share of each picture's pixels where two masks differ, (B,).

    Protocol: every pixel counts, borders and interior alike. The leader board of ISBI 2012 is
    another number: 1 - the largest F-score of the interior over thresholds 0, 0.1, ..., 0.9, from
    `count_pixels` added over slices:
    `estimate_pooled(count_pixels(p > t, truth), compute_f_score, "share")`.

    Args:
        predicted: (B, H, W), bool, True inside objects and False on borders.
        truth: (B, H, W), bool.

    Raises:
        UserError: The shapes do not agree, the masks are not bool, or a truth has no interior.

    Example:
        >>> truth = torch.tensor([[[1, 1, 0, 1]]]).bool()
        >>> compute_pixel_error(torch.ones(1, 1, 4).bool(), truth)
        tensor([0.2500], dtype=torch.float64)
    """
    both, found, true = count_pixels(predicted, truth).unbind(1)
    return (found + true - 2 * both).double() / truth[0].numel()


def count_pixels(predicted: Tensor, truth: Tensor) -> Tensor:
    """Return the number of interior pixels in both, the prediction, the truth, (B, 3).

    Example:
        >>> truth = torch.tensor([[[1, 1, 0, 1]]]).bool()
        >>> count_pixels(torch.ones(1, 1, 4).bool(), truth)
        tensor([[3, 4, 3]])
    """
    found, true = (torch.from_numpy(mask).flatten(1) for mask in validate_masks(predicted, truth))
    return torch.stack([(found & true).sum(1), found.sum(1), true.sum(1)], 1)


def compute_rand_error(predicted: Tensor, truth: Tensor, with_itself: bool = True) -> Tensor:
    r"""Return 1 - V_Rand of each picture, (B,), in [0, 1].

    V_Rand = sum_ij p_ij^2 / (1/2 sum_i s_i^2 + 1/2 sum_j t_j^2),

    with p_ij the share of pixels in predicted object i and true object j, s_i and t_j its sums:
    the F-score of "two pixels are of one object", see `count_pairs` for the protocol.

    The first leader board of ISBI 2012 is 1 - the largest F over thresholds 0, 0.1, ..., 0.9 of
    the predicted interior, from pair counts added over the stack's slices:
    `estimate_pooled(count_pairs(probability > t, truth), compute_f_score, "share")`; the
    challenge's program gives these numbers. The later board thins borders to one pixel first,
    which is not done here.

    Args:
        predicted: (B, H, W), bool, True inside objects and False on borders.
        truth: (B, H, W), bool.
        with_itself: As for `count_pairs`.

    Raises:
        UserError: The shapes do not agree, the masks are not bool, or a truth has no interior.

    Reference:
        Arganda-Carreras et al. 2015, Crowdsourcing the Creation of Image Segmentation Algorithms
        for Connectomics, V^Rand with alpha = 1/2, https://doi.org/10.3389/fnana.2015.00142

    Example:
        >>> truth = torch.tensor([[[1, 1, 0, 1, 1]]]).bool()  # two objects
        >>> merged = torch.ones(1, 1, 5).bool()
        >>> compute_rand_error(merged, truth)  # 1 - (4 + 4) / (16 / 2 + (4 + 4) / 2)
        tensor([0.3333], dtype=torch.float64)
    """
    return 1 - compute_f_score(count_pairs(predicted, truth, with_itself).double())


def count_pairs(predicted: Tensor, truth: Tensor, with_itself: bool = True) -> Tensor:
    """Return the number of pairs of pixels in one object: in both, found, true, (B, 3).

    Protocol: pixels on true borders are left out of everything; objects are the 4-connected
    components of each picture's interior, found separately; a predicted border pixel in the true
    interior is a separate object; pairs are ordered.

    Args:
        predicted: (B, H, W), bool, True inside objects and False on borders.
        truth: (B, H, W), bool.
        with_itself: If True, a pixel and itself are a pair, n^2 in all, as in the paper and in the
            challenge's program; else n (n - 1), as in scikit-image.

    Returns:
        Integers, (B, 3), for `compute_f_score`.

    Example:
        >>> truth = torch.tensor([[[1, 1, 1, 0, 1]]]).bool()
        >>> predicted = torch.tensor([[[1, 1, 0, 0, 1]]]).bool()
        >>> count_pairs(predicted, truth), count_pairs(predicted, truth, with_itself=False)
        (tensor([[ 6,  6, 10]]), tensor([[2, 2, 6]]))
    """
    stacks = zip(*validate_masks(predicted, truth), strict=True)
    counts = torch.tensor([_pairs(label_objects(p), label_objects(t)) for p, t in stacks])
    if with_itself:
        return counts
    return counts - truth.bool().flatten(1).sum(1).cpu()[:, None]


def _pairs(predicted: np.ndarray, truth: np.ndarray) -> list[int]:
    found, wanted = predicted[truth > 0], truth[truth > 0]
    alone = int((found == 0).sum())  # border pixels: sum of 1^2
    table = np.zeros((predicted.max() + 1, truth.max() + 1), dtype=np.int64)
    np.add.at(table, (found, wanted), 1)
    true = table.sum(0)
    table = table[1:]
    return [
        int((n**2).sum()) + one for n, one in ((table, alone), (table.sum(1), alone), (true, 0))
    ]
