"""Faces that smile or do not: 13,165 grey images of 64 x 64 pixels."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch

from immersion.check import UserError
from immersion.data.dataset import Dataset, Spec
from immersion.data.images import decode
from immersion.data.source import File, Source, register
from immersion.data.splits import in_memory, seeded_split
from immersion.data.store import sha256s
from immersion.data.threads import in_threads

SPEC = Spec("smiles", (1, 64, 64), "unit", ("not-smiling", "smiling"))
NAME = "SMILEs.zip"
NEGATIVES, POSITIVES = "SMILEs/negatives/", "SMILEs/positives/"
EXAMPLES = (10_533, 1_316, 1_316)


def read(held: Mapping[str, bytes]) -> Dataset:
    """Return the faces; the seven that are there twice are on one side of the split."""
    with zipfile.ZipFile(io.BytesIO(held[NAME])) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        contents = [archive.read(name) for name in names]
    if not all(name.startswith((NEGATIVES, POSITIVES)) for name in names):
        raise UserError(f"{NAME} is laid out differently", f"{NEGATIVES} and {POSITIVES}")
    faces = in_threads(
        lambda pair: decode(Path(pair[0]), SPEC.shape, pair[1]),
        list(zip(names, contents, strict=True)),
    )
    x = torch.stack(faces)
    y = torch.tensor([int(name.startswith(POSITIVES)) for name in names])
    indices = seeded_split("smiles", EXAMPLES, x.numpy())
    return in_memory(SPEC, x, y, indices, sha256s(held), "3,690 of 13,165 faces smile")


register(
    Source(
        SPEC,
        "faces, smiling or not, grey",
        EXAMPLES,
        "research only; SMILEsmileD, Hromada et al.",
        "https://github.com/hromi/SMILEsmileD",
        read,
        (
            File(
                NAME,
                ("sha256:a5bd5c6635dccf00143e8e1d2f6461183f49e2b1744b9dbff1f6d6dbaea5b274",),
            ),
        ),
        remedy=f"zip the folder SMILEs of its homepage's repository as {NAME}",
    )
)
