"""The values themselves as features: pixels of an image, columns of a table."""

import math

from torch import Tensor

from immersion.batch import Split
from immersion.metrics.extractors.base import EXTRACTORS, Data, Extractor


@EXTRACTORS.register("pixels")
class Pixels(Extractor):
    """phi(x) = x, flattened: D features.

    Honest for tables and points; for images it counts a shift by one pixel as a large change.

    Args:
        data: Any.
        train: Not needed.
    """

    def __init__(self, data: Data, train: Split) -> None:
        super().__init__("pixels", math.prod(data.shape))

    def __call__(self, x: Tensor) -> Tensor:
        """Return x, (B, *shape), as (B, D)."""
        return x.flatten(1).float()
