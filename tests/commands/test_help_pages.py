"""Help pages: up to date with the signatures, and printed without importing PyTorch."""

import subprocess
import sys

import pytest

from immersion.cli import COMMANDS, read_help
from immersion.cli.help_pages import FOLDER, build_pages
from immersion.recipes import RECIPES


def test_pages_are_up_to_date():
    written = {file.stem: file.read_text("utf-8") for file in FOLDER.glob("*.txt")}
    assert written == build_pages(), "run make help"


def test_every_command_and_recipe_has_a_page():
    assert all(read_help([command, "--help"]) for command in COMMANDS)
    assert all(read_help(["train", recipe, "-h"]) for recipe in RECIPES)
    assert not read_help(["train", "--data", "digits", "--help"])


@pytest.mark.parametrize("command", ["", "train", "train vae", "apply", "doctor"])
def test_help_imports_neither_torch_nor_numpy_nor_tyro(command):
    code = (
        "import sys; from immersion.cli import main; main(sys.argv[1:]);"
        "sys.exit(' '.join({'torch', 'numpy', 'tyro'} & set(sys.modules)))"
    )
    command_line = [sys.executable, "-c", code, *command.split(), "--help"]
    done = subprocess.run(command_line, capture_output=True, text=True)
    assert "usage:" in done.stdout and done.stderr.strip() == ""


def test_a_page_is_printed_in_the_characters_that_the_terminal_has():
    command_line = [sys.executable, "-X", "utf8=0", "-m", "immersion", "doctor", "--help"]
    environment = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run(command_line, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii() and b"+- " in done.stdout
