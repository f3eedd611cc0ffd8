"""Data that were given in memory, kept in a run folder for later evaluations."""

import json
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from immersion.data.dataset import Dataset, MemorySplit
from immersion.data.patches import PatchSplit
from immersion.spec import Spec

LARGEST = 1 << 30
"""Most bytes of data that are kept."""

SPLITS = ("train", "validation", "test")

PROPERTIES = "splits"
"""Key of the file's metadata with the other properties of each split, as JSON."""


def is_kept(dataset: Dataset) -> bool:
    """Return whether all splits are in memory and small enough to be kept."""
    tensors = _collect_tensors(dataset)
    return bool(tensors) and sum(tensor.nbytes for tensor in tensors.values()) <= LARGEST


def save_data(dataset: Dataset, path: Path) -> None:
    """Write a data set whose splits are in memory as a safetensors file."""
    # Rows and pictures may be views of one tensor, which the format cannot hold.
    tensors = {k: tensor.clone().contiguous() for k, tensor in _collect_tensors(dataset).items()}
    splits = {name: _list_properties(getattr(dataset, name)) for name in SPLITS}
    save_file(tensors, path, {PROPERTIES: json.dumps(splits)})


def load_saved(path: Path, spec: Spec, checksums: dict[str, str], note: str) -> Dataset:
    """Return the data set that `save_data` wrote.

    Args:
        path: The file.
        spec, checksums, note: As recorded.
    """
    with safe_open(path, "pt") as file:
        properties = json.loads((file.metadata() or {}).get(PROPERTIES, "{}"))
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    train, validation, test = (
        _read_split(tensors, name, spec, properties.get(name, {})) for name in SPLITS
    )
    return Dataset(spec, train, validation, test, checksums, note)


def _collect_tensors(dataset: Dataset) -> dict[str, Tensor]:
    """Return the tensors of all splits by name; none if a split is streamed."""
    tensors: dict[str, Tensor] = {}
    for name in SPLITS:
        split = getattr(dataset, name)
        if isinstance(split, PatchSplit):
            tensors |= {f"{name}/picture/{i}": p for i, p in enumerate(split.pictures)}
            tensors |= {f"{name}/mask/{i}": m for i, m in enumerate(split.masks)}
        elif isinstance(split, MemorySplit):
            tensors |= {f"{name}/x": split.x} | ({} if split.y is None else {f"{name}/y": split.y})
        else:
            return {}
    return tensors


def _list_properties(split: Any) -> dict[str, Any]:
    """Return what a split is constructed with besides its tensors."""
    if isinstance(split, PatchSplit):
        return {"side": split.side, "still": split.still, "upright": split.upright}
    return {"values": split.values, "dynamic": split.dynamic}


def _read_split(
    tensors: dict[str, Tensor], name: str, spec: Spec, properties: dict[str, Any]
) -> MemorySplit | PatchSplit:
    if f"{name}/x" in tensors:
        kept = {"values": spec.values} | properties
        return MemorySplit(tensors[f"{name}/x"], tensors.get(f"{name}/y"), **kept)
    pictures, masks = (_list_numbered(tensors, f"{name}/{part}/") for part in ("picture", "mask"))
    kept = {"side": spec.shape[1], "still": name != "train"} | properties
    return PatchSplit(pictures, masks=masks, **kept)


def _list_numbered(tensors: dict[str, Tensor], prefix: str) -> tuple[Tensor, ...]:
    count = sum(name.startswith(prefix) for name in tensors)
    return tuple(tensors[f"{prefix}{number}"] for number in range(count))
