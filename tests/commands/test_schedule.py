"""The command plans a run, says what it costs, and lets it be watched."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_cli import refused, result, run

from immersion.commands.schedule import _LiveReport
from immersion.run_folder import RunFolder

DATA = ["--data", "digits", "--network", "dense", "--width", "16", "--depth", "1"]


@pytest.fixture
def step_takes(monkeypatch):
    """Return a function that sets the speed of the machine, in seconds a step."""

    def take(seconds: float) -> None:
        monkeypatch.setattr("immersion.engine.planning.measure_step", lambda *_: seconds)

    return take


def options(out: Path) -> dict:
    return json.loads((out / "run.json").read_text())["options"]


def test_minutes_plan_a_run_that_a_slower_machine_resumes(capsys, tmp_path, step_takes):
    out = tmp_path / "run"
    command = ["train", "vae", *DATA, "--minutes", "1", "--patience", "0", "--out", str(out)]
    step_takes(0.2)
    first = result(capsys, *command)
    steps = options(out)["steps"]
    assert 150 < steps < 60 / 0.2
    plan = json.loads((out / "run.json").read_text())["model"]["plan"]
    assert plan == {"steps": steps, "minutes": 1.0}
    assert (first["step"], first["reason"]) == (steps, "finished")
    step_takes(20.0)
    assert result(capsys, *command)["step"] == steps  # the very same run
    rest = result(capsys, *command[:-6], "--patience", "0", "--out", str(out))
    assert rest["step"] == steps  # nothing is planned anew without other minutes


def test_other_minutes_plan_the_rest_anew(capsys, tmp_path, step_takes):
    out = tmp_path / "run"
    command = ["train", "vae", *DATA, "--patience", "0", "--out", str(out)]
    step_takes(1.0)
    steps = result(capsys, *command, "--minutes", "0.5")["step"]
    more = result(capsys, *command, "--minutes", "1")["step"]
    assert steps + 30 < more < steps + 60


def test_the_recorded_command_repeats_a_planned_run(capsys, tmp_path, step_takes):
    out, again = tmp_path / "run", tmp_path / "again"
    step_takes(1.0)
    result(capsys, "train", "vae", *DATA, "--warmup", "5000", "--minutes", "1", "--out", str(out))
    record = json.loads((out / "run.json").read_text())
    steps = record["model"]["plan"]["steps"]
    assert record["arguments"]["objective"]["warmup"] == steps // 2
    result(capsys, *record["command"].split()[1:], "--out", str(again))
    one, two = (RunFolder(folder).load_checkpoint()[0] for folder in (out, again))
    assert all(torch.equal(two[name], tensor) for name, tensor in one.items())
    # The same command resumes although its warm-up was fitted.
    command = ["train", "vae", *DATA, "--warmup", "5000", "--minutes", "1", "--out", str(out)]
    assert result(capsys, *command)["step"] == result(capsys, *command)["step"]


def test_an_average_begins_within_a_planned_run(capsys, tmp_path, step_takes):
    step_takes(1.0)
    out = tmp_path / "run"
    flags = ["--ema", "0.9", "--ema-from", "9000", "--minutes", "1", "--out", str(out)]
    for _ in range(2):
        result(capsys, "train", "gan", *DATA[:2], *flags)
        assert options(out)["ema_from"] == options(out)["steps"] // 2


def test_a_run_says_what_it_costs_and_where_its_report_is(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("immersion.engine.speed.SECONDS", 0.0)
    out = str(tmp_path / "run")
    status, _, err = run(capsys, "train", "vae", *DATA, "--steps", "50", "--out", out)
    assert status == 0
    (line,) = [line for line in err.splitlines() if line.startswith("about ")]
    assert "45 steps, 7 epochs" in line and " GB of memory; watch " in line
    assert line.endswith(f"{out}/report.html")
    assert "step 50 / 50" in err


def test_the_report_of_a_run_under_way_takes_little_of_its_time(trained):
    report = _LiveReport(RunFolder(trained))
    page = report.folder.report_file
    report.update()
    page.unlink()
    report.update()  # at once: not due
    assert not page.exists()
    report.due = 0.0
    report.update()
    assert page.is_file()


def test_steps_and_minutes_together_are_refused(capsys, tmp_path):
    out = ["--out", str(tmp_path / "run")]
    sentence = refused(capsys, "train", "vae", *DATA, "--steps", "5", "--minutes", "5", *out)
    assert "given twice" in sentence and not (tmp_path / "run").exists()


def test_drawings_become_a_film(capsys, tmp_path):
    out = tmp_path / "run"
    flags = ["--draw-every", "4", "--out", str(out)]
    result(capsys, "train", "gan", *DATA[:2], "--width", "8", "--steps", "8", *flags)
    names = sorted(path.name for path in (out / "samples" / "progress").iterdir())
    assert names == ["00000000.png", "00000004.png", "00000008.png"]
    with Image.open(out / "samples" / "progress.gif") as film:
        assert film.n_frames == 3
    first, last = (np.asarray(Image.open(out / "samples" / "progress" / n)) for n in names[::2])
    assert first.shape == last.shape and not np.array_equal(first, last)


def test_a_tracker_is_told_the_metrics(capsys, tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    out = tmp_path / "run"
    flags = ["--track", "tensorboard", "--log-every", "5", "--steps", "10", "--out", str(out)]
    result(capsys, "train", "vae", *DATA, *flags)
    read = events.EventAccumulator(str(out / "tensorboard")).Reload()
    rows = [row for row in RunFolder(out).metrics() if row["split"] == "train"]
    assert [(e.step, e.value) for e in read.Scalars("train/loss")] == [
        (row["step"], pytest.approx(row["loss"])) for row in rows
    ]


def test_torchrun_is_refused_before_anything_is_written(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    out = tmp_path / "run"
    sentence = refused(capsys, "train", "vae", *DATA, "--steps", "5", "--out", str(out))
    assert "several processes do not work together yet" in sentence and not out.exists()
