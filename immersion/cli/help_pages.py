"""Generate the help pages: `python -m immersion.cli.help_pages` writes `immersion/cli/help/*.txt`.

A page is read instead of building it from signatures, which would import PyTorch.
"""

import contextlib
import importlib
import inspect
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from immersion.cli import COMMANDS
from immersion.cli.flags import make_train_command, parse, show_training
from immersion.commands.train import train
from immersion.recipes import RECIPES

FOLDER = Path(__file__).parent / "help"
WIDTH = 99


def build_pages() -> dict[str, str]:
    """Return the help pages by name: `train`, `train-vae`, `evaluate`, ..."""
    pages = {"train": _list_recipes()}
    for recipe in RECIPES:
        command = make_train_command(train, recipe)
        pages[f"train-{recipe}"] = _render(command, f"immersion train {recipe}")
    for name, (module, function, _) in COMMANDS.items():
        if name != "train":
            command = getattr(importlib.import_module(module), function)
            command = show_training(command) if name == "invert" else command
            pages[name] = _render(command, f"immersion {name}")
    return pages


def _list_recipes() -> str:
    lines = ["usage: immersion train RECIPE [--data NAME|PATH] [--out RUN] [...]", "", "recipes:"]
    for name, recipe in sorted(RECIPES.items()):
        lines.append(f"  {name:12}{(inspect.getdoc(recipe) or '').splitlines()[0]}")
    lines += ["", "A recipe's flags:  immersion train RECIPE --help"]
    return "\n".join(lines) + "\n"


def _render(command: Callable[..., Any], program: str) -> str:
    """Return a command's help page as tyro prints it."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    environment = mock.patch.dict(os.environ, {"COLUMNS": str(WIDTH), "LINES": "99"})
    with environment, contextlib.redirect_stdout(output), contextlib.suppress(SystemExit):
        parse(command, ["--help"], program)
    output.seek(0)
    lines = (line.rstrip() for line in output.read().splitlines())
    return "\n".join(lines).strip("\n") + "\n"


def write_pages(folder: Path = FOLDER) -> None:
    """Write all pages, and remove those of commands and recipes that there are no more."""
    folder.mkdir(exist_ok=True)
    pages = build_pages()
    for file in folder.glob("*.txt"):
        if file.stem not in pages:
            file.unlink()
    for name, page in pages.items():
        (folder / f"{name}.txt").write_text(page, "utf-8")


if __name__ == "__main__":
    write_pages()
