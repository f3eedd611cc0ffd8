"""Data that were given in memory, kept in a run folder for later evaluations."""

from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from immersion.data.dataset import Dataset, MemorySplit
from immersion.data.patches import PatchSplit
from immersion.spec import Spec

LARGEST = 1 << 30
"""Most bytes of data that are kept."""

SPLITS = ("train", "validation", "test")


def collect_tensors(dataset: Dataset) -> dict[str, Tensor]:
    """Return the tensors of all splits by name; none if they are streamed or too large."""
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
    size = sum(tensor.nbytes for tensor in tensors.values())
    return tensors if size <= LARGEST else {}


def save_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Write tensors as a safetensors file."""
    # Rows and pictures may be views of one tensor, which the format cannot hold.
    save_file({name: tensor.clone().contiguous() for name, tensor in tensors.items()}, path)


def load_saved(
    path: Path, spec: Spec, upright: bool, checksums: dict[str, str], note: str
) -> Dataset:
    """Return the data set that `save_tensors` wrote.

    Args:
        path: The file.
        spec: The recorded description, whose type of values is that of the tensors.
        upright: True if patches of pictures are not rotated.
        checksums, note: As recorded.
    """
    tensors = load_file(path)
    train, validation, test = (_read_split(tensors, name, spec, upright) for name in SPLITS)
    return Dataset(spec, train, validation, test, checksums, note)


def _read_split(
    tensors: dict[str, Tensor], name: str, spec: Spec, upright: bool
) -> MemorySplit | PatchSplit:
    if f"{name}/x" in tensors:
        return MemorySplit(tensors[f"{name}/x"], tensors.get(f"{name}/y"), spec.values)
    pictures, masks = (_list_numbered(tensors, f"{name}/{part}/") for part in ("picture", "mask"))
    return PatchSplit(pictures, spec.shape[1], masks, name != "train", upright)


def _list_numbered(tensors: dict[str, Tensor], prefix: str) -> tuple[Tensor, ...]:
    count = sum(name.startswith(prefix) for name in tensors)
    return tuple(tensors[f"{prefix}{number}"] for number in range(count))
