"""Results of commands as text and as JSON."""

import json
import math
from typing import Any

COLUMNS = {
    "data": ("name", "shape", "values", "examples", "place"),
    "runs": ("name", "recipe", "data", "step", "reason", "estimate", "date"),
    "reproduce": ("paper", "claim", "sense", "published", "measured", "unit", "status"),
}
"""Columns of lists that are printed as tables; --json has all of them."""

LISTS = {"data": "datasets", "runs": "runs"}
"""Keys of lists in the results of commands."""


def format_result(command: str, result: Any) -> str:
    """Return a result as text: certain lists as tables of their main columns."""
    rows = result.get(LISTS.get(command)) if isinstance(result, dict) else result
    if command not in COLUMNS or not isinstance(rows, list):
        return format_value(result)
    table = [
        list(COLUMNS[command]),
        *([format_value(row[name]) for name in COLUMNS[command]] for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    padded = ("  ".join(map(str.ljust, line, widths)).rstrip() for line in table)
    return "\n".join(padded)


def format_json(result: Any) -> str:
    """Return a result as one line of JSON, which has no infinity and no NaN: they become null.

    Example:
        >>> format_json({"psnr": math.inf, "terms": [0.5, math.nan]})
        '{"psnr": null, "terms": [0.5, null]}'
    """
    return json.dumps(_replace_non_finite(result), allow_nan=False)


def _replace_non_finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _replace_non_finite(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replace_non_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def format_value(value: Any, indent: str = "") -> str:
    """Return a value as text, one line per entry, nested entries indented."""
    if isinstance(value, dict) and {"value", "standard_error", "unit"} <= set(value):
        error = "" if value["standard_error"] is None else f" +- {value['standard_error']:.4f}"
        return f"{value['value']:.4f}{error} {value['unit']}"
    if isinstance(value, dict):
        lines = []
        for name, inner in value.items():
            text = format_value(inner, indent + "  ")
            nested = isinstance(inner, (dict, list)) and "\n" in text
            lines.append(f"{indent}{name}:" + ("\n" + text if nested else f" {text.strip()}"))
        return "\n".join(lines)
    if isinstance(value, (list, tuple)) and any(isinstance(item, dict) for item in value):
        return "\n\n".join(format_value(item, indent) for item in value)
    if isinstance(value, (list, tuple)):
        return ", ".join(format_value(item) for item in value)
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
