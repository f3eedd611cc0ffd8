"""The prediction of an image-to-image network for a picture, and for a shrunk one."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from immersion.imaging.thumbnail import upsample_window
from immersion.models.tiles import crop_to_tile, iterate_tiles, pad_to_tile


@dataclass(frozen=True, eq=False)
class Prediction:
    """A point estimate, and how uncertain it is.

    Args:
        mean: (B, C_out, h, w): a point estimate of each value; for classes (B, K, h, w), their
            probabilities, or (B, 1, h, w), the numbers of the most likely ones.
        uncertainty: Standard deviation of each value, (B, C_out, h, w); None for classes.
    """

    mean: Tensor
    uncertainty: Tensor | None = None

    def map(self, function: Callable[[Tensor], Tensor]) -> "Prediction":
        """Return the prediction with a function applied to both tensors."""
        uncertainty = None if self.uncertainty is None else function(self.uncertainty)
        return Prediction(function(self.mean), uncertainty)

    def select_classes(self) -> "Prediction":
        """Return the most likely classes, (B, 1, h, w), of probabilities; others as they are."""
        if self.uncertainty is not None:
            return self
        return Prediction(self.mean.argmax(1, keepdim=True))


class DownscaledPrediction:
    """The prediction for a picture of any size from a network that sees it shrunk.

    Args:
        predict: The network's prediction for its input, (B, C_in, h, w).
        small: The shrunk picture.
        scale: Factor by which it was shrunk.
        multiple: Divisor of both sides of the network's input.
    """

    def __init__(
        self, predict: Callable[[Tensor], Prediction], small: Tensor, scale: float, multiple: int
    ) -> None:
        height, width = small.shape[-2:]
        whole = next(iterate_tiles(height, width, max(height, width), 0, multiple))
        prediction = predict(pad_to_tile(small, whole))
        self.scale = scale
        self.prediction = prediction.map(lambda x: crop_to_tile(x, whole, 1))

    def window(self, rows: range, columns: range) -> Prediction:
        """Return the prediction for a window of the large picture."""
        return self.prediction.map(lambda x: upsample_window(x, self.scale, rows, columns))
