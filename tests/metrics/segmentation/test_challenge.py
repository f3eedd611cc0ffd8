"""The scores of ISBI 2012 against numbers that the challenge's own program gave.

Measured with the metrics of Fiji's Trainable_Segmentation (WarpingError with a search radius of
20, RandError, PixelError) on the pictures that `picture` makes: pixels left wrong after the warp,
those that split or merge, the Rand error, wrong pixels, and 1 - F of the interior's pixels.
"""

import numpy as np
import pytest
import torch

from immersion.metrics.segmentation.objects import (
    compute_pixel_error,
    compute_rand_error,
    count_pixels,
)
from immersion.metrics.segmentation.scores import compute_f_score
from immersion.metrics.segmentation.warping import (
    compute_split_and_merge_error,
    compute_warping_error,
)

MEASURED = {
    (0, 0.25): (95, 17, 0.06398339304394018, 226, 0.11649484536082466),
    (0, 0.5): (192, 58, 0.9817426764936961, 391, 0.2594558725945588),
    (1, 0.25): (98, 9, 0.04476775311809256, 215, 0.11192087454450816),
    (1, 0.5): (197, 68, 0.9790825780590184, 387, 0.26130992572586076),
    (2, 0.25): (97, 2, 0.021514791258508636, 193, 0.09943328181349809),
    (2, 0.5): (191, 60, 0.9645927674431236, 371, 0.24264224983649452),
}


def picture(seed):
    """A probability and a truth, (1, 40, 32), from whole numbers alone."""
    i, j = np.mgrid[0:40, 0:32]
    truth = ((i * 5 + j * 3 + seed) % 23 > 3) & ((i * 2 - j * 5) % 19 > 2)
    noise = (i * i * 7 + i * j * 13 + j * j * 11 + seed * 17) % 64
    levels = np.where(truth, 40, 16) + (noise - 32) * 3 // 4
    return torch.from_numpy(levels.clip(0, 64) / 64)[None], torch.from_numpy(truth)[None]


@pytest.mark.parametrize(("seed", "threshold"), MEASURED)
def test_every_score_is_the_challenges(seed, threshold):
    probability, truth = picture(seed)
    predicted = probability > threshold
    found = (
        compute_warping_error(probability, truth, threshold) * 1280,
        compute_split_and_merge_error(probability, truth, threshold) * 1280,
        compute_rand_error(predicted, truth),
        compute_pixel_error(predicted, truth) * 1280,
        1 - compute_f_score(count_pixels(predicted, truth).double()),
    )
    values = [value.item() for value in found]
    np.testing.assert_allclose(values, MEASURED[seed, threshold], rtol=0, atol=1e-10)
