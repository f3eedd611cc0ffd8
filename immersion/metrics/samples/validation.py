"""Validation of sets of features, shared by all metrics of samples."""

from torch import Tensor

from immersion.check import NonFinite, UserError


def validate_pair(real: Tensor, drawn: Tensor, more_than: int = 1) -> tuple[Tensor, Tensor]:
    """Return two sets of features in float64, after validating them.

    Args:
        real: (N, F).
        drawn: (M, F).
        more_than: Number that N and M must both exceed.

    Raises:
        UserError: The shapes do not agree, or a set is too small.
        NonFinite: A feature is infinite or not a number; no example is silently left out.

    Example:
        >>> import torch
        >>> validate_pair(torch.zeros(3, 2), torch.zeros(4, 5))
        Traceback (most recent call last):
        ...
        immersion.check.UserError: the features cannot be compared: expected (N, F) and (M, F), \
received (3, 2) and (4, 5).
    """
    shapes = tuple(real.shape), tuple(drawn.shape)
    if real.ndim != 2 or drawn.ndim != 2 or real.shape[1] != drawn.shape[1]:
        received = f"{shapes[0]} and {shapes[1]}"
        raise UserError("the features cannot be compared", "(N, F) and (M, F)", received)
    return validate_features("real", real, more_than), validate_features("drawn", drawn, more_than)


def validate_features(name: str, values: Tensor, more_than: int = 0) -> Tensor:
    """Return one set, (N, F), in float64, after validating it; see `validate_pair`."""
    if len(values) <= more_than:
        raise UserError(
            f"there are too few {name} examples",
            f"more than {more_than}",
            len(values),
            "take more examples, or features of fewer dimensions",
        )
    invalid = int((~values.isfinite()).flatten(1).any(1).sum())
    if invalid:
        raise NonFinite(f"the {name} features are not finite for {invalid} of {len(values)}")
    return values.double()
