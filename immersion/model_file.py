"""A trained model in one file: its weights, and in the metadata its record and its estimates.

::

    model.safetensors
      weights                  encoder.0.weight, ...: those that are evaluated
      encoder/...              weights of the encoder that was trained for a generator
      metadata                 JSON by the name of the file in a run folder: run.json,
                               evaluation.json, encoder/run.json; data.json: licence and address
                               of a named data set; step: training steps made

It holds no training state, no path and no code, and reading it executes nothing.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from immersion.check import UserError

ENDING = ".safetensors"

RECORD = "run.json"
"""Name of the record in the metadata, and of its file in a run folder."""

STEP = "step"
"""Name of the number of training steps in the metadata."""

FRAMEWORK = {"format": "pt"}
"""What other readers of safetensors look for: tensors in PyTorch's layout."""


class ModelFile:
    """A model's file, which is only read.

    Args:
        path: The file.
        inside: Prefix of the names that are read: `encoder/` for a generator's encoder.
    """

    def __init__(self, path: Path, inside: str = "") -> None:
        self.path, self.inside = path, inside

    def exists(self) -> bool:
        """Return whether the file holds a model with its record."""
        try:
            return self.inside + RECORD in self._read_metadata()
        except UserError:
            return False

    def read_json(self, name: str) -> Any:
        """Return a JSON document of the metadata, or None if there is none of that name.

        Raises:
            UserError: The file or the document is damaged.
        """
        text = self._read_metadata().get(self.inside + name)
        try:
            return None if text is None else json.loads(text)
        except ValueError as error:
            raise UserError(f"{name} in '{self.path}' is damaged", "JSON", error) from error

    def read_step(self) -> int:
        """Return the number of training steps that the weights have seen.

        Raises:
            UserError: The file is damaged.
        """
        text = self._read_metadata().get(self.inside + STEP, "0")
        if not text.isdecimal():
            raise UserError(f"'{self.path}' is damaged", "a number of steps", repr(text))
        return int(text)

    def read_weights(self) -> dict[str, Tensor]:
        """Return the weights by name, on the CPU.

        Raises:
            UserError: The file is damaged, or weights are not finite.
        """
        try:
            with safe_open(self.path, framework="pt") as file:
                weights = {
                    name.removeprefix(self.inside): file.get_tensor(name)
                    for name in file.keys()  # noqa: SIM118
                    if name.rpartition("/")[0] == self.inside.rstrip("/")
                }
        except (SafetensorError, OSError) as error:
            raise self._make_error(error) from error
        for name, tensor in weights.items():
            if not tensor.isfinite().all():
                raise UserError(f"'{name}' in '{self.path}' is damaged", "finite values")
        return weights

    def _read_metadata(self) -> dict[str, str]:
        try:
            with safe_open(self.path, framework="pt") as file:
                return file.metadata() or {}
        except (SafetensorError, OSError) as error:
            raise self._make_error(error) from error

    def _make_error(self, error: Exception) -> UserError:
        expected = "a safetensors file that immersion wrote"
        return UserError(f"'{self.path}' cannot be read as a model", expected, error)


def write_model_file(
    path: Path,
    weights: Mapping[str, Tensor],
    documents: Mapping[str, Any],
    steps: Mapping[str, int],
) -> None:
    """Write a model's file.

    Args:
        path: The file.
        weights: By name; those of an encoder have the prefix `encoder/`.
        documents: Name of a file in a run folder -> its contents.
        steps: Prefix, empty or `encoder/` -> training steps made.

    Example:
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "model.safetensors"
        ...     write_model_file(path, {"w": torch.ones(2)}, {"run.json": {}}, {"": 7})
        ...     file = ModelFile(path)
        ...     file.read_weights(), file.read_json("run.json"), file.read_step()
        ({'w': tensor([1., 1.])}, {}, 7)
    """
    metadata = FRAMEWORK | {name: json.dumps(value) for name, value in documents.items()}
    metadata |= {prefix + STEP: str(step) for prefix, step in steps.items()}
    # safetensors rejects tensors that share memory or are not contiguous.
    own = {name: t.detach().cpu().clone().contiguous() for name, t in weights.items()}
    save_file(own, path, metadata)
