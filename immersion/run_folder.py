"""The run folder: the only thing that passes between commands.

::

    RUN/
      run.json                 format, recipe, arguments, data, options, versions, machine
      metrics.jsonl            one JSON object a line: step, split, seconds, the named terms
      checkpoints/             00012000.safetensors: everything that training needs to go on
      samples/                 pictures and arrays drawn from the model
      evaluation.json          what `immersion evaluate` measured
      health.json              what `immersion doctor RUN` found: how training went wrong, if so
      report.html              one file that opens offline

Every file but `metrics.jsonl` is written to a temporary name, flushed to the disk and renamed, so
a process killed at any moment leaves the old file or the new one, never half of one. Metrics are
appended; a line cut short by a kill is dropped when the run goes on. One training at a time holds
the folder, by a lock on the empty file `.lock`.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from immersion.check import UserError
from immersion.run_record import FORMAT, REQUIRED, RunRecord

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None

ANOTHER, MEND = "choose another --out", "restore it from a copy, or train into another folder"

LOCK = ".lock"
"""The file whose lock the process holds that trains into a folder; it stays, and is empty."""

PARTIAL = ".partial"
"""Ending of a file that is being written; what a kill leaves of it is overwritten or dropped."""


class RunFolder:
    """One run's files.

    Args:
        path: The folder; it need not exist yet.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.samples = self.path / "samples"
        self.metrics_file = self.path / "metrics.jsonl"
        self.report_file = self.path / "report.html"

    @property
    def encoder(self) -> "RunFolder":
        """Return the run of the encoder that was trained for this run's generator."""
        return RunFolder(self.path / "encoder")

    @classmethod
    def open(cls, path: str | Path) -> "RunFolder":
        """Return the run in `path`.

        Raises:
            UserError: There is no run in that folder, or it was written in a newer format.
        """
        folder = cls(path)
        if not (folder.path / "run.json").is_file():
            raise UserError(
                "there is no run in that folder",
                "a folder with a run.json",
                f"'{path}'",
                "train one with immersion train, or check the path",
            )
        values = folder._read("run.json")
        if (received := values.get("format", 0)) > FORMAT:
            remedy = "install a newer immersion"
            raise UserError("the run was written by a newer version", FORMAT, received, remedy)
        if not set(REQUIRED) <= set(values):
            raise UserError(f"'{folder.path / 'run.json'}' is not a run's record", remedy=MEND)
        return folder

    def exists(self) -> bool:
        """Return whether a run has begun here."""
        return (self.path / "run.json").is_file()

    def check_free(self) -> None:
        """Raise a `UserError` where the folder holds something that is no run."""
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"'{self.path}' is a file", "a folder for the run", remedy=ANOTHER)
        if not self.path.is_dir() or self.exists():
            return
        if any(path.name != LOCK for path in self.path.iterdir()):
            raise UserError(f"the folder '{self.path}' holds other files", remedy=ANOTHER)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for one training; the system lets go of it when the process dies.

        Raises:
            UserError: Another training holds it.
        """
        if fcntl is None:
            yield
            return
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / LOCK).open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                what = f"another training is under way in the folder '{self.path}'"
                raise UserError(what, remedy=f"wait for its end, or {ANOTHER}") from error
            except OSError:  # a file system that knows no locks
                pass
            yield

    def record(self) -> RunRecord:
        """Return the contents of `run.json`.

        Raises:
            UserError: It is damaged.
        """
        return RunRecord.from_json(self._read("run.json"))

    def _read(self, name: str) -> dict[str, Any]:
        try:
            value = json.loads((self.path / name).read_text())
        except ValueError as error:
            raise UserError(f"'{self.path / name}' is damaged", "JSON", error, MEND) from error
        return value if isinstance(value, dict) else {}

    def write_record(self, record: RunRecord) -> None:
        """Write `run.json`."""
        self.write_json("run.json", record.to_json())

    def write_json(self, name: str, value: object) -> Path:
        """Write one JSON file, whole or not at all."""
        text = json.dumps(value, indent=2, allow_nan=False) + "\n"
        return self.write(name, lambda path: path.write_text(text))

    def write(self, name: str, writer: Callable[[Path], object]) -> Path:
        """Let `writer` write a file to a temporary name, flush it to the disk and rename it."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}{PARTIAL}")
        temporary.unlink(missing_ok=True)  # a kill may have left one
        try:
            # A writer may make its file anew, readable by its owner alone: the mode is the user's.
            temporary.touch()
            mode = temporary.stat().st_mode
            writer(temporary)
            temporary.chmod(mode)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        return target

    def evaluation(self) -> dict[str, Any] | None:
        """Return the contents of `evaluation.json`, or None."""
        return self._read("evaluation.json") if (self.path / "evaluation.json").is_file() else None

    def findings(self) -> list[dict[str, str]]:
        """Return what `health.json` says: each finding's name, sentence, remedy and severity."""
        there = (self.path / "health.json").is_file()
        return self._read("health.json").get("findings", []) if there else []

    def metrics(self) -> list[dict[str, Any]]:
        """Return the lines of `metrics.jsonl`, without a last line that a kill cut short."""
        if not self.metrics_file.is_file():
            return []
        lines = self.metrics_file.read_text().splitlines(keepends=True)
        try:
            return [json.loads(line) for line in lines if line[-1] == "\n"]
        except ValueError as error:
            raise UserError(f"'{self.metrics_file}' is damaged", "JSON", error, MEND) from error

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Append one line to `metrics.jsonl`."""
        self.path.mkdir(parents=True, exist_ok=True)
        with self.metrics_file.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def truncate_metrics(self, step: int) -> None:
        """Drop the lines after `step`: a continued run writes them again."""
        kept = [row for row in self.metrics() if row["step"] <= step]
        text = "".join(json.dumps(row) + "\n" for row in kept)
        self.write("metrics.jsonl", lambda path: path.write_text(text))

    def save_checkpoint(self, step: int, tensors: dict[str, Tensor], state: dict) -> None:
        """Write everything that training needs to go on, then drop the older checkpoint.

        Args:
            step: Number of training steps made.
            tensors: By name; a name's first part (`model/`, `average/`, ...) says whose they are.
            state: What is no tensor, as JSON.
        """
        metadata = {"state": json.dumps({"step": step, **state})}
        # safetensors refuses tensors that share memory or are not contiguous.
        own = {name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}
        newest = self.write(
            f"checkpoints/{step:08d}.safetensors", lambda path: save_file(own, path, metadata)
        )
        for older in [*self._checkpoints(), *self.checkpoints.glob(f".*{PARTIAL}")]:
            if older != newest:
                older.unlink()

    def load_checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Return the newest checkpoint's tensors (on the CPU) and state, or None."""
        files = self._checkpoints()
        if not files:
            return None
        try:
            with safe_open(files[-1], framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return tensors, json.loads(file.metadata()["state"])
        except Exception as error:  # safetensors raises its own, undocumented classes
            raise UserError(
                "the checkpoint cannot be read",
                "a safetensors file written by immersion",
                f"'{files[-1]}' ({error})",
                "restore it from a copy, or train into another folder",
            ) from error

    def checkpoint_step(self) -> int:
        """Return the step of the newest checkpoint, or 0 if there is none."""
        checkpoint = self.load_checkpoint()
        return 0 if checkpoint is None else checkpoint[1]["step"]

    def weights(self) -> dict[str, Tensor]:
        """Return the model's weights: the best of early stopping, else the average, else the last.

        Raises:
            UserError: No checkpoint has been written yet.
        """
        checkpoint = self.load_checkpoint()
        if checkpoint is None:
            remedy = "give the same train command again"
            raise UserError(f"the run in '{self.path}' has no checkpoint yet", remedy=remedy)
        tensors, _ = checkpoint
        return (
            select_prefix(tensors, "best")
            or select_prefix(tensors, "average")
            or select_prefix(tensors, "model")
        )

    def _checkpoints(self) -> list[Path]:
        return sorted(self.checkpoints.glob("[0-9]*.safetensors"))


def name_validation_terms(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of `metrics.jsonl` with validation terms named as the training ones are.

    Where there are several players, looks at the validation split are the first one's and bear no
    name; here `value` becomes `discriminator/value`.

    Example:
        >>> train = {"step": 1, "split": "train", "seconds": 0.1, "discriminator/value": -1.4}
        >>> look = {"step": 1, "split": "validation", "seconds": 0.1, "value": -1.3}
        >>> name_validation_terms([train, look])[1]["discriminator/value"]
        -1.3
    """
    names = (name for row in rows if row["split"] == "train" for name in row)
    first = next((name.split("/")[0] for name in names if "/" in name), None)
    if first is None:
        return rows
    own = ("step", "split", "seconds")
    return [
        {n if n in own else f"{first}/{n}": value for n, value in row.items()}
        if row["split"] == "validation"
        else row
        for row in rows
    ]


def select_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `prefix/`, without it."""
    start = len(prefix) + 1
    return {name[start:]: t for name, t in tensors.items() if name.startswith(prefix + "/")}


def add_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under names that begin with `prefix/`."""
    return {f"{prefix}/{name}": torch.as_tensor(tensor) for name, tensor in tensors.items()}
