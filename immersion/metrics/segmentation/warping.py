"""The warping error: mistakes of topology, which moving borders cannot repair."""

from functools import cache

import numpy as np
import torch
from scipy.ndimage import label
from torch import Tensor

from immersion.check import NonFinite, UserError
from immersion.metrics.segmentation.objects import label_objects, validate_masks

RADIUS = 20
"""Pixels each way in which splits are searched, as in the challenge's script."""


def compute_warping_error(
    probability: Tensor, truth: Tensor, threshold: float = 0.5, mask: Tensor | None = None
) -> Tensor:
    r"""Return the share of each picture's pixels that `warp` cannot repair, (B,).

    D(T || L) = min over L' that L can be warped to of 1/(H W) sum_hw [L' != T],

    with T the thresholded prediction and L the truth. The minimum is approached, not proved: the
    warp is greedy. Mismatches outside `mask` neither move nor count.

    Args:
        probability: Probability of the interior, (B, H, W), floats.
        truth: (B, H, W), bool, True inside objects and False on borders.
        threshold: Interior is where `probability` exceeds it.
        mask: Pixels where the truth may be moved, (B, H, W), bool; None is everywhere, as in the
            challenge.

    Raises:
        UserError: The shapes do not agree, the truth is not bool, or it has no interior.

    Reference:
        Jain et al. 2010, Boundary Learning by Optimization with Topological Constraints,
        https://doi.org/10.1109/CVPR.2010.5539950

    Example:
        >>> truth = torch.ones(1, 5, 7).bool()
        >>> truth[:, :, 3] = False  # one straight border
        >>> moved, broken = truth.roll(1, 2).float(), truth.float()
        >>> broken[:, 2, 3] = 1  # a gap merges two objects
        >>> [compute_warping_error(p, truth).item() * 35 for p in (moved, broken)]
        [0.0, 1.0]
    """
    shape = warp(probability, truth, threshold, mask)
    wrong = shape != (probability > threshold).cpu()
    return (wrong if mask is None else wrong & mask.cpu()).double().mean((1, 2))


def compute_split_and_merge_error(
    probability: Tensor, truth: Tensor, threshold: float = 0.5
) -> Tensor:
    r"""Return the share of each picture's pixels that split or merge objects, (B,).

    After `warp`, a pixel that is still wrong

    - merges if it is a border in the warped truth and its eight neighbours are of two objects or
      more, objects being 4-connected;
    - splits if it is interior in the warped truth and its eight neighbours are of two objects or
      more, before or after it is taken out of the interior of the 41 x 41 pixels around it.

    Objects and holes that appear or vanish do not count. ISBI 2012's leader board ("minimum splits
    and mergers warping error") is the smallest mean over slices among thresholds 0, 0.1, ..., 0.9;
    the challenge's program gives these numbers.

    Args:
        probability: Probability of the interior, (B, H, W), floats.
        truth: (B, H, W), bool, True inside objects and False on borders.
        threshold: Interior is where `probability` exceeds it.

    Raises:
        UserError: The shapes do not agree, the truth is not bool, or it has no interior.

    Example:
        >>> truth, cut = torch.ones(1, 9, 9).bool(), torch.ones(1, 9, 9)
        >>> cut[:, :, 4] = 0  # nine pixels, eight of which are the same border grown longer
        >>> round(compute_split_and_merge_error(cut, truth).item() * 81)
        1
    """
    shapes = warp(probability, truth, threshold).numpy()
    goals = (probability > threshold).cpu().numpy()
    found = [_splits_and_merges(shape, goal) for shape, goal in zip(shapes, goals, strict=True)]
    return torch.tensor(found, dtype=torch.float64) / truth[0].numel()


