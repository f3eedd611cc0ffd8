"""Help pages: up to date with the signatures, complete, and printed without importing PyTorch."""

import re
import subprocess
import sys

import pytest

from immersion.cli import COMMANDS, main, read_help
from immersion.cli.examples import find_examples
from immersion.cli.flags import REQUIRED
from immersion.cli.help_pages import FOLDER, build_pages, load_all
from immersion.cli.pages import write_overview
from immersion.cli.parse import parse
from immersion.cli.shared import split_shared
from immersion.recipes import RECIPES

NAMES = [*(name for name in COMMANDS if name != "train"), *(f"train {name}" for name in RECIPES)]
ALL = load_all()
PAGES = {name: read_help(name.split()[0], [*name.split()[1:], "--help"]) for name in NAMES}


def test_pages_are_up_to_date():
    written = {file.name: file.read_text("utf-8") for file in FOLDER.iterdir()}
    assert written == build_pages(), "run make help"


@pytest.mark.parametrize("name", NAMES)
def test_a_page_states_usage_examples_flags_choices_and_defaults(name):
    page, command = PAGES[name], ALL[name]
    assert page.startswith(f"usage: immersion {name}")
    assert max(map(len, page.splitlines())) <= 99
    assert not re.search(r"[─│╭╮╰╯\x1b]|PATH|TEXT|\bNone\)", page)
    for flag in command.flags.values():
        assert re.search(rf"^  .*{flag.word}\b", page, flags=re.MULTILINE), flag
        assert flag.text, f"{flag.word} is not described"
        if flag.default is REQUIRED:
            assert flag.word in page.splitlines()[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_three_examples_are_valid_and_their_flags_come_first(name):
    examples, page = find_examples(name), PAGES[name]
    assert len(set(examples)) == 3
    for line in examples:
        assert f"  immersion {name} {line}".rstrip() in page.splitlines()
        words = line.split(" >> ")[0].split()
        parse(ALL[name], split_shared(words)[1])
        basic = page.partition("basic flags:")[2].partition("\n\n")[0]
        for word in split_shared(words)[1]:
            assert not word.startswith("--") or f" {word}" in basic


def test_the_examples_of_train_are_valid():
    for line in COMMANDS["train"].examples:
        _, words = split_shared(line.split())
        recipe = "gan" if words[0].startswith("-") else words.pop(0)
        parse(ALL[f"train {recipe}"], words)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("train vae", "gaussian-optimal zero-inflated-poisson conv diagonal-gaussian dynamic"),
        ("train vae", "two-moons softplus score-function (default: 0.001)"),
        ("train gan", "least-squares r3gan (default: 0.0004)"),
        ("train denoise", "noise-aware bsds500 --data DATA"),
        ("train segment", "camvid isbi2012-fold-3 unet"),
        ("evaluate", "squeezenet set12 (default: 500)"),
        ("apply", "enlarge-x3 openvino --out FOLDER|FILE"),
        ("sample", "RUN --out FILE"),
        ("reproduce", "aevb/fig4"),
    ],
)
def test_a_page_lists_the_members_of_registries(name, words):
    page = " ".join(PAGES[name].split())
    assert [word for word in words.split(" ") if word not in page] == []


def test_the_overview_groups_all_commands():
    overview = write_overview()
    assert all(f"\n  {name} " in overview for name in COMMANDS)
    assert re.findall(r"^(\w+):$", overview, flags=re.MULTILINE) == [
        *("train", "look", "evaluate", "use", "share", "more")
    ]
    assert max(map(len, overview.splitlines())) <= 99


@pytest.mark.parametrize("name", ["train ae", "sample"])
def test_a_command_without_a_page_is_explained_too(name, monkeypatch, tmp_path):
    monkeypatch.setattr("immersion.cli.resources.files", lambda package: tmp_path)
    command, *words = name.split()
    assert read_help(command, [*words, "-h"]) == PAGES[name]


def test_no_help_imports_torch_or_numpy():
    code = (
        "import sys; from immersion.cli import main;"
        "[main([*name.split(), '--help']) for name in sys.argv[1:]];"
        "sys.exit(' '.join({'torch', 'numpy', 'rich'} & set(sys.modules)))"
    )
    command_line = [sys.executable, "-c", code, "", "train", *NAMES]
    done = subprocess.run(command_line, capture_output=True, text=True)
    assert done.stdout.count("usage:") == len(NAMES) + 2 and done.stderr.strip() == ""


def test_a_page_is_printed_in_the_characters_that_the_terminal_has():
    command_line = [sys.executable, "-X", "utf8=0", "-m", "immersion", "doctor", "--help"]
    environment = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = subprocess.run(command_line, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii() and b"usage:" in done.stdout


def test_an_unknown_recipe_has_no_page_but_a_suggestion(capsys):
    with pytest.raises(SystemExit):
        main(["train", "vea", "--help"])
    assert "did you mean 'vae'" in capsys.readouterr().err
