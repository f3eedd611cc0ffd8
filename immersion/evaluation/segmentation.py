"""The metrics of a network that predicts the class of every pixel."""

from collections.abc import Callable, Iterable
from typing import cast

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent

from immersion.batch import VOID
from immersion.data.patches import PatchSplit
from immersion.metrics import Estimate
from immersion.metrics.segmentation.objects import compute_pixel_error, compute_rand_error
from immersion.metrics.segmentation.scores import (
    compute_confusion,
    compute_mean_class_accuracy,
    compute_mean_iou,
    compute_pixel_accuracy,
    estimate_pooled,
)
from immersion.metrics.segmentation.warping import compute_warping_error
from immersion.tasks import Pair
from immersion.tasks.segment import Segment

PROTOCOL = {
    "decision": "the likeliest class",
    "void": "pixels without a class count nowhere",
    "shares": "of pixels pooled over all pictures; classes that are nowhere are left out of means",
    "errors": "the mean over pictures; class 1 is inside objects, class 0 the border between them",
}

POOLED = {
    "mean_iou": compute_mean_iou,
    "pixel_accuracy": compute_pixel_accuracy,
    "mean_class_accuracy": compute_mean_class_accuracy,
}


def compute_class_metrics(
    task: Segment, results: Iterable[tuple[Pair, Distribution]], train: Callable[[], PatchSplit]
) -> dict[str, Estimate]:
    """Return intersection over union and accuracies, and for two classes the errors of objects.

    The errors are the pixel error, the Rand error and the warping error. They are left out where
    a picture has void pixels or none of class 1.
    """
    counts: list[Tensor] = []
    errors: dict[str, list[Tensor]] = {"pixel_error": [], "rand_error": [], "warping_error": []}
    for pair, p in results:
        truth, predicted = pair.target.squeeze(1), task.presentation.estimate(p).squeeze(1)
        counts.append(compute_confusion(predicted, truth, task.classes, VOID))
        if task.classes == 2 and _has_objects(truth):
            interior = truth == 1
            errors["pixel_error"].append(compute_pixel_error(predicted == 1, interior))
            errors["rand_error"].append(compute_rand_error(predicted == 1, interior))
            probability = cast(Categorical, cast(Independent, p).base_dist).probs[:, 1]
            errors["warping_error"].append(compute_warping_error(probability, interior))
    matrix = torch.cat(counts)
    estimates = {name: estimate_pooled(matrix, score, "share") for name, score in POOLED.items()}
    if len(errors["pixel_error"]) < len(counts):
        return estimates
    return estimates | {name: Estimate.of(torch.cat(e), "share") for name, e in errors.items()}


def _has_objects(truth: Tensor) -> bool:
    return bool((truth == 1).any() and (truth != VOID).all())
