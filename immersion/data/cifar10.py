"""CIFAR-10, from the public binary version or from lossless mosaics of the same pixels."""

import io
import tarfile
from collections.abc import Mapping

import numpy as np
import torch
from PIL import Image

from immersion.check import UserError
from immersion.data.dataset import Dataset
from immersion.data.source import File, Source, register
from immersion.data.splits import from_tensors
from immersion.data.store import sha256
from immersion.data.threads import map_in_threads
from immersion.spec import Spec

CLASSES = "airplane automobile bird cat deer dog frog horse ship truck"
SPEC = Spec("cifar10", (3, 32, 32), "unit", tuple(CLASSES.split()))
EXAMPLES = (45_000, 5_000, 10_000)
ARCHIVE = "cifar-10-binary.tar.gz"
LABELS = "filenames.txt"

# Checksums of the pixels of each batch, (10000, 3, 32, 32) bytes. The public batches, rebuilt from
# these pixels, have the md5 of the public download.
PIXELS = {
    "data_batch_1": "sha256:a50e8b48728e1667d682a807155c375279d5ae321fb12242c02e3104a6bc8b21",
    "data_batch_2": "sha256:0b825e5592c3b72ea18d6ec2ff5f5b19d33e41a75f5039054a9bb87be3cf69a0",
    "data_batch_3": "sha256:c6ee1dd4601a69ec085d8ebf53ee6441775491a6839a0a9ae8fa198e88a3a429",
    "data_batch_4": "sha256:1f6b6c799cff375a9f8fae2fac909d51ee09f38a6a60eebb9e8fec6f47ddc48f",
    "data_batch_5": "sha256:58e3bbf713e28357476a351d3a05d056372f94c681d04ca9d62a076fdf2a643b",
    "test_batch": "sha256:177777c33ba79825320efa646ad04a94bdc3c80e4ebe3bd21724f8cdfd4b9d56",
}


def read(files: Mapping[str, bytes]) -> Dataset:
    """Return the first 45,000 for training and the last 5,000 of those batches for validation."""
    pixels, labels = unpack_binary(files[ARCHIVE]) if ARCHIVE in files else unpack_mosaics(files)
    checksums = {name: sha256(part.tobytes()) for name, part in zip(PIXELS, pixels, strict=True)}
    for name, expected in PIXELS.items():
        if checksums[name] != expected:
            raise UserError(
                f"the pixels of CIFAR-10's {name} are not the public ones",
                expected,
                checksums[name],
                "remove the file and try again",
            )
    x = torch.from_numpy(np.concatenate(pixels))
    indices = list(torch.arange(len(x)).split(EXAMPLES))
    return from_tensors(SPEC, x, torch.from_numpy(labels.astype(np.int64)), indices, checksums)


def unpack_binary(content: bytes) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the pixels, six (10000, 3, 32, 32), and labels, (60000,), of the binary version."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        records = [unpack_records(archive, name) for name in PIXELS]
    pixels = [np.ascontiguousarray(record[:, 1:]).reshape(-1, *SPEC.shape) for record in records]
    return pixels, np.concatenate([record[:, 0] for record in records])


def unpack_records(archive: tarfile.TarFile, name: str) -> np.ndarray:
    """Return the records of a batch, (10000, 3073): one byte for the label, 3072 of pixels."""
    file = archive.extractfile(f"cifar-10-batches-bin/{name}.bin")
    if file is None:
        raise UserError(f"{ARCHIVE} does not hold {name}.bin", remedy="remove the file")
    return np.frombuffer(file.read(), dtype=np.uint8).reshape(-1, 3073)


def unpack_mosaics(files: Mapping[str, bytes]) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the same from mosaics of 200 x 50 images and a text with a label in each line."""
    lines = files[LABELS].decode().splitlines()
    labels = np.array([line.split()[0] for line in lines], dtype=np.uint8)
    return map_in_threads(lambda name: unpack_mosaic(files[f"{name}.webp"]), list(PIXELS)), labels


def unpack_mosaic(content: bytes) -> np.ndarray:
    """Return the 10,000 images of one mosaic, (10000, 3, 32, 32)."""
    with Image.open(io.BytesIO(content)) as image:
        mosaic = np.asarray(image.convert("RGB")).reshape(200, 32, 50, 32, 3)
    return np.ascontiguousarray(mosaic.transpose(0, 2, 4, 1, 3)).reshape(-1, *SPEC.shape)


register(
    Source(
        SPEC,
        "objects and animals, in colour",
        EXAMPLES,
        "none stated; Krizhevsky 2009",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        read,
        (
            File(
                ARCHIVE,
                ("md5:c32a1d4ab5d03f1284b67883e8d87530",),
                (f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}",),
            ),
        ),
        repacked=(
            *(File(f"{name}.webp") for name in PIXELS),
            File(
                LABELS,
                ("sha256:12afd08708ae1f3720f4c4f5c5036c19205c5d87736de895bca5ac66b00a8fda",),
            ),
        ),
    )
)
