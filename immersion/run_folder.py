"""The run folder: the only thing that passes between commands.

::

    RUN/
      run.json                 format, recipe, arguments, data, options, versions, machine
      metrics.jsonl            one JSON object a line: step, split, seconds, the named terms
      checkpoints/             00012000.safetensors: everything needed to resume training;
                               weights-00012000.safetensors: weights that --keep-weights kept
      samples/                 images and arrays sampled from the model
      encoder/                 the run folder of a GAN's encoder, from `immersion invert`
      evaluation.json          results of `immersion evaluate`
      health.json              findings of `immersion doctor RUN` about the training
      report.html              one file that opens offline
      data.safetensors         the data, if they were given in memory
      paths.json               where the data, and code outside the package, were on this machine

Every file but `metrics.jsonl` is written to a temporary name, flushed to the disk and renamed, so
a process that is killed leaves the old file or the new one, never a part of one. Metrics are
appended; a line that a kill cut short is dropped when the run is resumed. One training at a time
locks the folder, by a lock on the empty file `.lock`.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from immersion.check import UserError
from immersion.hub import HubModel, download, is_hub_name
from immersion.model_file import ModelFile
from immersion.output_file import PARTIAL, write_atomically
from immersion.run_record import FORMAT, REQUIRED, RunRecord

fcntl = import_module("fcntl") if find_spec("fcntl") else None  # Windows has no such locks

ANOTHER, RESTORE = "choose another --out", "restore it from a copy, or train into another folder"

LOCK = ".lock"
"""The empty file that a training process locks; it is kept after the training."""


class RunFolder:
    """The files of one run, or the model's file that was made of it, which is only read.

    Args:
        path: The folder, which may not exist yet, or the file.
        inside: The part of the file: empty, or `encoder/`.
    """

    def __init__(self, path: str | os.PathLike[str], inside: str = "") -> None:
        self.path = Path(path)
        self.file = ModelFile(self.path, inside) if self.path.is_file() else None
        self.checkpoints = self.path / "checkpoints"
        self.samples = self.path / "samples"
        self.metrics_file = self.path / "metrics.jsonl"
        self.report_file = self.path / "report.html"
        self.data_file = self.path / "data.safetensors"

    @property
    def encoder(self) -> "RunFolder":
        """Return the run of the encoder that was trained for this run's generator."""
        if self.file is not None:
            return RunFolder(self.path, "encoder/")
        return RunFolder(self.path / "encoder")

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "RunFolder":
        """Return the run in `path`.

        Args:
            path: A run folder; the file of a model (see `immersion.model_file`); or hf://user/name,
                whose file is downloaded.

        Raises:
            UserError: There is no run in that folder, or it was written in a newer format.
        """
        folder = cls(download(HubModel.parse(path)) if is_hub_name(path) else path)
        if not folder.exists():
            if folder.file is not None:
                folder.file.read_json("run.json")  # raises if the file is damaged
            raise UserError(
                f"there is no run in that {'folder' if folder.file is None else 'file'}",
                "a folder with a run.json, or a file that immersion share wrote",
                f"'{os.fspath(path)}'",
                "train one with immersion train, or check the path",
            )
        values = folder._read("run.json")
        received = values.get("format", 0)
        if not isinstance(received, int) or received > FORMAT:
            remedy = "install a newer immersion"
            raise UserError("the run was written by a newer version", FORMAT, received, remedy)
        if not set(REQUIRED) <= set(values):
            raise UserError(f"'{folder.path / 'run.json'}' is not a run's record", remedy=RESTORE)
        return folder

    def exists(self) -> bool:
        """Return whether the folder holds a run, or the file a model."""
        if self.file is not None:
            return self.file.exists()
        return (self.path / "run.json").is_file()

    @property
    def read_only(self) -> bool:
        """Return whether this is a model's file."""
        return self.file is not None

    def check_writable(self) -> None:
        """Raise UserError if this is a model's file."""
        if self.file is not None:
            what = f"the model's file '{self.path}' is only read"
            raise UserError(what, "a run folder", remedy="pass --out where the command has it")

    def check_free(self) -> None:
        """Raise UserError if the folder holds other files than a run's."""
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"'{self.path}' is a file", "a folder for the run", remedy=ANOTHER)
        if not self.path.is_dir() or self.exists():
            return
        if any(path.name != LOCK for path in self.path.iterdir()):
            raise UserError(f"the folder '{self.path}' holds other files", remedy=ANOTHER)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the folder for one training; the system unlocks it when the process ends.

        Raises:
            UserError: Another training has locked it.
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
            except OSError:  # a file system without locks
                pass
            yield

    def record(self) -> RunRecord:
        """Return the contents of `run.json`.

        Raises:
            UserError: It is damaged.
        """
        return RunRecord.from_json(self._read("run.json"))

    def _read(self, name: str) -> dict[str, Any]:
        if self.file is not None:
            value = self.file.read_json(name)
            return value if isinstance(value, dict) else {}
        try:
            value = json.loads((self.path / name).read_text())
        except ValueError as error:
            raise UserError(f"'{self.path / name}' is damaged", "JSON", error, RESTORE) from error
        return value if isinstance(value, dict) else {}

    def write_record(self, record: RunRecord) -> None:
        """Write `run.json`."""
        self.write_json("run.json", record.to_json())

    def paths(self) -> dict[str, Any]:
        """Return the contents of `paths.json`: absolute paths, which are no part of the record."""
        return self._read("paths.json") if (self.path / "paths.json").is_file() else {}

    def locate_data(self, source: str) -> str:
        """Return where the training data were: a path, or the recorded name of a set."""
        path = self.paths().get("data", source)
        return path if isinstance(path, str) else source

    def write_json(self, name: str, value: object) -> Path:
        """Write one JSON file atomically."""
        text = json.dumps(value, indent=2, allow_nan=False) + "\n"
        return self.write(name, lambda path: path.write_text(text))

    def write(self, name: str, writer: Callable[[Path], object]) -> Path:
        """Write a file atomically; see `write_atomically`.

        Args:
            name: The file's path within the run folder.
            writer: Function that writes the content to a path.

        Returns:
            The file.

        Raises:
            UserError: This is a model's file.
        """
        self.check_writable()
        return write_atomically(self.path / name, writer)

    def evaluation(self) -> dict[str, Any] | None:
        """Return the contents of `evaluation.json`, or None."""
        if self.file is not None:
            return self._read("evaluation.json") or None
        return self._read("evaluation.json") if (self.path / "evaluation.json").is_file() else None

    def findings(self) -> list[dict[str, str]]:
        """Return the findings in `health.json`: name, sentence, remedy and severity of each."""
        there = (self.path / "health.json").is_file()
        return self._read("health.json").get("findings", []) if there else []

    def metrics(self) -> list[dict[str, Any]]:
        """Return the rows of `metrics.jsonl`, without a last line that a kill cut short."""
        if not self.metrics_file.is_file():
            return []
        lines = self.metrics_file.read_text().splitlines(keepends=True)
        try:
            return [json.loads(line) for line in lines if line[-1] == "\n"]
        except ValueError as error:
            raise UserError(f"'{self.metrics_file}' is damaged", "JSON", error, RESTORE) from error

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Append one row to `metrics.jsonl`."""
        self.path.mkdir(parents=True, exist_ok=True)
        with self.metrics_file.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def truncate_metrics(self, step: int) -> None:
        """Drop the rows after `step`, which a resumed run writes again."""
        kept = [row for row in self.metrics() if row["step"] <= step]
        text = "".join(json.dumps(row) + "\n" for row in kept)
        self.write("metrics.jsonl", lambda path: path.write_text(text))

    def save_checkpoint(self, step: int, tensors: dict[str, Tensor], state: dict) -> None:
        """Write everything needed to resume training, then remove the older checkpoint.

        Args:
            step: Number of training steps made.
            tensors: Tensors by name; a name's prefix (`model/`, `average/`, ...) is its group.
            state: All other values, as JSON.
        """
        metadata = {"state": json.dumps({"step": step, **state})}
        # safetensors rejects tensors that share memory or are not contiguous.
        own = {name: t.detach().cpu().clone().contiguous() for name, t in tensors.items()}
        newest = self.write(
            f"checkpoints/{step:08d}.safetensors", lambda path: save_file(own, path, metadata)
        )
        for older in [*self._checkpoints(), *self.checkpoints.glob(f".*{PARTIAL}")]:
            if older != newest:
                older.unlink()

    def save_snapshot(self, step: int, weights: Mapping[str, Tensor]) -> None:
        """Keep the weights of one step, which stay when later checkpoints replace earlier ones.

        Args:
            step: Number of training steps made.
            weights: The evaluated weights: their average, if one is kept.
        """
        own = {name: t.detach().cpu().clone().contiguous() for name, t in weights.items()}
        name = f"checkpoints/weights-{step:08d}.safetensors"
        self.write(name, lambda path: save_file(own, path, {"step": str(step)}))

    def list_snapshots(self) -> dict[int, Path]:
        """Return the files of the weights that were kept, by step."""
        files = sorted(self.checkpoints.glob("weights-*.safetensors"))
        return {int(path.stem.removeprefix("weights-")): path for path in files}

    def load_checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Return the tensors (on the CPU) and the state of the newest checkpoint, or None."""
        if self.file is not None:
            return add_prefix("model", self.file.read_weights()), {"step": self.file.read_step()}
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

    def weights(self, step: int | None = None) -> dict[str, Tensor]:
        """Return the model's weights.

        Args:
            step: Step of a snapshot, kept by `keep_weights`. By default the weights are
                those of the best validation pass, if the run keeps them (it has a patience, or
                `keep_weights` is best); else their average, if it keeps one; else the last.

        Raises:
            UserError: No checkpoint has been written yet, or there is no such snapshot.
        """
        if step is not None:
            return self._load_snapshot(step)
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

    def _load_snapshot(self, step: int) -> dict[str, Tensor]:
        snapshots = self.list_snapshots()
        if step not in snapshots:
            expected = ", ".join(map(str, snapshots)) or "none was kept"
            what = f"'{self.path}' has no snapshot of that step"
            raise UserError(
                what, expected, step, "train with --keep-weights N to keep one every N steps"
            )
        return load_file(snapshots[step])

    def load_weights(self, model: nn.Module, skip: str = "") -> None:
        """Load the weights of `weights()` into a model.

        Args:
            model: A model with the names and shapes of the trained one.
            skip: Prefix of the names of weights that the model does not have; empty for none.

        Raises:
            UserError: There is no checkpoint, or the names or shapes differ.
        """
        weights = self.weights().items()
        try:
            model.load_state_dict({k: w for k, w in weights if not (skip and k.startswith(skip))})
        except RuntimeError as error:
            remedy = "restore run.json from a copy, or train again"
            what = f"the weights in '{self.path}' do not fit its run.json"
            raise UserError(what, remedy=remedy) from error

    def _checkpoints(self) -> list[Path]:
        return sorted(self.checkpoints.glob("[0-9]*.safetensors"))


def name_validation_terms(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of `metrics.jsonl` with validation terms named as training terms.

    In a game of several players validation terms are the first player's and have no prefix; here
    `value` becomes `discriminator/value`.

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
