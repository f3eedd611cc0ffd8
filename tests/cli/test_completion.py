"""Completion: what may follow, and the scripts in the shells themselves."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from immersion.cli import COMMANDS
from immersion.cli.completion import FILES, complete
from immersion.recipes import RECIPES


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ev", ["evaluate"]),
        ("--v", ["--verbose", "--version"]),
        ("train va", ["vae", "vae-gan", FILES]),
        ("train vae --latent", ["--latent-dim"]),
        ("train vae --schedule c", ["constant", "cosine"]),
        ("train vae --likelihood poi", ["poisson"]),
        ("train vae --data dig", ["digits", FILES]),
        ("train denoise --data set", ["set12", "set5", FILES]),
        ("train gan --conditional --game h", ["hinge"]),
        ("train gan --steps ", []),
        ("train gan --steps 3 --bat", ["--batch-size"]),
        ("train --config ", [FILES]),
        ("apply denoise-c", ["denoise-colour", FILES]),
        ("apply denoise photo", [FILES]),
        ("apply denoise a.png b", [FILES]),
        ("apply --backend torch en", ["enlarge-x2", "enlarge-x3", "enlarge-x4", FILES]),
        ("apply denoise --out O --js", ["--json"]),
        ("completion f", ["fish"]),
        ("data set1", ["set12"]),
        ("nosuch --", ["--config", "--json", "--quiet", "--verbose", "--trust-code", "--help"]),
        ("nosuch x", []),
    ],
)
def test_candidates(line, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert complete(line.split(" ")) == expected


def test_run_folders_are_candidates_where_a_run_is_expected(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("runs/vae-digits", "runs/vae-mnist", "mine"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "run.json").touch()
    (tmp_path / "runs" / "reproduce").mkdir()
    runs = ["mine", "runs/vae-digits", "runs/vae-mnist"]
    for line in ("evaluate ", "report mine --beside ", "doctor "):
        assert complete(line.split(" ")) == [*runs, FILES]
    assert complete(["sample", "runs/vae-d"]) == [FILES]  # the shell completes paths


def test_everything_is_completed_without_importing_torch():
    assert set(COMMANDS) <= set(complete([""])) and set(RECIPES) <= set(complete(["train", ""]))
    code = (
        "import sys; from immersion.cli import main;"
        "main(['__complete', 'train', 'vae', '--prior', '']); main(['completion', 'bash']);"
        "sys.exit(' '.join({'torch', 'numpy'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("standard-normal\nflow\n") and "complete -F" in done.stdout


@pytest.fixture
def folder(tmp_path):
    """A folder with a program `immersion`, a run and a file whose name has a space."""
    program = tmp_path / "bin" / "immersion"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m immersion "$@"\n')
    program.chmod(0o755)
    (tmp_path / "runs" / "vae-digits").mkdir(parents=True)
    (tmp_path / "runs" / "vae-digits" / "run.json").touch()
    (tmp_path / "my photo.png").touch()
    return tmp_path


BASH = """
eval "$(immersion completion bash)"
COMP_WORDS=({words}); COMP_CWORD=$(({count} - 1))
_immersion; printf '%s\\n' "${{COMPREPLY[@]}}"
"""

FISH = (
    "immersion completion fish | source; complete -C '{line}' | string replace -r '\\t.*' ''; true"
)

ZSH = """
compdef() {{ }}
compadd() {{ shift; print -l -- "$@" }}
_files() {{ print -l -- ${{words[-1]}}*(N) }}
eval "$(immersion completion zsh)"
words=({words}); CURRENT=${{#words}}
_immersion; true
"""


def run_shell(shell: str, script: str, folder: Path) -> str:
    """The output of a script in a shell that knows the program `immersion`."""
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    paths = [str(folder / "bin"), os.environ["PATH"]]
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PATH": ":".join(paths), "PYTHONPATH": root, "HOME": str(folder)}
    command = [shell, "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


LINES = {
    "immersion eval": ["evaluate"],
    "immersion train gan20": ["gan2014"],
    "immersion train vae --latent": ["--latent-dim"],
    "immersion train vae --schedule co": ["constant", "cosine"],
    "immersion evaluate runs/v": ["runs/vae-digits"],
    "immersion apply denoise my": ["my photo.png"],
}


@pytest.mark.parametrize("line", LINES)
def test_bash(folder, line):
    script = BASH.format(words=line, count=len(line.split()))
    assert sorted(run_shell("bash", script, folder).splitlines()) == LINES[line]


@pytest.mark.parametrize("line", LINES)
def test_fish(folder, line):
    found = run_shell("fish", FISH.format(line=line), folder).replace("\\", "").splitlines()
    assert sorted({word.rstrip("/") for word in found}) == LINES[line]


@pytest.mark.parametrize("line", LINES)
def test_zsh(folder, line):
    found = run_shell("zsh", ZSH.format(words=line), folder).splitlines()
    assert sorted({word for word in found if word}) == LINES[line]
