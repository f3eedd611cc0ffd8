"""The flags of every command: what is printed and logged, and whose code is run."""

import json
import logging
import re
import subprocess
import sys

import pytest

import immersion as im
from immersion.check import UserError
from immersion.cli import main
from immersion.cli.shared import split_shared

SMALL = ["--data", "digits", "--steps", "4", "--batch-size", "50", "--log-every", "2"]

OWN = """
import torch
import immersion as im


def small(spec, *, hidden: int = 8, rate=1e-3, activation="tanh"):
    \"\"\"Train a small VAE of mine.

    Args:
        hidden: Hidden units.
    \"\"\"
    size, layer = spec.dimensions, {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[activation]
    encoder = [torch.nn.Flatten(), torch.nn.Linear(size, hidden), layer()]
    decoder = [torch.nn.Linear(2, size), torch.nn.Unflatten(1, spec.shape)]
    likelihood = im.likelihoods.ContinuousBernoulli(spec.shape)
    encoder = torch.nn.Sequential(*encoder, torch.nn.Linear(hidden, 4))
    return im.VAE(encoder, torch.nn.Sequential(*decoder), likelihood, latent_dim=2)


def clash(spec, *, steps: int = 3):
    \"\"\"Train with a flag that is taken.\"\"\"
"""


def run(capsys, *words: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command."""
    try:
        main(list(words))
        status = 0
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("place", [0, 2, 4])
def test_the_flags_of_every_command_stand_anywhere(place):
    words = ["train", "vae", "--data", "digits"]
    words[place:place] = ["-v", "--json", "--config", "x.toml"]
    shared, rest = split_shared(words)
    assert rest == ["train", "vae", "--data", "digits"]
    assert (shared.json, shared.verbose, str(shared.config)) == (True, True, "x.toml")
    assert split_shared(["reconstruct", "--", "--json", "-v"])[1] == [
        "reconstruct",
        "--",
        "--json",
        "-v",
    ]
    assert str(split_shared(["--config=a=b"])[0].config) == "a=b"


def test_flags_that_exclude_each_other_or_lack_a_value_are_refused():
    with pytest.raises(UserError, match="exclude each other; pass one"):
        split_shared(["-q", "--verbose"])
    with pytest.raises(UserError, match="--config needs a value: expected a file, received"):
        split_shared(["train", "--config"])


def test_quiet_prints_only_the_result_and_verbose_where_values_come_from(capsys, tmp_path):
    out = ["--out", str(tmp_path / "run")]
    status, printed, error = run(capsys, "train", "linear-ae", *SMALL, *out, "-q", "--json")
    assert status == 0 and error == "" and json.loads(printed)["step"] == 4
    out = ["--out", str(tmp_path / "other")]
    status, printed, error = run(capsys, "train", "linear-ae", *SMALL, *out)
    assert status == 0 and "step 4 / 4" in error and "metrics" not in error
    out = ["--out", str(tmp_path / "third")]
    status, printed, error = run(capsys, "train", "linear-ae", *SMALL, *out, "--verbose")
    assert status == 0 and "immersion.cli.parse: steps is 4, from --steps\n" in error
    assert len(re.findall(r"immersion\.cli\.command: metrics {'step': [24]", error)) >= 2


def test_quiet_still_states_errors_and_verbose_their_origin(capsys):
    status, out, error = run(capsys, "evaluate", "nowhere", "-q")
    assert status == 2 and out == "" and error.count("\n") == 1
    status, out, error = run(capsys, "evaluate", "nowhere", "-v")
    assert (
        status == 2 and "Traceback" in error and error.splitlines()[-1].startswith("immersion: ")
    )


def test_a_library_does_not_configure_logging(tmp_path, monkeypatch):
    package = logging.getLogger("immersion")
    monkeypatch.setattr(package, "handlers", [])
    monkeypatch.setattr(package, "level", logging.NOTSET)
    before = logging.getLogger().handlers[:]
    quiet = {"progress": False, "verbose": False}
    im.train("vae", "digits", steps=2, batch_size=50, out=tmp_path / "run", **quiet)
    assert package.handlers == [] and package.level == logging.NOTSET
    assert logging.getLogger().handlers == before


def test_a_recipe_of_ones_own_has_flags_and_help_and_is_trained(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(OWN)
    status, out, _ = run(capsys, "train", "mine.py:small", "--help")
    assert status == 0 and "usage: immersion train mine.py:small" in out
    assert "--hidden N            Hidden units. (default: 8)" in out
    assert "--rate X" in out and "(default: 0.001)" in out and "--activation ACTIVATION" in out
    status, _, error = run(capsys, "train", "mine.py:small", "--hiden", "3")
    assert status == 2 and "did you mean --hidden" in error
    status, _, error = run(capsys, "train", "mine.py:clash")
    assert status == 2 and "--steps" in error and "rename" in error
    line = ["train", "mine.py:small", *SMALL, "--hidden", "5", "--activation", "relu"]
    status, _, error = run(capsys, *line, "--out", "runs/mine", "-q")
    assert (status, error) == (0, "")
    record = json.loads((tmp_path / "runs" / "mine" / "run.json").read_text())
    assert record["arguments"]["hidden"] == 5


AGAIN = """
import sys
from immersion.cli import main

for words in (
    "train --config a/run.json --seed 1 --out b -q",
    "evaluate a -q",
    "train --config a/run.json --seed 1 --out b -q --trust-code",
    "evaluate b --samples 0 -q --trust-code",
):
    try:
        main(words.split())
        print("STATUS 0")
    except SystemExit as stop:
        print("STATUS", stop.code)
"""


def test_the_code_that_a_file_names_is_run_only_on_request(tmp_path, capsys, monkeypatch):
    """In another process: what was named in this one is trusted in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "theirs.py").write_text(OWN)
    assert run(capsys, "train", "code/theirs.py:small", *SMALL, "--out", "a", "-q")[0] == 0
    done = subprocess.run([sys.executable, "-c", AGAIN], capture_output=True, text=True)
    assert re.findall(r"STATUS (\d)", done.stdout) == ["2", "2", "0", "0"], done.stderr
    assert done.stderr.count("--trust-code") == 2 and "code/theirs.py" in done.stderr
    assert json.loads((tmp_path / "b" / "run.json").read_text())["options"]["seed"] == 1
    named = ["train", "code/theirs.py:small", "--config", "a/run.json", "--seed", "2"]
    assert run(capsys, *named, "--out", "c", "-q")[0] == 0
