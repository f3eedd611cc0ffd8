"""Frey Face: 1,965 frames of a video of one face."""

import io
from collections.abc import Mapping

import numpy as np
import torch
from scipy.io import loadmat

from immersion.data.dataset import Dataset
from immersion.data.source import File, Source, register
from immersion.data.splits import from_tensors, split_randomly
from immersion.data.store import sha256_each
from immersion.spec import Spec

SPEC = Spec("frey", (1, 28, 20), "unit")
EXAMPLES = (1573, 196, 196)
NAME = "frey_rawface.mat"


def read(files: Mapping[str, bytes]) -> Dataset:
    """Return the frames; the matrix `ff`, 560 x 1965, has one image per column."""
    columns = loadmat(io.BytesIO(files[NAME]))["ff"]
    x = torch.from_numpy(np.ascontiguousarray(columns.T)).reshape(-1, *SPEC.shape)
    note = "neighbouring frames are alike and the split is by frame: the test set is easy"
    return from_tensors(SPEC, x, None, split_randomly("frey", EXAMPLES), sha256_each(files), note)


register(
    Source(
        SPEC,
        "frames of a video of Brendan Frey's face, grey",
        EXAMPLES,
        "research use; Roweis and Frey",
        "https://cs.nyu.edu/~roweis/data.html",
        read,
        (
            File(
                NAME,
                ("sha256:ad121f7e8a1967df47a548f507c0637607bf2f301eea25d1bac68549a9a78f39",),
                ("https://cs.nyu.edu/~roweis/data/frey_rawface.mat",),
            ),
        ),
    )
)
