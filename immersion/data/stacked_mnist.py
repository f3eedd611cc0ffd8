"""Stacked MNIST: three random digits as an image's red, green and blue, which has 1,000 modes.

Metz et al. 2017, Unrolled generative adversarial networks, https://arxiv.org/abs/1611.02163;
the numbers of examples are PacGAN's, https://arxiv.org/abs/1712.04086
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from immersion.data.dataset import Dataset, to_float
from immersion.data.mnist import NAMES, SOURCE, parse_idx
from immersion.data.source import register
from immersion.data.splits import SEED
from immersion.data.store import sha256_each
from immersion.data.transforms import to_bits
from immersion.random import derive_seed
from immersion.spec import Binarize, Spec

DIGITS = (50_000, 10_000, 10_000)
"""Numbers of MNIST's training, validation and test images, from which the splits sample."""

EXAMPLES = (128_000, 10_000, 26_000)

SPEC = Spec("stacked-mnist", (3, 28, 28), "unit", tuple(f"{k:03d}" for k in range(1000)))


@dataclass(frozen=True)
class StackedSplit:
    """A split whose images are stacked batch by batch, in a sixth of the memory.

    Args:
        images: (M, 28, 28) uint8, the digits that all splits share.
        x: (N, 3) int32, the indices of each example's channels among the images.
        y: (N,) int64, 100 a + 10 b + c of the digits a, b and c.
        binarize: Binarization of the levels; `dynamic` samples from PyTorch's global generator.
        stream: Name of the random stream of a `static` sample.
    """

    images: Tensor
    x: Tensor
    y: Tensor
    binarize: Binarize = "none"
    stream: str = ""
    resident: bool = field(default=True, init=False)

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return x, (B, 3, 28, 28) float32, and labels, (B,)."""
        x = to_float(self.images[self.x[indices]], "unit")
        if self.binarize != "none":
            x = to_bits(x, self.binarize, self.stream, indices)
        return x, self.y[indices]

    def with_binarize(self, how: Binarize, stream: str) -> "StackedSplit":
        """Return the split with batches that are binarized."""
        return replace(self, binarize=how, stream=stream)

    def to(self, device: torch.device) -> "StackedSplit":
        """Return the split with its tensors on `device`."""
        images, x, y = (tensor.to(device) for tensor in (self.images, self.x, self.y))
        return replace(self, images=images, x=x, y=y)


def read(files: Mapping[str, bytes]) -> Dataset:
    """Return triples of MNIST's images; no image, and so no triple, is in two splits."""
    images, labels, test_images, test_labels = (parse_idx(name, files[name]) for name in NAMES)
    images = torch.cat([images, test_images])
    labels = torch.cat([labels, test_labels]).long()
    random = np.random.default_rng(derive_seed(SEED, SPEC.name))
    splits, first = [], 0
    for digits, examples in zip(DIGITS, EXAMPLES, strict=True):
        triples = random.integers(first, first + digits, (examples, 3), dtype=np.int32)
        x = torch.from_numpy(triples)
        splits.append(StackedSplit(images, x, labels[x] @ torch.tensor([100, 10, 1])))
        first += digits
    note = "three random digits of MNIST each, drawn from a fixed seed"
    train, validation, test = splits
    return Dataset(SPEC, train, validation, test, sha256_each(files), note)


register(
    replace(
        SOURCE,
        spec=SPEC,
        description="three of MNIST's digits as red, green and blue: 1,000 modes",
        examples=EXAMPLES,
        homepage="https://arxiv.org/abs/1611.02163",
        read=read,
        folder=SOURCE.name,
    )
)
