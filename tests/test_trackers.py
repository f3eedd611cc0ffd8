"""Trackers: what is logged is read back from their own stores."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from immersion.check import UserError
from immersion.trackers import TRACKERS, check_tracker, open_tracker

SETTINGS = {"steps": 4, "latent_dim": None, "learning_rate": 1e-3, "network": "dense"}
ROWS = [
    {"step": 1, "split": "train", "seconds": 0.1, "loss": 4.0},
    {"step": 2, "split": "train", "seconds": 0.2, "loss": 3.0},
    {"step": 2, "split": "validation", "seconds": 0.2, "loss": 3.5},
]


def log_twice(name: str, folder: Path) -> None:
    """Log two rows, and the third in a run that is resumed."""
    folder.mkdir(parents=True)
    for rows in (ROWS[:2], ROWS[2:]):
        with open_tracker(name, folder, SETTINGS) as log:
            for row in rows:
                log(row)


def needs(package: str):
    missing = find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package} is not installed")


@needs("tensorboard")
def test_tensorboard_has_the_scalars_and_the_settings(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    log_twice("tensorboard", tmp_path / "run")
    read = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    train, looks = read.Scalars("train/loss"), read.Scalars("validation/loss")
    assert [(event.step, event.value) for event in train] == [(1, 4.0), (2, 3.0)]
    assert [(event.step, event.value) for event in looks] == [(2, 3.5)]
    content = read.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    held = HParamsPluginData.FromString(content).session_start_info.hparams
    assert held["learning_rate"].number_value == pytest.approx(1e-3)
    assert (held["network"].string_value, held["latent_dim"].string_value) == ("dense", "None")


@needs("mlflow")
def test_mlflow_has_one_run_with_the_metrics_and_the_settings(tmp_path, monkeypatch):
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/store.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/store.db")
    log_twice("mlflow", tmp_path / "run")
    client = mlflow.MlflowClient()
    number = client.get_experiment_by_name("immersion").experiment_id
    (run,) = client.search_runs([number])
    assert run.data.params == {name: str(value) for name, value in SETTINGS.items()}
    history = client.get_metric_history(run.info.run_id, "train/loss")
    assert [(point.step, point.value) for point in history] == [(1, 4.0), (2, 3.0)]
    assert run.data.metrics["validation/loss"] == 3.5
    assert (run.info.status, run.info.run_name) == ("FINISHED", "run")


@needs("wandb")
def test_wandb_writes_into_the_run_folder_when_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    log_twice("wandb", tmp_path / "run")
    files = list((tmp_path / "run" / "wandb").glob("offline-run-*/*.wandb"))
    assert len(files) == 2 and len({file.name for file in files}) == 1  # one run in two parts
    assert any(b"validation/loss" in file.read_bytes() for file in files)


@needs("trackio")
def test_trackio_has_one_run_with_the_metrics_and_the_settings(tmp_path):
    # The store is that of the environment at the import.
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_trackers import log_twice
log_twice("trackio", Path({str(tmp_path)!r}) / "run")
from trackio.sqlite_storage import SQLiteStorage
(name,) = SQLiteStorage.get_runs("immersion")
logs = SQLiteStorage.get_logs("immersion", name)
print([(row["step"], row.get("train/loss"), row.get("validation/loss")) for row in logs])
"""
    environment = os.environ | {"TRACKIO_DIR": str(tmp_path / "store")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert "[(1, 4.0, None), (2, 3.0, None), (2, None, 3.5)]" in done.stdout, done.stderr


def test_no_tracker_logs_nothing(tmp_path):
    with open_tracker("none", tmp_path, SETTINGS) as log:
        log(ROWS[0])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", sorted(TRACKERS))
def test_a_tracker_that_is_not_installed_is_named_with_its_remedy(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    with pytest.raises(
        UserError, match=rf"{name} is not installed.*pip install .\.\[track-{name}\]"
    ):
        check_tracker(name)
