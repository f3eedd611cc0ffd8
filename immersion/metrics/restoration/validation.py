"""Validation of restored pictures and the truth, shared by all metrics of restoration."""

from torch import Tensor

from immersion.check import NonFinite, UserError

TOLERANCE = 1e-5
"""Tolerance beyond [0, 1] for the truth: round-off of a colour conversion."""


def validate_images(
    x: Tensor, y: Tensor, crop: int = 0, smallest: int = 1
) -> tuple[Tensor, Tensor]:
    """Return restored pictures and the truth in float64 without their border.

    Args:
        x: Restored, (B, C, H, W); may leave [0, 1].
        y: The truth, (B, C, H, W), in [0, 1].
        crop: Pixels removed from each of the four sides.
        smallest: Smallest allowed side after the crop, in pixels.

    Raises:
        UserError: The shapes do not agree, the truth is not in [0, 1], or too little is left.
        NonFinite: A value is infinite or not a number; no picture is silently left out.

    Example:
        >>> import torch
        >>> validate_images(torch.zeros(1, 1, 8, 8), torch.full((1, 1, 8, 8), 255.0))
        Traceback (most recent call last):
        ...
        immersion.check.UserError: the truth is out of range: expected values in [0, 1], \
received 255 to 255; divide 8-bit levels by 255.
    """
    validate_shapes("pictures", x, y)
    if y.min() < -TOLERANCE or y.max() > 1 + TOLERANCE:
        received = f"{y.min().item():g} to {y.max().item():g}"
        remedy = "divide 8-bit levels by 255"
        raise UserError("the truth is out of range", "values in [0, 1]", received, remedy)
    height, width = (side - 2 * crop for side in y.shape[-2:])
    if crop < 0 or min(height, width) < smallest:
        raise UserError(
            "the pictures are too small",
            f"{smallest} pixels or more a side within a border of {crop}",
            f"{y.shape[-2]} x {y.shape[-1]}",
        )
    window = (..., slice(crop, crop + height), slice(crop, crop + width))
    return x[window].double(), y[window].double()


def validate_shapes(name: str, x: Tensor, y: Tensor) -> None:
    """Raise UserError or NonFinite unless x and y are finite floats of one shape (B, C, H, W)."""
    shapes = tuple(x.shape), tuple(y.shape)
    if shapes[0] != shapes[1] or x.ndim != 4 or not x.numel():
        received = f"{shapes[0]} and {shapes[1]}"
        raise UserError(f"the {name} cannot be compared", "(B, C, H, W) twice", received)
    if not (x.is_floating_point() and y.is_floating_point()):
        raise UserError(
            f"the {name} are not floats", "a float dtype", f"{x.dtype} and {y.dtype}", "scale them"
        )
    for side, values in (("restored", x), ("true", y)):
        invalid = int((~values.isfinite()).flatten(1).any(1).sum())
        if invalid:
            raise NonFinite(f"the {side} {name} are not finite for {invalid} of {len(values)}")
