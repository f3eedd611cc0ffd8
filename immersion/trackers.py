"""Trackers of experiments: the rows of the metrics, to TensorBoard, Weights & Biases, ..."""

import hashlib
import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from immersion.check import UserError, name_installation
from immersion.registry import Registry

PROJECT = "immersion"
"""The project, or experiment, under which trackers list the runs."""

HEADER = ("step", "split")
"""Keys of a row that are not values."""


class Tracker(Protocol):
    """One run in a tracker."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log values, by names such as train/loss, of one step."""

    def close(self) -> None:
        """Finish what is being written."""


TRACKERS: Registry[Callable[[Path, Mapping[str, Any]], Tracker]] = Registry(
    "tracker", "immersion.trackers"
)
"""Name -> function of the run folder and the hyperparameters that opens a tracker."""


@contextmanager
def open_tracker(
    name: str, folder: Path, hyperparameters: Mapping[str, Any]
) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Yield a function that logs rows of the metrics to a tracker; none logs nothing.

    A resumed run continues the same entry of the tracker. The tracker's own settings apply: its
    environment variables say where it writes, and whether it uses the network.

    Args:
        name: none, tensorboard, wandb, mlflow or trackio.
        folder: The run folder, whose name is the run's.
        hyperparameters: Settings by name.

    Raises:
        UserError: The tracker's package is not installed.
    """
    if name == "none":
        yield lambda row: None
        return
    tracker = TRACKERS[name](folder, {k: _to_plain(v) for k, v in hyperparameters.items()})

    def log(row: dict[str, Any]) -> None:
        values = {f"{row['split']}/{key}": v for key, v in row.items() if key not in HEADER}
        tracker.log(row["step"], values)

    try:
        yield log
    finally:
        tracker.close()


def check_tracker(name: str) -> None:
    """Raise UserError if the tracker's package is not installed."""
    if name != "none":
        _import(name)


def _to_plain(value: Any) -> bool | int | float | str:
    """Return a setting as trackers take it."""
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.split(".")[0]
        raise UserError(
            f"{name} is not installed",
            remedy=f"{name_installation(f'track-{name}')}, or leave --track out",
        ) from error


@TRACKERS.register("tensorboard")
class TensorBoard:
    """Event files in the run folder's `tensorboard`, which the command of that name shows."""

    def __init__(self, folder: Path, hyperparameters: Mapping[str, Any]) -> None:
        _import("tensorboard")
        from torch.utils.tensorboard import SummaryWriter
        from torch.utils.tensorboard.summary import hparams

        self.writer = SummaryWriter(str(folder / "tensorboard"))
        file: Any = self.writer.file_writer
        for summary in hparams(dict(hyperparameters), {"validation/loss": 0.0}):
            file.add_summary(summary)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add scalars, and flush them."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def close(self) -> None:
        """Close the file."""
        self.writer.close()


@TRACKERS.register("wandb")
class WeightsAndBiases:
    """A run of the project immersion; offline, its files are in the run folder's `wandb` alone."""

    def __init__(self, folder: Path, hyperparameters: Mapping[str, Any]) -> None:
        wandb = _import("wandb")
        self.run = wandb.init(
            project=PROJECT,
            name=folder.name,
            dir=str(folder),
            config=dict(hyperparameters),
            id=_identify(folder),
            resume="allow",
        )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log values of a step."""
        self.run.log(dict(values), step=step)

    def close(self) -> None:
        """Finish the run."""
        self.run.finish()


@TRACKERS.register("mlflow")
class MLflow:
    """A run of the experiment immersion, in the store that the environment names."""

    def __init__(self, folder: Path, hyperparameters: Mapping[str, Any]) -> None:
        self.client = _import("mlflow").MlflowClient()
        experiment = self.client.get_experiment_by_name(PROJECT)
        number = experiment.experiment_id if experiment else self.client.create_experiment(PROJECT)
        name = _identify(folder)
        found = self.client.search_runs([number], f"tags.`immersion.run` = '{name}'")
        if found:  # parameters cannot be changed
            self.run = found[0].info.run_id
            return
        created = self.client.create_run(
            number, tags={"immersion.run": name}, run_name=folder.name
        )
        self.run = created.info.run_id
        for key, value in hyperparameters.items():
            self.client.log_param(self.run, key, value)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log values of a step."""
        for name, value in values.items():
            self.client.log_metric(self.run, name, value, step=step)

    def close(self) -> None:
        """Finish the run."""
        self.client.set_terminated(self.run)


@TRACKERS.register("trackio")
class Trackio:
    """A run of the project immersion in trackio's local database."""

    def __init__(self, folder: Path, hyperparameters: Mapping[str, Any]) -> None:
        self.trackio = _import("trackio")
        self.trackio.init(
            project=PROJECT,
            name=_identify(folder),
            config=dict(hyperparameters),
            resume="allow",
        )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log values of a step."""
        self.trackio.log(dict(values), step=step)

    def close(self) -> None:
        """Finish the run."""
        self.trackio.finish()


def _identify(folder: Path) -> str:
    """Return a name of the run that is the same when it is resumed, and another elsewhere."""
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]
    return f"{re.sub('[^A-Za-z0-9_.-]', '-', folder.name)[:48]}-{digest}"
