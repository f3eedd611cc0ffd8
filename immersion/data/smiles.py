"""Faces that smile or do not: 13,165 grey images of 64 x 64 pixels."""

import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch

from immersion.check import UserError
from immersion.data.dataset import Dataset
from immersion.data.image_files import decode
from immersion.data.source import File, Source, register
from immersion.data.splits import from_tensors, split_randomly
from immersion.data.store import sha256_listing
from immersion.data.threads import map_in_threads
from immersion.spec import Spec

SPEC = Spec("smiles", (1, 64, 64), "unit", ("not-smiling", "smiling"))
NAME = "SMILEs.zip"
FACES = re.compile(r"(?:.*/)?(SMILEs/(negatives|positives)/\w+/\w+\.jpg)")
EXAMPLES = (10_533, 1_316, 1_316)

# The repository's last commit. Its host may recompress the archive at any time, so the checksum
# covers the names and the sha256 of the faces in it, sorted by name.
COMMIT = "6afac66f50061948eed7da5a351cecd9c4a99fe3"
CHECKSUM = "sha256:4b51a00a60a6a492af11d3402fd17532fe8c1b271ef2da0b2e777e55fa452430"


def unpack(content: bytes) -> dict[str, bytes]:
    """Return the verified files of the faces by name, in order.

    Raises:
        UserError: The archive is damaged or does not hold the 13,165 faces.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = filter(None, map(FACES.fullmatch, archive.namelist()))
            files = {match[1]: archive.read(match[0]) for match in found}
    except (zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{NAME} is damaged", received=error, remedy="remove it") from error
    faces = dict(sorted(files.items()))
    digests = ((name, hashlib.sha256(face).digest()) for name, face in faces.items())
    checksum = sha256_listing(digests)
    if checksum != CHECKSUM:
        raise UserError(
            f"{NAME} does not hold the faces of the public repository",
            f"13165 with {CHECKSUM}",
            f"{len(faces)} with {checksum}",
            "remove it",
        )
    return faces


def read(files: Mapping[str, bytes]) -> Dataset:
    """Return the faces; the copies of seven that occur twice share a split."""
    faces = unpack(files[NAME])
    images = map_in_threads(lambda name: decode(Path(name), SPEC.shape, faces[name]), list(faces))
    x = torch.stack(images)
    y = torch.tensor([int("/positives/" in name) for name in faces])
    indices = split_randomly("smiles", EXAMPLES, x.numpy())
    checksums = {"SMILEs": CHECKSUM}
    return from_tensors(SPEC, x, y, indices, checksums, "3,690 of 13,165 faces smile")


register(
    Source(
        SPEC,
        "faces, smiling or not, grey",
        EXAMPLES,
        "research only; SMILEsmileD, Hromada et al.",
        "https://github.com/hromi/SMILEsmileD",
        read,
        (File(NAME, urls=(f"https://github.com/hromi/SMILEsmileD/archive/{COMMIT}.zip",)),),
    )
)
