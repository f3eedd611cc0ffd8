"""Models on the hub: huggingface_hub itself against a hub that this machine serves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hub_server import TOKEN, Repository, serve

import immersion
from immersion.check import UserError
from immersion.hub import HubModel, download, is_hub_name, upload

pytest.importorskip("huggingface_hub", reason="pip install '.[hub]'")


PROGRAM = """
import json, sys
from immersion.cli import main
for words in json.loads(sys.argv[1]):
    try:
        main([*words, "--json"])
    except SystemExit:
        pass
"""


def run_commands(hub, home, *commands, token=TOKEN):
    """Run commands in another process, in which that hub is the only one; return their JSON."""
    sources = os.pathsep.join([str(Path(immersion.__file__).parents[1]), *sys.path])
    ours = {"HF_ENDPOINT": hub.address, "HF_HOME": str(home), "PYTHONPATH": sources}
    ours |= {"HF_TOKEN": token} if token else {}
    kept = {name: v for name, v in os.environ.items() if not name.startswith("HF_")}
    words = json.dumps([[str(word) for word in command] for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, words],
        capture_output=True,
        text=True,
        env=kept | ours,
        cwd=home,
    )
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(results) == len(commands), done.stderr
    return results


@pytest.fixture
def hub():
    with serve() as state:
        yield state


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def test_a_model_is_uploaded_and_read_by_its_name(hub, home, trained, tmp_path):
    share = ("share", trained, "--to", "hf://jane/digits", "--licence")
    count = ("--count", "5")
    sent, _, _ = run_commands(
        hub,
        home,
        (*share, "mit"),
        ("sample", "hf://jane/digits", "-o", tmp_path / "x.npz", *count),
        ("sample", trained, "-o", tmp_path / "y.npz", *count),
    )
    repository = hub.repositories["jane/digits"]
    (first,) = repository.commits
    stale = {"pictures/walks.png": b"of an earlier model", "pictures/mine.png": b"mine"}
    repository.commit(stale)
    run_commands(hub, home, (*share, "cc0-1.0"))
    second = list(repository.commits)[-1]
    assert set(repository.commits[second]) == {*repository.commits[first], "pictures/mine.png"}
    files = repository.commits[first]
    assert sent["hub"] == "hf://jane/digits" and sent["commit"].endswith(first)
    assert repository.private and "folder" not in sent
    assert {"README.md", "model.safetensors", "example.py", "pictures/samples.png"} <= set(files)
    assert b"immersion sample hf://jane/digits" in files["README.md"]
    assert str(tmp_path).encode() not in b"".join(files.values())
    with np.load(tmp_path / "x.npz") as ours, np.load(tmp_path / "y.npz") as theirs:
        assert np.array_equal(ours["x"], theirs["x"])
    assert b"license: cc0-1.0" in repository.commits[second]["README.md"]
    hub.repositories.clear()  # a commit in the cache is read without the hub
    small = ("--samples", "0", "--importance-samples", "0")
    (evaluated,) = run_commands(hub, home, ("evaluate", f"hf://jane/digits@{first}", *small))
    assert "elbo" in evaluated["estimates"], evaluated


def test_without_permission_or_a_model_there_is_one_sentence(hub, home, trained, tmp_path):
    hub.repositories["jane/empty"] = Repository(private=False)
    hub.repositories["jane/empty"].commit({"README.md": b"nothing here"})
    hub.repositories["jane/secret"] = Repository(private=True)
    read = ("sample", "-o", tmp_path / "x.npz")
    share = ("share", trained, "--to")
    cases = {
        TOKEN: (
            ((*read, "hf://jane/none"), "there is no model hf://jane/none"),
            ((*read, "hf://jane/empty"), "holds no model of immersion"),
            ((*read, "hf://jane/empty@v2"), "there is no such revision"),
            ((*share, "hf://john/digits"), "no permission for hf://john"),
            ((*share, "hf://jane/digits@v2"), "to the main branch"),
            ((*share, "jane/digits"), "that is no model of the hub"),
        ),
        "": (
            ((*read, "hf://jane/secret"), "there is no model hf://jane/secret"),
            ((*share, "hf://jane/digits"), "hf auth login"),
        ),
    }
    for token, pairs in cases.items():
        results = run_commands(hub, home, *(words for words, _ in pairs), token=token)
        for (_, sentence), failed in zip(pairs, results, strict=True):
            assert failed["status"] == 2 and sentence in failed["error"], failed
    assert not (tmp_path / "x.npz").exists() and "jane/digits" not in hub.repositories


def test_a_hub_that_is_not_reached_is_one_sentence(home, trained, tmp_path):
    with serve() as closed:
        pass
    read = ("sample", "hf://jane/digits", "-o", tmp_path / "x.npz")
    for failed in run_commands(closed, home, read, ("share", trained, "--to", "hf://jane/digits")):
        assert failed["status"] == 2 and "cannot be reached" in failed["error"]


def test_names():
    for word in ("hf://a/b", "hf://a/b@main", "hf:/a/b", Path("hf://a/b")):
        assert is_hub_name(word) and HubModel.parse(word).repository == "a/b"
    assert not is_hub_name("a/b") and not is_hub_name(Path("hf"))
    for word in ("hf://a", "hf://a/b/c", "hf://../x", "a/b", "hf://a/b@"):
        with pytest.raises(UserError, match=r"expected hf://user/name"):
            HubModel.parse(word)


def test_without_the_package_the_error_names_it(monkeypatch, tmp_path):
    monkeypatch.setattr("immersion.check.find_spec", lambda name: None)
    for action in (
        lambda: download(HubModel("a/b")),
        lambda: upload(tmp_path, [], HubModel("a/b")),
    ):
        with pytest.raises(UserError, match=r"run pip install '.\[hub\]'"):
            action()
