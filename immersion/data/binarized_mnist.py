"""MNIST as binarized once by Larochelle: the data of published log-likelihoods."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from immersion.check import UserError
from immersion.data.dataset import Dataset
from immersion.data.source import File, Source, register
from immersion.data.splits import from_tensors
from immersion.data.store import sha256_each
from immersion.spec import Spec

SPEC = Spec("binarized-mnist", (1, 28, 28), "binary")
EXAMPLES = (50_000, 10_000, 10_000)
ADDRESS = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
CHECKSUMS = {
    "binarized_mnist_train.amat": "sha1:cf70514ec5f481e54ad3eb0e6c03c83326ff96f8",
    "binarized_mnist_valid.amat": "sha1:13418487742e6ea6d48db7b5187353a20b1b1f8c",
    "binarized_mnist_test.amat": "sha1:ca70bd7775e182596dec148d4dc1bc6bd6c4c5f4",
}


def parse_amat(name: str, content: bytes) -> Tensor:
    """Return (N, 1, 28, 28) from a text of 0 and 1, separated by spaces, one image per line."""
    text = np.frombuffer(content, dtype=np.uint8)
    digits = text[text > ord(" ")] - ord("0")
    if digits.size % 784 or digits.max(initial=0) > 1:
        raise UserError(f"{name} is not a text of 0 and 1, 784 per line")
    return torch.from_numpy(digits.reshape(-1, 1, 28, 28))


def read(files: Mapping[str, bytes]) -> Dataset:
    """Return the three files as the three splits."""
    x = torch.cat([parse_amat(name, files[name]) for name in CHECKSUMS])
    indices = list(torch.arange(len(x)).split(EXAMPLES))
    return from_tensors(SPEC, x, None, indices, sha256_each(files))


register(
    Source(
        SPEC,
        "MNIST binarized once (Larochelle & Murray 2011), without labels",
        EXAMPLES,
        "as MNIST",
        "https://proceedings.mlr.press/v15/larochelle11a.html",
        read,
        tuple(File(name, (checksum,), (ADDRESS + name,)) for name, checksum in CHECKSUMS.items()),
        folder="binarized_mnist",
    )
)
