"""Selection of an extractor, by name, from a file or by the data."""

from pathlib import Path

from immersion.batch import Split
from immersion.check import UserError, check_choice
from immersion.metrics.extractors.base import EXTRACTORS, Data, Extractor
from immersion.metrics.extractors.digits import SIZE
from immersion.metrics.extractors.squeezenet import FEATURES, find_weights
from immersion.metrics.extractors.torchscript import TorchScript

SMALLEST_PHOTOGRAPH = 32
"""Side below which images have too little detail for a network of photographs."""


DIGITS = {"mnist", "mnist-5k", "binarized-mnist", "stacked-mnist"}
"""Data sets of handwritten digits; letters and clothes of that size are others."""


def choose_extractor(data: Data, examples: int) -> str:
    """Return the name of the extractor that suits the data.

    digits for MNIST and its variants; squeezenet for images of 32 pixels a side and more, if its
    weights are available and its 512 features are fewer than the test examples; pca for other
    images; the values themselves, pixels, for tables, if they are fewer than the test examples.

    Args:
        data: Description of the data.
        examples: Number of test examples.
    """
    if len(data.shape) == 1:
        return "pixels" if data.shape[0] < examples else "pca"
    if data.shape[1:] == SIZE and data.name in DIGITS:
        return "digits"
    photographs = data.shape[0] in (1, 3) and min(data.shape[1:]) >= SMALLEST_PHOTOGRAPH
    suits = photographs and data.values in ("unit", "binary") and examples > FEATURES
    return "squeezenet" if suits and find_weights() else "pca"


def build_extractor(name_or_file: str, data: Data, train: Split, sha256: str = "") -> Extractor:
    """Return an extractor by its name, or from a TorchScript file by its path and hash.

    Args:
        name_or_file: A registered name; anything else is a path.
        data: Description of the data.
        train: Training examples, for extractors that are fitted.
        sha256: The hash of the file, in hexadecimal.

    Raises:
        UserError: It is neither, it does not suit the data, or the hash is not the file's.
    """
    path = Path(name_or_file).expanduser()
    if name_or_file not in EXTRACTORS and path.is_file():
        return TorchScript(path, sha256, data, train)
    if sha256:
        what = "--extractor-hash is for your own file"
        raise UserError(what, "--extractor FILE", f"--extractor {name_or_file}", "leave it out")
    check_choice("extractor (a name, or a TorchScript file that exists)", name_or_file, EXTRACTORS)
    return EXTRACTORS[name_or_file](data, train)
