"""Types of settings that are given in Python."""

import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

from immersion.check import UserError

NUMBERS = (bool, int, float, str)
"""Types that are checked; others are the caller's business."""


def convert_settings(settings: Mapping[str, Any], hints: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as plain Python values of their annotated types.

    Numbers of NumPy become Python's, so that records can hold them, and 5.0 becomes 5 where an
    integer is wanted.

    Args:
        settings: Values by name.
        hints: Annotations by name; a setting without one is returned unchanged.

    Raises:
        UserError: A value is of another type.

    Example:
        >>> import numpy as np
        >>> convert_settings({"steps": np.int64(5)}, {"steps": int | None})
        {'steps': 5}
        >>> convert_settings({"steps": "5"}, {"steps": int | None})
        Traceback (most recent call last):
        ...
        immersion.check.UserError: steps has the wrong type: expected int or None, received '5'.
    """
    return {name: _convert(name, value, hints.get(name, Any)) for name, value in settings.items()}


def _convert(name: str, value: Any, annotation: Any) -> Any:
    plain = value.item() if hasattr(value, "dtype") and getattr(value, "ndim", 1) == 0 else value
    members = _list_members(annotation)
    if not all(member in NUMBERS or member is type(None) for member in members):
        return plain
    for member in members:
        if _is_of(plain, member):
            return plain if member in (str, type(None)) else member(plain)
    expected = " or ".join("None" if m is type(None) else m.__name__ for m in members)
    raise UserError(f"{name} has the wrong type", expected, repr(value))


def _list_members(annotation: Any) -> tuple[Any, ...]:
    """Return the types of a union, or the one type; literals are strings."""
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(member for part in get_args(annotation) for member in _list_members(part))
    if get_origin(annotation) is Literal:
        return tuple(dict.fromkeys(type(choice) for choice in get_args(annotation)))
    return (annotation,)


def _is_of(value: Any, member: type) -> bool:
    if member is int:
        whole = isinstance(value, float) and value.is_integer()
        return (isinstance(value, int) and not isinstance(value, bool)) or whole
    if member is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, member)
