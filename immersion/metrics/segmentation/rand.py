"""The foreground-restricted Rand score: are pairs of pixels together that belong together?"""

import numpy as np
import torch
from torch import Tensor

from immersion.metrics.segmentation.interior import masks, objects
from immersion.metrics.segmentation.pooled import f_score


def rand_error(predicted: Tensor, truth: Tensor, with_itself: bool = True) -> Tensor:
    r"""Return 1 - V_Rand of each picture, (B,), in [0, 1].

    V_Rand = sum_ij p_ij^2 / (1/2 sum_i s_i^2 + 1/2 sum_j t_j^2),

    with p_ij the share of pixels in predicted object i and true object j, s_i and t_j its sums:
    the F-score of "two pixels are of one object", see `pair_counts` for the protocol.

    The first leader board of ISBI 2012 is 1 - the largest F over thresholds 0, 0.1, ..., 0.9 of
    the predicted interior, from pair counts added over the stack's slices:
    `pooled(pair_counts(probability > t, truth), f_score, "share")`; the challenge's program gives
    these numbers. The later board thins borders to one pixel first, which is not done here.

    Args:
        predicted: (B, H, W), bool, True inside objects and False on borders.
        truth: (B, H, W), bool.
        with_itself: As for `pair_counts`.

    Raises:
        UserError: The shapes do not agree, the masks are not bool, or a truth has no interior.

    Reference:
        Arganda-Carreras et al. 2015, Crowdsourcing the Creation of Image Segmentation Algorithms
        for Connectomics, V^Rand with alpha = 1/2, https://doi.org/10.3389/fnana.2015.00142

    Example:
        >>> truth = torch.tensor([[[1, 1, 0, 1, 1]]]).bool()  # two objects, and they are merged
        >>> rand_error(torch.ones(1, 1, 5).bool(), truth)  # 1 - (4 + 4) / (16 / 2 + (4 + 4) / 2)
        tensor([0.3333], dtype=torch.float64)
    """
    return 1 - f_score(pair_counts(predicted, truth, with_itself).double())


def pair_counts(predicted: Tensor, truth: Tensor, with_itself: bool = True) -> Tensor:
    """Return how many pairs of pixels are of one object: in both, found, true, (B, 3).

    Protocol: pixels on true borders are left out of everything; objects are the 4-connected
    components of each picture's interior, found on its own; a predicted border pixel in the true
    interior is an object of its own; pairs are ordered.

    Args:
        predicted: (B, H, W), bool, True inside objects and False on borders.
        truth: (B, H, W), bool.
        with_itself: Whether a pixel and itself are a pair, n^2 in all, as in the paper and in the
            challenge's program; False counts n (n - 1), as scikit-image does.

    Returns:
        Integers, (B, 3), for `f_score`.

    Example:
        >>> truth = torch.tensor([[[1, 1, 1, 0, 1]]]).bool()
        >>> predicted = torch.tensor([[[1, 1, 0, 0, 1]]]).bool()
        >>> pair_counts(predicted, truth), pair_counts(predicted, truth, with_itself=False)
        (tensor([[ 6,  6, 10]]), tensor([[2, 2, 6]]))
    """
    stacks = zip(*masks(predicted, truth), strict=True)
    counts = torch.tensor([_pairs(objects(p), objects(t)) for p, t in stacks])
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
