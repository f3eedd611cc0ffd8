"""Values of flags: from words to the types that signatures have, and back."""

import contextlib
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

SCALARS = {
    int: ("N", "a whole number"),
    float: ("X", "a number"),
    bool: ("", "true or false"),
    str: ("TEXT", "text"),
    Path: ("PATH", "a path"),
}
"""Type -> its placeholder in help, and its name in an error."""

BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def list_alternatives(kind: Any) -> list[Any]:
    """Return the types that a type allows, without None.

    Example:
        >>> list_alternatives(int | None)
        [<class 'int'>]
    """
    union = get_origin(kind) in (Union, types.UnionType)
    return [part for part in (get_args(kind) if union else [kind]) if part is not type(None)]


def list_words(kind: Any) -> tuple[str, ...]:
    """Return the words that a type names: those of a `Literal`, alone or among alternatives."""
    literals = [part for part in list_alternatives(kind) if get_origin(part) is Literal]
    return tuple(str(word) for literal in literals for word in get_args(literal))


def is_expressible(kind: Any) -> bool:
    """Return whether words can express a value of the type: no function or mapping, for example.

    Example:
        >>> is_expressible(tuple[Path, ...]), is_expressible(dict[str, int])
        (True, False)
    """
    return all(
        part in SCALARS
        or get_origin(part) is Literal
        or (get_origin(part) is tuple and all(map(is_expressible, _list_items(part))))
        for part in list_alternatives(kind)
    )


def count_words(kind: Any) -> int | None:
    """Return the number of words of a value, or None if any number is allowed.

    Example:
        >>> count_words(int), count_words(tuple[int, int] | None), count_words(tuple[Path, ...])
        (1, 2, None)
    """
    kind = list_alternatives(kind)[0]
    if get_origin(kind) is not tuple:
        return 1
    return None if ... in get_args(kind) else len(get_args(kind))


def parse_words(kind: Any, words: tuple[str, ...]) -> Any:
    """Return the value that words express.

    Args:
        kind: An expressible type; of several alternatives the first that fits is taken.
        words: The words.

    Raises:
        ValueError: They express no value of the type.

    Example:
        >>> parse_words(float | Literal["leave-one-out"], ("leave-one-out",))
        'leave-one-out'
        >>> parse_words(tuple[int, int] | None, ("0", "7"))
        (0, 7)
    """
    for alternative in list_alternatives(kind):
        with contextlib.suppress(ValueError, KeyError):
            return _parse_one(alternative, words)
    raise ValueError(f"not {describe_type(kind)}")


def _parse_one(kind: Any, words: tuple[str, ...]) -> Any:
    if get_origin(kind) is tuple:
        items = _list_items(kind)
        items = items * len(words) if ... in get_args(kind) else items
        return tuple(parse_words(k, (word,)) for k, word in zip(items, words, strict=True))
    (word,) = words
    if get_origin(kind) is Literal:
        return {str(value): value for value in get_args(kind)}[word]
    if kind is Path and not word:
        raise ValueError("an empty path")
    return BOOLEANS[word.lower()] if kind is bool else kind(word)


def format_words(value: Any) -> tuple[str, ...]:
    """Return the words that express a value, as a file or a default has it.

    Example:
        >>> format_words((0, 7)), format_words(True), format_words(1e-3)
        (('0', '7'), ('true',), ('0.001',))
    """
    if isinstance(value, (tuple, list)):
        return tuple(word for item in value for word in format_words(item))
    return (str(value).lower() if isinstance(value, bool) else str(value),)


def describe_type(kind: Any) -> str:
    """Return a type in words, for an error.

    Example:
        >>> describe_type(tuple[int, int] | None), describe_type(Literal["adam", "sgd"])
        ('2 words, each a whole number', 'one of adam, sgd')
    """
    return " or ".join(map(_describe_one, list_alternatives(kind)))


def _describe_one(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if get_origin(kind) is tuple:
        count = count_words(kind) or "one or more"
        return f"{count} words, each {describe_type(_list_items(kind)[0])}"
    return SCALARS[kind][1]


def format_placeholder(kind: Any) -> str:
    """Return the placeholder of a value in help.

    Example:
        >>> format_placeholder(tuple[int, int]), format_placeholder(float | Literal["auto"])
        ('N N', 'X|auto')
    """
    parts = list_alternatives(kind)
    if len(parts) == 1 and get_origin(parts[0]) is Literal:
        return "NAME"
    return "|".join(map(_format_one, parts))


def _format_one(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "|".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        item = format_placeholder(_list_items(kind)[0])
        return " ".join([item] * (count_words(kind) or 1)) + (
            "..." if ... in get_args(kind) else ""
        )
    return SCALARS[kind][0]


def _list_items(kind: Any) -> list[Any]:
    """Return the types of a tuple's items, without the ellipsis."""
    return [part for part in get_args(kind) if part is not ...]
