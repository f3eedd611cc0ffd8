"""Tables of numbers that stay on a device, where each call would copy them there anew."""

from functools import cache

import torch
from torch import Tensor

Table = tuple["float | Table", ...]
"""Numbers, or rows of them."""


@cache
@torch.inference_mode(False)  # what is kept must serve training too, whoever asks for it first
def constant(table: Table, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a table of numbers as a tensor: the same one at every call, so never write into it.

    A step that is captured in a CUDA graph may copy nothing to the device; the turns before the
    capture have put the table there. It is never let go, as graphs hold its address.

    Args:
        table: One of the few that are written in the code.
        dtype: Of the numbers.
        device: Where they stay.

    Example:
        >>> rows = constant(((1, 2), (3, 4)), torch.float32, torch.device("cpu"))
        >>> rows is constant(((1, 2), (3, 4)), torch.float32, torch.device("cpu"))
        True
    """
    return torch.tensor(table, dtype=dtype, device=device)
