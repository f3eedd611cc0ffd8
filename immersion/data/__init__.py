"""Data: named sets, folders of images, arrays and tables, each in three splits.

`load` takes a name or a path; `describe` tells the names. A new named set is a new module here
that registers a `Source`.
"""

from immersion.data.binarize import binarized
from immersion.data.dataset import Dataset, MemorySplit, Spec, Split
from immersion.data.loading import describe, load
from immersion.data.source import DATASETS
from immersion.data.standardise import log_volume, own_units, standardised

__all__ = [
    "DATASETS",
    "Dataset",
    "MemorySplit",
    "Spec",
    "Split",
    "binarized",
    "describe",
    "load",
    "log_volume",
    "own_units",
    "standardised",
]
