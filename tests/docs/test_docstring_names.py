"""Names in backticks in the package's docstrings exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "immersion"
SOURCES = {path.relative_to(PACKAGE): path.read_text() for path in PACKAGE.rglob("*.py")}
NODES = [node for text in SOURCES.values() for node in ast.walk(ast.parse(text))]
CALLABLE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

CALLED = {node.name for node in NODES if isinstance(node, CALLABLE)} | {
    (node.asname or node.name).split(".")[-1] for node in NODES if isinstance(node, ast.alias)
}
NAMED = (
    CALLED
    | {part for path in SOURCES for part in path.with_suffix("").parts}
    | {node.arg for node in NODES if isinstance(node, ast.arg)}
    | {node.id for node in NODES if isinstance(node, ast.Name)}
    | {node.attr for node in NODES if isinstance(node, ast.Attribute)}
    | {  # keys of records and names in registries
        word
        for node in NODES
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value
        for word in re.findall(r"\w+", node.value)
    }
)
OTHERS = {
    "class_",
    "function",
    "grid_sample",
    "http_equiv",
    "im",
    "matrices",
    "measure_setting",
    "pandas",
}
"""Names of PyTorch and of HTML, an example's variables, a pattern of names."""


def names(docstring: str) -> Iterator[tuple[str, bool]]:
    """Yield the names in backticks, and whether each is called; commands and files have none."""
    for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", docstring):
        if not re.match(r"immersion |scripts/", code):
            code = re.sub(r'"[^"]*"', "", code)
            for match in re.finditer(r"(?<![\w.-])([A-Za-z_]\w*)(\()?", code):
                yield match[1], bool(match[2])


def test_names_in_docstrings_exist():
    strings = [
        node.value.value
        for node in NODES
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    found = [each for text in strings for each in names(text)]
    assert len(found) > 500
    assert (
        not {name for name, called in found if name not in (CALLED if called else NAMED)} - OTHERS
    )
