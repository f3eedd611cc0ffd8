"""Named sets of whole pictures to train and evaluate restoration on."""

from dataclasses import dataclass, replace
from pathlib import Path

from immersion.data.image_files import SUFFIXES
from immersion.data.store import find_store, missing_error
from immersion.registry import Registry

PICTURE_SETS: Registry["PictureSet"] = Registry("set of pictures", "immersion.data")


@dataclass(frozen=True)
class PictureSet:
    """A named set of pictures at their own sizes.

    Args:
        name: The registered name.
        description: One line that helps the user to choose.
        folders: Folders of a store that hold the files.
        examples: Numbers of pictures for training, validation and test.
        grey: Whether to read pictures as grey levels even if the files are in colour.
        checksum: Checksum of the names and bytes of all files, in the order of their paths.
        licence: The terms, in a few words.
        homepage: Web page of the public files.
    """

    name: str
    description: str
    folders: tuple[str, ...]
    examples: tuple[int, int, int]
    grey: bool
    checksum: str
    licence: str
    homepage: str


def list_files(source: PictureSet) -> list[Path]:
    """Return the files of a named set, in order.

    Raises:
        UserError: No store has all its folders.
    """
    store = find_store(source.folders)
    if store is None:
        raise missing_error(source.name, source.folders, source.homepage)
    return [
        path
        for folder in source.folders
        for path in sorted((store / folder).iterdir())
        if path.suffix.lower() in SUFFIXES
    ]


def register(source: PictureSet) -> PictureSet:
    """Register a set of pictures under its own name."""
    return PICTURE_SETS.register(source.name)(source)


BERKELEY = "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/bsds/"
BSDS500 = PictureSet(
    "bsds500",
    "Berkeley's photographs but for those of BSD68, in colour",
    ("bsds500/images/train", "bsds500/images/test"),
    (384, 8, 8),
    False,
    "sha256:9b21380cebe8a221595785b0ba641bd88cec3c7cc84d11a78022c1d16cdd7dd0",
    "non-commercial research; Martin et al. 2001, Arbelaez et al. 2011",
    BERKELEY,
)
register(BSDS500)
register(
    replace(
        BSDS500,
        name="bsds500-grey",
        description="Berkeley's photographs but for those of BSD68, as grey levels",
        grey=True,
    )
)
register(
    PictureSet(
        "set5",
        "five colour pictures to evaluate enlarging on",
        ("restoration/Set5",),
        (0, 0, 5),
        False,
        "sha256:1c56d74cd083b1d4e1e836f5f4c5787e6cae3915f34c06a62b0b5ad192bc5088",
        "research only; Bevilacqua et al. 2012",
        "https://github.com/jbhuang0604/SelfExSR",
    )
)
register(
    PictureSet(
        "set12",
        "twelve grey pictures to evaluate denoising on",
        ("restoration/Set12",),
        (0, 0, 12),
        True,
        "sha256:19a319fe157f81c83fd118e5b8b395358f573c04dd7f96f269c5eda5a125d11b",
        "research only",
        "https://github.com/cszn/DnCNN",
    )
)
register(
    PictureSet(
        "bsd68",
        "68 grey photographs to evaluate denoising on",
        ("restoration/BSD68",),
        (0, 0, 68),
        True,
        "sha256:db42dc5e7ca9099ebf7bde59386d532d41e011352109b2184d40783985712d71",
        "research only; Martin et al. 2001, Roth & Black 2009",
        "https://github.com/cszn/DnCNN",
    )
)
