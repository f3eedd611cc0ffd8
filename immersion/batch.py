"""What an objective is given: the examples of one step and the step's number."""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """One batch of examples.

    Args:
        x: (B, *shape), float32.
        y: (B,) int64 labels, or None where the data have none.
        step: () int64, the number of training steps made before this one; a tensor on the
            batch's device, so that warm-ups can be captured in a CUDA graph.
    """

    x: Tensor
    y: Tensor | None
    step: Tensor
