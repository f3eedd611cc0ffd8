"""`immersion runs`: every run below a folder, whole or damaged, without importing PyTorch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import immersion
from immersion.check import UserError
from immersion.cli.output import COLUMNS, format_result
from immersion.commands.runs import runs
from immersion.run_folder import RunFolder
from immersion.run_record import DataRecord, Outcome, RunRecord

ELBO = {"standard_error": 0.3, "unit": "nats", "examples": 100}


def write(path, elbo=None, step: int | None = 100, recipe="vae", day=1, estimates=None):
    """Write the record of a run, and its evaluation."""
    folder = RunFolder(path)
    folder.write_record(
        RunRecord(
            recipe=recipe,
            data=DataRecord(
                source="digits", spec={"name": "/data/sets/digits", "shape": [1, 8, 8]}
            ),
            options={"steps": 200},
            created=f"2026-01-{day:02}T00:00:00+00:00",
            outcome=None if step is None else Outcome(step, "finished", 9.0),
        )
    )
    if elbo is not None:
        estimates = {"kl": ELBO | {"value": 5.0}, "elbo": ELBO | {"value": elbo}}
    if estimates:
        folder.write_json("evaluation.json", {"estimates": estimates})
    return folder


def names(folder, **options):
    return [line["name"] for line in runs(folder, **options)["runs"]]


def test_a_line_has_what_a_run_is_and_how_good_it_is(tmp_path):
    write(tmp_path / "first", elbo=-90.123)
    (line,) = runs(tmp_path)["runs"]
    assert line == {
        "name": "first",
        "path": str(tmp_path / "first"),
        "recipe": "vae",
        "data": "digits",
        "step": 100,
        "steps": 200,
        "reason": "finished",
        "date": "2026-01-01T00:00:00+00:00",
        "estimate": "elbo −90.1 ± 0.3 nats",
        "estimates": {"kl": ELBO | {"value": 5.0}, "elbo": ELBO | {"value": -90.123}},
    }
    printed = format_result("runs", runs(tmp_path)).splitlines()
    assert printed[0].split() == list(COLUMNS["runs"]) and len(printed) == 2
    assert "elbo −90.1 ± 0.3 nats" in printed[1]


def test_runs_are_found_at_every_depth_and_an_encoder_is_no_run_of_its_own(tmp_path):
    write(tmp_path / "a")
    write(tmp_path / "sweep" / "lr" / "b", day=2)
    write(tmp_path / "sweep" / "gan", day=3)
    write(tmp_path / "sweep" / "gan" / "encoder", day=4)
    assert names(tmp_path) == ["a", "sweep/lr/b", "sweep/gan"]
    assert names(tmp_path / "a") == ["a"]
    assert names(tmp_path / "sweep" / "gan") == ["gan"]


def test_an_unfinished_run_is_at_the_step_of_its_last_whole_line(tmp_path):
    folder = write(tmp_path / "run", step=None)
    assert runs(tmp_path)["runs"][0]["step"] == 0
    for step in range(1, 3000):
        folder.append_metrics({"step": step, "split": "train", "seconds": 0.1, "loss": 1.0})
    with folder.metrics_file.open("a") as file:
        file.write('{"step": 3000, "spl')  # cut short by a kill
    (line,) = runs(tmp_path)["runs"]
    assert (line["reason"], line["step"], line["steps"]) == ("unfinished", 2999, 200)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"run.json": "{"}, "run.json is not JSON"),
        ({"run.json": "[]"}, "run.json is not a JSON object"),
        ({"run.json": '{"recipe": "vae"}'}, "run.json has no 'format'"),
        ({"metrics.jsonl": ""}, "there is no run.json"),
        ({"evaluation.json": "{"}, "evaluation.json is not JSON"),
        ({"evaluation.json": '{"estimates": {"elbo": {"value": "x"}}}'}, "damaged: "),
        ({"evaluation.json": '{"estimates": [1]}'}, "damaged: "),
        ({"run.json": b"\xff\xfe"}, "run.json is not JSON"),
    ],
)
def test_a_damaged_run_is_listed_as_such(tmp_path, files, problem):
    whole = write(tmp_path / "whole")
    damaged = tmp_path / "damaged"
    if "metrics.jsonl" in files:
        damaged.mkdir()
    else:
        write(damaged)
    for name, content in files.items():
        (damaged / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    lines = {line["name"]: line for line in runs(tmp_path)["runs"]}
    assert set(lines) == {"whole", "damaged"}
    assert lines["damaged"]["reason"].startswith("damaged: ")
    assert problem in lines["damaged"]["reason"]
    assert lines["whole"]["reason"] == "finished" and whole.exists()
    json.dumps(lines)


def test_a_run_of_a_newer_version_is_listed(tmp_path):
    folder = write(tmp_path / "newer")
    values = json.loads((folder.path / "run.json").read_text()) | {"format": 99}
    folder.write_json("run.json", values)
    assert "newer version" in runs(tmp_path)["runs"][0]["reason"]


def test_the_list_is_sorted_by_any_column_or_estimate(tmp_path):
    for name, elbo, step, day in (("b", -90.0, 20, 3), ("c", -80.0, 9, 1), ("a", -100.0, 100, 2)):
        write(tmp_path / name, elbo=elbo, step=step, day=day)
    write(tmp_path / "d", estimates={"sigma_25": {"psnr": {"value": 29.0}}}, day=4)
    assert names(tmp_path) == ["c", "a", "b", "d"]
    assert names(tmp_path, sort="name", reverse=True) == ["d", "c", "b", "a"]
    assert names(tmp_path, sort="step")[:3] == ["c", "b", "a"]  # as numbers
    assert names(tmp_path, sort="elbo") == ["a", "b", "c", "d"]
    assert names(tmp_path, sort="elbo", reverse=True) == ["c", "b", "a", "d"]  # without one: last
    assert names(tmp_path, sort="psnr-sigma_25")[0] == "d"
    with pytest.raises(UserError, match="did you mean 'elbo'"):
        runs(tmp_path, sort="elbos")


def test_the_main_estimate_is_that_of_the_summary(tmp_path):
    share = {"value": 0.5, "standard_error": 0.1, "unit": "share"}
    write(tmp_path / "gan", recipe="gan", estimates={"recall": share, "frechet": share})
    assert runs(tmp_path)["runs"][0]["estimate"].startswith("frechet 0.5")


def test_a_folder_that_is_not_there_is_a_users_mistake(tmp_path):
    with pytest.raises(UserError, match="there is no such folder"):
        runs(tmp_path / "none")
    assert runs(tmp_path) == {"runs": []}


@pytest.mark.parametrize("flags", [[], ["--json"], ["--sort", "elbo"]])
def test_the_command_imports_neither_torch_nor_numpy(tmp_path, flags):
    write(tmp_path / "run", elbo=-1.0)
    code = (
        "import sys; from immersion.cli import main; main(sys.argv[1:]);"
        "sys.exit(' '.join({'torch', 'numpy', 'matplotlib'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "runs", str(tmp_path), *flags],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(immersion.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert "run" in done.stdout
