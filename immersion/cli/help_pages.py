"""Generate the help pages and the table of flags: `python -m immersion.cli.help_pages`.

A page is read instead of building it from signatures, which would import PyTorch.
"""

import inspect
import json
import re
from pathlib import Path

from immersion.cli.choices import list_choices
from immersion.cli.command import Command, load_command, load_training
from immersion.cli.commands import COMMANDS
from immersion.cli.examples import find_examples
from immersion.cli.pages import write_page, write_recipes
from immersion.cli.table import FILE, PATH, RUN, Words
from immersion.recipes import RECIPES

FOLDER = Path(__file__).parent / "help"


def load_all() -> dict[str, Command]:
    """Return all commands by name: evaluate, ..., train vae, ..."""
    names = (name for name in COMMANDS if name != "train")
    return {
        **{name: load_command(name) for name in names},
        **{f"train {recipe}": load_training(recipe) for recipe in sorted(RECIPES)},
    }


def build_pages() -> dict[str, str]:
    """Return the generated files by name: train.txt, train-vae.txt, ..., and flags.json."""
    recipes = ((name, inspect.getdoc(recipe) or "") for name, recipe in RECIPES.items())
    commands = load_all()
    pages = {"train.txt": write_recipes(recipes)}
    for name, command in commands.items():
        pages[f"{name.replace(' ', '-')}.txt"] = write_page(command, find_examples(name))
    table = {name: _tabulate(command) for name, command in commands.items()}
    lines = (f"{json.dumps(name)}: {json.dumps(flags)}" for name, flags in table.items())
    pages[FILE] = "{\n" + ",\n".join(lines) + "\n}"
    return {name: page + "\n" for name, page in pages.items()}


def _tabulate(command: Command) -> dict[str, Words]:
    """Return the words that each flag of a command may take."""
    table: dict[str, Words] = {}
    for flag in command.flags.values():
        words, closed = list_choices(flag, command)
        takes_paths = "Path" in str(flag.kind) or (words and not closed and flag.kind is str)
        named = takes_paths and re.search(r"\bruns?\b", flag.text, flags=re.IGNORECASE)
        places = [*([RUN] if named else []), *([PATH] if takes_paths else [])]
        table[flag.word] = None if flag.switch else [*words, *places]
    return table


def write_pages(folder: Path = FOLDER) -> None:
    """Write all files, and remove those of commands and recipes that there are no more."""
    folder.mkdir(exist_ok=True)
    pages = build_pages()
    for file in folder.iterdir():
        if file.name not in pages:
            file.unlink()
    for name, page in pages.items():
        (folder / name).write_text(page, "utf-8")


if __name__ == "__main__":
    write_pages()
