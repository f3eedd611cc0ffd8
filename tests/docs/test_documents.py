"""The documents are true: the tree, links, commands and generated pages."""

import contextlib
import inspect
import itertools
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def tree() -> list[str]:
    """Return the entries of the annotated file tree, as paths."""
    block = README.split("## Layout")[1].split("```")[1]
    entries, folder = [], ""
    for line in block.strip("\n").splitlines():
        name = line.split()[0]
        entries.append(folder + name if line.startswith(" ") else name)
        folder = name if name.endswith("/") and not line.startswith(" ") else folder
    return entries


def test_everything_in_the_tree_exists():
    assert not [entry for entry in tree() if not (ROOT / entry).exists()]


def test_everything_of_the_package_is_in_the_tree():
    found = {
        f"immersion/{path.name}" + ("/" if path.is_dir() else "")
        for path in (ROOT / "immersion").iterdir()
        if path.name not in ("__init__.py", "__pycache__", "py.typed")
    }
    assert found <= set(tree())


def test_the_tree_is_in_the_order_of_the_import_layers():
    """And every module of the package is in a layer."""
    text = (ROOT / "pyproject.toml").read_text()
    (contract,) = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    layers = [layer.replace("immersion.", "").split(" | ") for layer in contract["layers"]]
    order = [
        entry.removeprefix("immersion/").removesuffix("/").removesuffix(".py")
        for entry in tree()
        if entry.startswith("immersion/") and entry != "immersion/"
    ]
    assert set(order) - {"__main__"} == {name for layer in layers for name in layer}
    places = [sorted(order.index(name) for name in layer) for layer in layers]
    assert sorted(places) == places and all(
        above[-1] < below[0] for above, below in itertools.pairwise(places)
    )


def test_the_readme_begins_with_what_to_do():
    head = "\n".join(README.splitlines()[:40])
    assert (
        "make demo" in head and "make test" in head and "![" in head and "import immersion" in head
    )
    code = head.split("```python")[1].split("```")[0].strip().splitlines()
    assert len([line for line in code if line]) <= 10


def examples() -> list[list[str]]:
    """Return the words of every command in the README, without its description."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.S | re.M)
    lines = [line for language, block in blocks if not language for line in block.splitlines()]
    commands = [re.split(r"\s{2,}", line)[0] for line in lines if line.startswith("immersion ")]
    return [
        part.split()
        for command in commands
        for part in command.removeprefix("immersion ").split(" | ")
    ]


@pytest.mark.parametrize("words", examples(), ids=" ".join)
def test_commands_of_the_readme_have_the_flags_that_it_names(words, capsys):
    from immersion.cli import main

    command = words[:2] if words[0] == "train" else words[:1]
    with contextlib.suppress(SystemExit):
        main([*command, "--help"])
    shown = capsys.readouterr().out
    flags = [word.strip("[]") for word in words if word.strip("[").startswith("-")]
    assert "usage:" in shown and all(flag in shown for flag in flags)


def test_the_code_that_the_glossary_names_exists():
    glossary = (ROOT / "docs" / "glossary.md").read_text()
    places = re.findall(r"`(immersion/[^`:]+)(?:: (\w+))?`", glossary)
    assert places
    for path, name in places:
        assert (ROOT / path).exists()
        assert not name or f"class {name}" in (ROOT / path).read_text()


def test_links_and_pictures_of_the_documents_exist():
    for document in (README, (ROOT / "CONTRIBUTING.md").read_text()):
        links = re.findall(r"\]\(([^)#:]+)\)", document)
        assert not [link for link in links if not (ROOT / link).exists()]


def test_the_page_of_results_is_generated_from_the_records():
    from immersion.papers.markdown import render_page

    assert (ROOT / "docs" / "results.md").read_text() == render_page(), "run `make results`"


def test_the_page_of_networks_is_generated_from_their_cards():
    script = runpy.run_path(str(ROOT / "scripts" / "networks_page.py"))
    page = (ROOT / "docs" / "networks.md").read_text()
    assert page == script["format_page"](), "run `make results`"


@pytest.mark.parametrize("word", ["/" + "work/", "/" + "tmp/", "/" + "root/", "/" + "opt/"])
def test_no_path_of_a_machine_is_written_anywhere(word):
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.stdout.split() if not name.endswith(".png")]
    assert not [
        file.name for file in files if file.is_file() and word.encode() in file.read_bytes()
    ]


def test_public_names_resolve_and_hide_no_module():
    """A module of the package with the same name would take the function's place."""
    import immersion

    public = {name: getattr(immersion, name) for name in immersion.__all__}
    assert public.pop("__version__")
    assert all(callable(value) or inspect.ismodule(value) for value in public.values())
    functions = {name for name, value in public.items() if not inspect.ismodule(value)}
    assert not {path.stem for path in (ROOT / "immersion").iterdir()} & functions


def test_the_package_runs_the_readme(tmp_path, monkeypatch):
    """The README's Python runs as it stands, only shorter."""
    pytest.importorskip("mlxtend", reason="needs the extra demo")
    blocks = [block.split("```")[0] for block in README.split("```python")[1:]]
    assert len(blocks) == 2
    for code in blocks:
        short = code.replace("steps=5000", "steps=3")
        command = [sys.executable, "-c", short]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "manifold.png").is_file() and len(list(tmp_path.glob("runs/*"))) == 2