def warp(
    probability: Tensor, truth: Tensor, threshold: float = 0.5, mask: Tensor | None = None
) -> Tensor:
    r"""Return the truth moved towards the prediction without a change of topology, (B, H, W).

    Wrong pixels are flipped one by one while they are simple: in the 3 x 3 pixels around a simple
    point, the interior's 4-connected parts that touch it are one and the border's 8-connected
    parts are one, so that no object or hole appears, vanishes, splits or merges. Right pixels are
    never flipped, so a border cannot move past itself. A pass visits the most certain first,
    |probability - threshold| descending, ties column by column; passes follow until one flips
    nothing. Outside the picture is border.

    Args:
        probability: Probability of the interior, (B, H, W), floats.
        truth: (B, H, W), bool, True inside objects and False on borders.
        threshold: Interior is where `probability` exceeds it.
        mask: Pixels where the truth may be moved, (B, H, W), bool; None is everywhere.

    Returns:
        Bool, (B, H, W).

    Raises:
        UserError: The shapes do not agree, the truth is not bool, or it has no interior.
        NonFinite: A probability is infinite or not a number.

    Reference:
        Jain et al. 2010, as above; simple points by Bertrand and Malandain 1994, A New
        Characterization of Three-Dimensional Simple Points, page 172,
        https://doi.org/10.1016/0167-8655(94)90046-9
    """
    invalid = int((~probability.isfinite()).flatten(1).any(1).sum())
    if invalid:
        raise NonFinite(f"the probabilities are not finite for {invalid} of {len(truth)}")
    goals, truths = validate_masks(probability > threshold, truth)
    if mask is not None and mask.shape != truth.shape:
        raise UserError("the mask does not fit", tuple(truth.shape), tuple(mask.shape))
    allowed = np.ones_like(goals) if mask is None else mask.bool().cpu().numpy()
    certainty = (probability.double() - threshold).abs().cpu().numpy()
    stacks = zip(truths, goals, certainty, allowed, strict=True)
    return torch.from_numpy(np.stack([_warp_mask(*picture) for picture in stacks]))


def _warp_mask(
    truth: np.ndarray, goal: np.ndarray, certainty: np.ndarray, allowed: np.ndarray
) -> np.ndarray:
    """Return one truth, (H, W), warped; bytes with a frame of border are the fastest."""
    framed = np.pad(truth, 1)
    width, pixels, simple = framed.shape[1], bytearray(framed.tobytes()), find_simple_points()
    columns, rows = ((truth != goal) & allowed).T.nonzero()
    order = np.argsort(-certainty[rows, columns], kind="stable")
    wrong = ((rows + 1) * width + columns + 1)[order].tolist()
    steps = [row * width + column for row, column in RING]
    flipped = True
    while flipped:
        still = []
        for place in wrong:
            around = sum(pixels[place + step] << bit for bit, step in enumerate(steps))
            if simple[around]:
                pixels[place] ^= 1
            else:
                still.append(place)
        flipped = len(still) < len(wrong)
        wrong = still
    return np.frombuffer(pixels, dtype=bool).reshape(framed.shape)[1:-1, 1:-1].copy()


RING = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if row or column]
"""Steps to the eight neighbours; the place in this list is the bit in `find_simple_points`."""


@cache
def find_simple_points() -> list[bool]:
    """Return whether a pixel is simple, for each of the 256 ways its neighbours can be.

    Example:
        >>> alone, surrounded, on_a_straight_edge = 0, 255, 0b11111000
        >>> [find_simple_points()[ring] for ring in (alone, surrounded, on_a_straight_edge)]
        [False, False, True]
    """
    table = []
    for code in range(256):
        interior = np.zeros((3, 3), dtype=bool)
        for bit, (row, column) in enumerate(RING):
            interior[1 + row, 1 + column] = code >> bit & 1
        parts = label_objects(interior)
        touching = {parts[0, 1], parts[1, 0], parts[1, 2], parts[2, 1]} - {0}
        border = ~interior
        border[1, 1] = False
        table.append(len(touching) == 1 and label(border, np.ones((3, 3)))[1] == 1)
    return table


def _splits_and_merges(shape: np.ndarray, goal: np.ndarray) -> int:
    parts = label_objects(shape)
    found = 0
    for row, column in zip(*(shape != goal).nonzero(), strict=True):
        several = _objects_around(parts, row, column) > 1
        found += several or (shape[row, column] and _splits(shape, row, column))
    return int(found)


def _splits(shape: np.ndarray, row: int, column: int) -> bool:
    top, left = max(row - RADIUS, 0), max(column - RADIUS, 0)
    window = shape[top : row + RADIUS + 1, left : column + RADIUS + 1].copy()
    window[row - top, column - left] = False
    return _objects_around(label_objects(window), row - top, column - left) > 1


def _objects_around(parts: np.ndarray, row: int, column: int) -> int:
    near = parts[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].copy()
    near[row - max(row - 1, 0), column - max(column - 1, 0)] = 0
    return len(set(near.ravel().tolist()) - {0})
