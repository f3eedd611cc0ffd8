"""One test body for the metrics of every image-to-image task, and their labels in the report."""

import math

import pytest
import torch

from immersion.data import Spec
from immersion.data.patches import PatchSplit
from immersion.evaluation.image_metrics import IMAGE_METRICS
from immersion.evaluation.translators import predict_pairs
from immersion.random import use_seed
from immersion.recipes import RECIPES
from immersion.recipes.image_to_image import get_patches
from immersion.report.labels import MEASURES

COUNT, SIDE = 2, 48
LARGE = 161
"""Side of pictures for the metrics of levels: MS-SSIM needs it."""

PATCHES = Spec("patches", (3, SIDE, SIDE), "unit", ("thing", "ground"))
OF_PICTURES = [name for name, recipe in RECIPES.items() if get_patches(recipe)]


def pictures(masked: bool, side: int) -> PatchSplit:
    """Colour pictures, with a class for each pixel if `masked`."""
    with use_seed(0, "pictures"):
        colours = torch.randint(0, 256, (COUNT, 3, side, side), dtype=torch.uint8)
        masks = torch.randint(0, 2, (COUNT, side, side), dtype=torch.uint8)
    return PatchSplit(tuple(colours), side=side, masks=tuple(masks) if masked else ())


@pytest.mark.parametrize("recipe", OF_PICTURES)
@torch.no_grad()
def test_metrics_are_finite_means_over_pictures_and_have_labels(recipe):
    with use_seed(0, "weights"):
        model = RECIPES[recipe](PATCHES).model.eval()
    levels = model.task.metrics == "levels"
    split = pictures(model.presentation.classes, LARGE if levels else SIDE)
    pairs = predict_pairs(model, model.task, split)
    found = IMAGE_METRICS[model.task.metrics].compute(model.task, pairs, lambda: split)
    assert not levels or "ms_ssim" in found
    assert found and set(found) <= set(MEASURES), "a label and a meaning in report/labels.py"
    for estimate in found.values():
        assert math.isfinite(estimate.value) and estimate.standard_error >= 0
        assert estimate.examples == COUNT
