"""Write samples to a file of arrays in chunks: the file may be larger than the memory."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np
from torch import Tensor

from immersion.output_file import write_atomically

ARRAYS = (".npz", ".npy")
"""Endings of the files that `write_arrays` writes."""

Chunks = Iterable[Mapping[str, Tensor]]
"""Arrays by name, `x` among them, in every chunk the same names, each (B, ...)."""

COPIED = 2**20
"""Bytes copied at a time."""


def write_arrays(path: Path, chunks: Chunks, count: int) -> None:
    """Write all arrays as .npz, or `x` alone as .npy.

    The file is written under a temporary name in the same folder and renamed when it is complete.

    Args:
        path: The file, .npz or .npy.
        chunks: Chunks of `count` examples in all.
        count: N, for the array's header, which comes before its values.

    Example:
        >>> import torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "samples.npz"
        ...     write_arrays(path, [{"x": torch.ones(2, 3)}, {"x": torch.ones(1, 3)}], 3)
        ...     np.load(path)["x"].shape
        (3, 3)
    """
    writer = _write_npy if path.suffix.lower() == ".npy" else _write_npz
    write_atomically(path, lambda partial: writer(partial, chunks, count))


def _write_npy(path: Path, chunks: Chunks, count: int) -> None:
    with path.open("wb") as file:
        for number, chunk in enumerate(chunks):
            _append(file, chunk["x"], count, number)


def _write_npz(path: Path, chunks: Chunks, count: int) -> None:
    # An archive is written member after member: other arrays wait until x is complete.
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive, ExitStack() as stack:
        aside: dict[str, IO[bytes]] = {}
        with archive.open("x.npy", "w", force_zip64=True) as member:
            for number, chunk in enumerate(chunks):
                if number == 0:
                    for name in (name for name in chunk if name != "x"):
                        aside_file = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115
                        aside[name] = stack.enter_context(aside_file)
                for name, values in chunk.items():
                    _append(aside.get(name, member), values, count, number)
        for name, stored in aside.items():
            stored.seek(0)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                shutil.copyfileobj(stored, member, COPIED)


def _append(file: IO[bytes], chunk: Tensor, count: int, number: int) -> None:
    """Write a chunk's values, before the first the header of the whole array."""
    values = np.ascontiguousarray(chunk.numpy())
    if number == 0:
        header = np.lib.format.header_data_from_array_1_0(values)
        header["shape"] = (count, *values.shape[1:])
        np.lib.format.write_array_header_1_0(file, header)
    file.write(values.data)
