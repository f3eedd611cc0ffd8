"""Data: named sets, folders of images, arrays and tables, each in three splits.

`load` takes a name or a path; `describe` lists the names. A new named set is a new module here
that registers a `Source`.
"""

from immersion.data.catalogue import describe
from immersion.data.dataset import Dataset, MemorySplit, Split
from immersion.data.loading import load
from immersion.data.source import DATASETS
from immersion.data.transforms import binarize, log_volume, standardise, to_original_units
from immersion.spec import Spec

__all__ = [
    "DATASETS",
    "Dataset",
    "MemorySplit",
    "Spec",
    "Split",
    "binarize",
    "describe",
    "load",
    "log_volume",
    "standardise",
    "to_original_units",
]
