"""A user's folder of images as a data set; sub-folders are classes."""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.data.dataset import Binarize, Dataset, Spec, to_float
from immersion.data.image_files import SUFFIXES, Header, decode, read_header
from immersion.data.splits import from_tensors, seeded_split, split_sizes
from immersion.data.threads import map_in_threads
from immersion.data.transforms import to_bits

BUDGET = 2 << 30  # bytes of levels that are held in memory unless `resident` says otherwise
DEFAULT_SIZE = 64
KEPT_SIZES = range(8, 129)


def load_image_folder(folder: Path, size: int | None, resident: bool | None) -> Dataset:
    """Return the images under `folder` in a seeded split of 80, 10 and 10 %.

    All grey gives one channel, otherwise three. Files with other suffixes than those of images,
    and hidden ones, are left out and counted in `Dataset.note`, and so are images that have to be
    enlarged.

    Args:
        folder: Images, or sub-folders of them; two or more sub-folders are classes, by name.
        size: Height and width, by a central square and a Lanczos filter; if left out, the
            images' own if all have the same one with sides from 8 to 128, else 64.
        resident: True holds the images in memory and False decodes them when a batch asks; if
            left out, whether they take less than 2 GiB decides.

    Raises:
        UserError: An image cannot be read, or there are fewer than three.
    """
    if size is not None and size < 1:
        raise UserError("the size of images is too small", "at least 1", size)
    paths, others = find_images(folder)
    shape, sized = select_shape(map_in_threads(read_header, paths), size)
    names, y = labels_from_folders(folder, paths)
    spec = Spec(str(folder), shape, "unit", names)
    left_out = f"; {others} other files were left out" if others else ""
    note = f"{len(paths)} images from {folder}, {sized}{left_out}"
    indices = seeded_split("folder", split_sizes(len(paths)))
    if resident is None:
        resident = len(paths) * spec.dimensions <= BUDGET
    if not resident:
        return stream_images(spec, paths, y, indices, folder, f"{note}; decoded as they are read")
    x, checksum = read_images(folder, paths, shape)
    return from_tensors(spec, x, y, indices, {folder.resolve().name: checksum}, note)


def find_images(folder: Path) -> tuple[list[Path], int]:
    """Return the image files under `folder`, sorted, and how many other files there are."""
    files = sorted(
        Path(root, name)
        for root, folders, names in os.walk(folder)
        if not _within_run(Path(root), folder)
        for name in names
        if not any(part.startswith(".") for part in Path(root, name).relative_to(folder).parts)
    )
    paths = [path for path in files if path.suffix.lower() in SUFFIXES]
    if len(paths) < 3:
        raise UserError(
            f"the folder {folder} holds too few images",
            "at least 3, to train, to validate and to test",
            f"{len(paths)} among {len(files)} files",
            f"add images ({', '.join(sorted(SUFFIXES))})",
        )
    return paths, len(files) - len(paths)


def _within_run(path: Path, folder: Path) -> bool:
    """Return whether a folder below `folder` lies in a run: its pictures are no data."""
    between = [path, *path.parents][: len(path.relative_to(folder).parts)]
    return any((parent / "run.json").is_file() for parent in between)


def labels_from_folders(folder: Path, paths: list[Path]) -> tuple[tuple[str, ...], Tensor | None]:
    """Return the names of the classes and the labels, (N,): a file's first sub-folder."""
    parents = [path.relative_to(folder).parts[:-1] for path in paths]
    names = sorted({parts[0] for parts in parents if parts})
    if not all(parents) and names:
        raise UserError(
            f"the folder {folder} holds images both in itself and in sub-folders",
            "one or the other, since sub-folders are classes",
            remedy="move them",
        )
    if len(names) < 2:
        return (), None
    label = {name: k for k, name in enumerate(names)}
    return tuple(names), torch.tensor([label[parts[0]] for parts in parents])


def select_shape(headers: list[Header], size: int | None) -> tuple[tuple[int, int, int], str]:
    """Return the shape that all images get, (C, H, W), and how to say so."""
    channels = 1 if all(found.grey for found in headers) else 3
    found = {(image.height, image.width) for image in headers}
    if size is None and len(found) == 1:
        height, width = next(iter(found))
        if height in KEPT_SIZES and width in KEPT_SIZES:
            return (channels, height, width), f"at their own size of {width} x {height}"
    side = size or DEFAULT_SIZE
    smaller = sum(min(image.height, image.width) < side for image in headers)
    enlarged = f" ({smaller} of them, which are smaller, were enlarged)" if smaller else ""
    return (channels, side, side), f"cut to squares and resized to {side} x {side}{enlarged}"


def read_images(folder: Path, paths: list[Path], shape: tuple[int, ...]) -> tuple[Tensor, str]:
    """Return the levels, (N, *shape) uint8, and one checksum over all names and bytes."""
    x = torch.empty((len(paths), *shape), dtype=torch.uint8)

    def read(i: int) -> bytes:
        content = paths[i].read_bytes()
        x[i] = decode(paths[i], shape, content)
        return hashlib.sha256(content).digest()

    total = hashlib.sha256()
    for path, digest in zip(paths, map_in_threads(read, list(range(len(paths)))), strict=True):
        total.update(path.relative_to(folder).as_posix().encode() + b"\0" + digest)
    return x, f"sha256:{total.hexdigest()}"


def stream_images(
    spec: Spec,
    paths: list[Path],
    y: Tensor | None,
    indices: list[Tensor],
    folder: Path,
    note: str,
) -> Dataset:
    """Return a data set that stays in its files; the checksum is over what a listing shows."""
    total = hashlib.sha256()
    for path in paths:
        status = path.stat()
        listed = f"{path.relative_to(folder).as_posix()}\0{status.st_size}\0{status.st_mtime_ns}\0"
        total.update(listed.encode())
    splits = [
        StreamedSplit(
            tuple(paths[i] for i in chosen.tolist()),
            None if y is None else y[chosen],
            spec.shape,
        )
        for chosen in indices
    ]
    checksums = {
        f"{folder.resolve().name} (names, sizes and times)": f"sha256:{total.hexdigest()}"
    }
    return Dataset(spec, *splits, checksums=checksums, note=note)


@dataclass(frozen=True)
class StreamedSplit:
    """A split of image files, for those that do not fit in memory.

    The engine reads it in worker processes, a batch at a time.

    Args:
        paths: The files, one an example.
        y: (N,) int64 labels, or None.
        shape: (C, H, W).
        binarize: How levels become 0 and 1, drawn from PyTorch's global generator if `dynamic`.
        stream: The name of the random stream of a `static` draw.
    """

    paths: tuple[Path, ...]
    y: Tensor | None
    shape: tuple[int, ...]
    binarize: Binarize = "none"
    stream: str = ""
    resident: bool = field(default=False, init=False)

    def __len__(self) -> int:
        return len(self.paths)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return x, (B, *shape) float32, and labels, (B,) or None."""
        files = [decode(self.paths[i], self.shape) for i in indices.tolist()]
        x = to_float(torch.stack(files), "unit")
        if self.binarize != "none":
            x = to_bits(x, self.binarize, self.stream, indices)
        return x, None if self.y is None else self.y[indices]

    def to(self, device: torch.device) -> "StreamedSplit":
        """Return the split itself: it holds no values to move."""
        return self
