"""Parameters of imaging functions as tensors, safe in a step that is captured in a CUDA graph."""

from functools import cache

import torch
from torch import Tensor

from immersion.check import UserError

Table = tuple["float | Table", ...]
"""Numbers, or rows of them."""


def constant_tensor(table: Table, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a table of numbers as a tensor: the same tensor at every call, so never modify it.

    A captured step may not copy anything to the device; the turns before the capture create the
    tensor. It is never released, because graphs hold its address.

    Args:
        table: One of the few tables in the code.
        dtype: Type of the numbers.
        device: Device of the tensor.

    Example:
        >>> rows = constant_tensor(((1, 2), (3, 4)), torch.float32, torch.device("cpu"))
        >>> rows is constant_tensor(((1, 2), (3, 4)), torch.float32, torch.device("cpu"))
        True
    """
    if torch.compiler.is_compiling():  # a tensor of an exported graph serves nowhere else
        return torch.tensor(table, dtype=dtype, device=device)
    return _cache_tensor(table, dtype, device)


@cache
@torch.inference_mode(False)  # a tensor cached during inference must also serve training
def _cache_tensor(table: Table, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(table, dtype=dtype, device=device)


def broadcast_strength(
    strength: float | Tensor, x: Tensor, what: str, least: float, most: float = torch.inf
) -> Tensor:
    """Return the strength as a tensor that multiplies x: (), or (B, 1, 1, 1) for (B, C, H, W).

    Args:
        strength: A number, or (B,) within the bounds. Bounds of tensors are not checked, since a
            captured step may not wait for a tensor's values.
        x: The pictures, whose type and device the result has.
        what: Name of the strength, for the error.
        least: Lower bound.
        most: Upper bound.

    Raises:
        UserError: The strength is neither a number nor (B,), or a number outside the bounds; or
            x holds integers.

    Example:
        >>> broadcast_strength(torch.tensor([0.1, 0.2]), torch.zeros(2, 3, 4, 4), "sigma", 0).shape
        torch.Size([2, 1, 1, 1])
    """
    if not x.is_floating_point():
        raise UserError(f"the pictures that {what} acts on", "floating pixels in [0, 1]", x.dtype)
    if not isinstance(strength, Tensor):
        if not least <= strength <= most:
            bounds = f"{least:g} or more" if most == torch.inf else f"{least:g} to {most:g}"
            raise UserError(f"{what} is out of bounds", bounds, strength)
        return x.new_full((), strength)
    value = strength.to(x)
    if value.ndim and value.shape != x.shape[:1]:
        shapes = f"{tuple(value.shape)} for {tuple(x.shape)}"
        raise UserError(f"{what} does not fit the pictures", "a number or one per picture", shapes)
    return value.view(-1, *[1] * (x.ndim - 1)) if value.ndim else value
