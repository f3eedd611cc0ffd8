"""Every addition that CONTRIBUTING.md shows works as it is, and touches as many files as it says.

Each section is applied to a copy of the sources: a Python block is a new file, or text at the end
of a file that exists; a diff inserts lines after a line. Then the section's commands are run.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
SECTIONS = dict(re.findall(r"^## (Add an? .*?)\n(.*?)(?=^## )", TEXT, flags=re.S | re.M))
NUMBERS = {"one": 1, "two": 2, "three": 3}
FAMILIES = "likelihood|objective|game|prior|task"
DOCUMENTED = [title for title in SECTIONS if re.search(FAMILIES, title)]
"""Sections whose contract tests demand a docstring."""


def blocks(title: str, language: str) -> list[str]:
    """The code blocks of a section in one language, without the fences."""
    return re.findall(rf"^```{language}\n(.*?)^```$", SECTIONS[title], flags=re.S | re.M)


def apply(title: str, root: Path, documented: bool = True) -> set[str]:
    """Make a section's changes below `root` and return the files that they touch."""
    touched = set()
    for language in ("python", "diff"):
        for block in blocks(title, language):
            name, code = re.fullmatch(r"# (\S+)\n(.*)", block, flags=re.S).groups()
            file = root / name
            before = file.read_text() if file.exists() else ""
            if not documented:
                code = re.sub(r'^ +""".*?"""\n', "", code, flags=re.S | re.M)
            file.write_text(insert(before, code) if language == "diff" else join(before, code))
            touched.add(name)
    return touched


def join(before: str, code: str) -> str:
    """A file with code at its end."""
    return f"{before}\n\n{code}" if before else code


def insert(before: str, diff: str) -> str:
    """A file with the lines marked +, each group after the line that stands before it."""
    end = 0
    for mark, line in ((line[0], line[1:]) for line in diff.splitlines()):
        if mark == "+":
            before = f"{before[:end]}{line}\n{before[end:]}"
            end += len(line) + 1
        else:
            anchor = re.search(rf"^{re.escape(line)}.*\n", before, flags=re.M)
            assert anchor, f"no line begins with {line!r}"
            end = anchor.end()
    return before


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A copy of what the commands need."""
    for folder in ("immersion", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(command: list[str], root: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("title", SECTIONS)
def test_an_addition_works_and_touches_as_many_files_as_it_says(title, sources):
    touched = apply(title, sources)
    assert len(touched) == NUMBERS[re.search(r": (\w+) files?$", title)[1]]
    commands = [shlex.split(line) for block in blocks(title, "sh") for line in block.splitlines()]
    assert commands and any("pytest" in command for command in commands)
    for program, *arguments in [*commands, ["python", "-m", "ruff", "check", *sorted(touched)]]:
        assert program == "python"
        done = run([sys.executable, *arguments], sources)
        assert done.returncode == 0, done.stdout + done.stderr


def test_contracts_demand_a_docstring(sources):
    """Without their docstrings, the examples fail; all at once, in one process."""
    files, names = [], []
    for title in DOCUMENTED:
        apply(title, sources, documented=False)
        command = shlex.split(blocks(title, "sh")[0].splitlines()[-1])
        files.append(next(word for word in command if word.startswith("tests/")))
        names.append(command[-1])
    chosen = f"docstring and ({' or '.join(names)})"
    done = run([sys.executable, "-m", "pytest", "-q", *files, "-k", chosen], sources)
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert len(failed) == len(DOCUMENTED), done.stdout + done.stderr
