"""A folder of images as a data set, in memory or streamed; sub-folders are classes."""

import hashlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.data.dataset import Dataset, to_float
from immersion.data.image_files import SUFFIXES, Header, decode, read_header
from immersion.data.splits import from_tensors, split_randomly, split_sizes
from immersion.data.store import sha256_listing
from immersion.data.threads import map_in_threads
from immersion.data.transforms import to_bits
from immersion.spec import Binarize, Spec

BUDGET = 2 << 30
"""Largest number of bytes of levels that is held in memory by default."""

DEFAULT_SIZE = 64
"""Height and width of images that have no common size within `KEPT_SIZES`."""

KEPT_SIZES = range(8, 129)
"""Heights and widths that are kept if all images share them."""


@dataclass(frozen=True)
class StreamedSplit:
    """A split of image files that are decoded batch by batch, if they do not fit in memory.

    The engine reads it in worker processes.

    Args:
        paths: The files, one per example.
        y: (N,) int64 labels, or None.
        shape: (C, H, W).
        binarize: Binarization of the levels; `dynamic` samples from PyTorch's global generator.
        stream: Name of the random stream of a `static` sample.
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

    def with_binarize(self, how: Binarize, stream: str) -> "StreamedSplit":
        """Return the split with batches that are binarized."""
        return replace(self, binarize=how, stream=stream)

    def to(self, device: torch.device) -> "StreamedSplit":
        """Return the split itself, which holds no values in memory."""
        return self


def load_image_folder(folder: Path, size: int | None, resident: bool | None) -> Dataset:
    """Return the images under `folder` in a seeded split of 80, 10 and 10 %.

    There is one channel if all images are grey, otherwise three. Hidden files and files without
    an image's suffix are left out and counted in `Dataset.note`, as are images that have to be
    enlarged.

    Args:
        folder: Images, or sub-folders of them; two or more sub-folders are classes, by name.
        size: Height and width after cropping to the central square and Lanczos resizing; by
            default the images' common size if its sides are from 8 to 128, else 64.
        resident: If True, images are held in memory; if False, decoded batch by batch; by
            default they are in memory if they take at most 2 GiB.

    Raises:
        UserError: An image cannot be read, or there are fewer than three.
    """
    if size is not None and size < 1:
        raise UserError("the size of images is too small", "at least 1", size)
    paths, others = find_images(folder)
    labels = labels_from_folders(folder, paths)
    left_out = f"; {others} other files were left out" if others else ""
    return load_image_files(folder.resolve().name, paths, folder, size, resident, labels, left_out)


def load_image_files(
    name: str,
    paths: list[Path],
    root: Path,
    size: int | None,
    resident: bool | None = None,
    labels: tuple[tuple[str, ...], Tensor | None] = ((), None),
    left_out: str = "",
) -> Dataset:
    """Return the images in files in a seeded split of 80, 10 and 10 %.

    Args:
        name: Name of the data.
        paths: The files, three or more.
        root: Folder to which the names in the checksum are relative.
        size, resident: As in `load_image_folder`.
        labels: Names of the classes and the class of each file, (N,), if any.
        left_out: Words on files that were left out, for the note.
    """
    shape, sized = select_shape(map_in_threads(read_header, paths), size)
    names, y = labels
    spec = Spec(name, shape, "unit", names)
    note = f"{len(paths)} images from {name}, {sized}{left_out}"
    indices = split_randomly("folder", split_sizes(len(paths)))
    if resident is None:
        resident = len(paths) * spec.dimensions <= BUDGET
    if not resident:
        return stream_images(spec, paths, y, indices, root, f"{note}; decoded as they are read")
    x, checksum = read_images(root, paths, shape)
    return from_tensors(spec, x, y, indices, {name: checksum}, note)


def find_images(folder: Path) -> tuple[list[Path], int]:
    """Return the image files under `folder`, sorted, and the number of other files."""
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
    """Return whether a folder below `folder` is part of a run, whose pictures are no data."""
    between = [path, *path.parents][: len(path.relative_to(folder).parts)]
    return any((parent / "run.json").is_file() for parent in between)


def labels_from_folders(folder: Path, paths: list[Path]) -> tuple[tuple[str, ...], Tensor | None]:
    """Return the names of the classes and the labels, (N,), from each file's first sub-folder."""
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
    """Return the common shape of all images, (C, H, W), and a phrase that describes it."""
    channels = 1 if all(image.grey for image in headers) else 3
    shapes = {(image.height, image.width) for image in headers}
    if size is None and len(shapes) == 1:
        ((height, width),) = shapes
        if height in KEPT_SIZES and width in KEPT_SIZES:
            return (channels, height, width), f"at their own size of {width} x {height}"
    side = size or DEFAULT_SIZE
    smaller = sum(min(image.height, image.width) < side for image in headers)
    enlarged = f" ({smaller} of them, which are smaller, were enlarged)" if smaller else ""
    return (channels, side, side), f"cut to squares and resized to {side} x {side}{enlarged}"


def read_images(folder: Path, paths: list[Path], shape: tuple[int, ...]) -> tuple[Tensor, str]:
    """Return levels, (N, *shape) uint8, and one checksum of all names and bytes."""
    x = torch.empty((len(paths), *shape), dtype=torch.uint8)

    def read(i: int) -> bytes:
        content = paths[i].read_bytes()
        x[i] = decode(paths[i], shape, content)
        return hashlib.sha256(content).digest()

    digests = map_in_threads(read, list(range(len(paths))))
    names = [path.relative_to(folder).as_posix() for path in paths]
    return x, sha256_listing(zip(names, digests, strict=True))


def stream_images(
    spec: Spec,
    paths: list[Path],
    y: Tensor | None,
    indices: list[Tensor],
    folder: Path,
    note: str,
) -> Dataset:
    """Return a data set of `StreamedSplit`; its checksum covers names, sizes and times."""
    total = hashlib.sha256()
    for path in paths:
        status = path.stat()
        listed = f"{path.relative_to(folder).as_posix()}\0{status.st_size}\0{status.st_mtime_ns}\0"
        total.update(listed.encode())
    train, validation, test = (
        StreamedSplit(
            tuple(paths[i] for i in rows.tolist()), None if y is None else y[rows], spec.shape
        )
        for rows in indices
    )
    name = f"{spec.name} (names, sizes and times)"
    checksums = {name: f"sha256:{total.hexdigest()}"}
    return Dataset(spec, train, validation, test, checksums, note)
