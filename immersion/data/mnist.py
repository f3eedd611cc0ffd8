"""Data sets in the idx format: MNIST and Fashion-MNIST."""

import gzip
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from immersion.check import UserError
from immersion.data.dataset import Dataset
from immersion.data.source import File, Source, register
from immersion.data.splits import from_tensors
from immersion.data.store import sha256_each
from immersion.spec import Spec

NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


def parse_idx(name: str, content: bytes) -> Tensor:
    """Return the array of bytes in a compressed idx file.

    The format is two zero bytes, the type (8: unsigned byte), the number of dimensions, each
    dimension as a big-endian 32-bit integer, and the values.
    """
    raw = gzip.decompress(content)
    dimensions = raw[3] if raw[:3] == b"\0\0\x08" else 0
    start = 4 + 4 * dimensions
    shape = [int(size) for size in np.frombuffer(raw[4:start], dtype=">u4")]
    if not shape or len(raw) != start + math.prod(shape):
        raise UserError(f"{name} is not an idx file of bytes", received=f"{len(raw)} bytes")
    return torch.frombuffer(bytearray(raw[start:]), dtype=torch.uint8).reshape(shape)


def read(spec: Spec, files: Mapping[str, bytes]) -> Dataset:
    """Return the first 50,000 for training, the last 10,000 of that file for validation."""
    images, labels, test_images, test_labels = (parse_idx(name, files[name]) for name in NAMES)
    x = torch.cat([images, test_images]).unsqueeze(1)
    y = torch.cat([labels, test_labels]).long()
    indices = list(torch.arange(len(x)).split([50_000, 10_000, 10_000]))
    return from_tensors(spec, x, y, indices, sha256_each(files))


def idx_files(checksums: list[tuple[str, ...]], addresses: tuple[str, ...]) -> tuple[File, ...]:
    """Return the four files with their accepted checksums and their URLs at every address."""
    return tuple(
        File(name, sums, tuple(address + name for address in addresses))
        for name, sums in zip(NAMES, checksums, strict=True)
    )


MNIST = Spec("mnist", (1, 28, 28), "unit", tuple("0123456789"), "dynamic")

SOURCE = register(
    Source(
        MNIST,
        "handwritten digits, grey",
        (50_000, 10_000, 10_000),
        "CC BY-SA 3.0, as usually quoted; LeCun, Cortes and Burges",
        "http://yann.lecun.com/exdb/mnist/",
        partial(read, MNIST),
        idx_files(
            [
                ("md5:f68b3c2dcbeaaa9fbdd348bbdeb94873",),
                ("md5:d53e105ee54ea40749a09fcbcd1e9432",),
                ("md5:9fb629c4189551a2d022fa330f9573f3",),
                ("md5:ec29112dd5afa0611ce80d1b7f02629c",),
            ],
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
        ),
    )
)

CLOTHES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle-boot",
)
FASHION = Spec("fashion-mnist", (1, 28, 28), "unit", CLOTHES)

register(
    Source(
        FASHION,
        "articles of clothing, grey",
        (50_000, 10_000, 10_000),
        "MIT; Zalando SE",
        "https://github.com/zalandoresearch/fashion-mnist",
        partial(read, FASHION),
        # The second checksum is that of Debian's package dataset-fashion-mnist, which compresses
        # the same bytes without the name and time in gzip's header.
        idx_files(
            [
                ("md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d", "md5:cf8536b0aa1a6ac5fa3f23001093305c"),
                ("md5:25c81989df183df01b3e8a0aad5dffbe", "md5:10bea18fdb374794d4bb42e356e600c9"),
                ("md5:bef4ecab320f06d8554ea6380940ec79", "md5:f78720b4224f21cce2f2ccf2d7a94c9a"),
                ("md5:bb300cfdad3c16e7a12a480ee83cd310", "md5:0d30e22e447f3c33dab9ed536400ac01"),
            ],
            ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        ),
        places=lambda: [Path("/usr/share/datasets/fashion-mnist")],
        remedy="apt install dataset-fashion-mnist",
    )
)
