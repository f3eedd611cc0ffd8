"""The registry of named data sets: what is known of each before a byte of it is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from immersion.data.dataset import Dataset
from immersion.registry import Registry
from immersion.spec import Spec

DATASETS: Registry["Source"] = Registry("data set", "immersion.data")


@dataclass(frozen=True)
class File:
    """One file of a data set.

    Args:
        name: File name in a store. The same file compressed, with `.gz` appended, also serves.
        checksums: Accepted checksums, as `md5:...`, `sha1:...` or `sha256:...`; empty if the
            reader verifies the contents instead.
        urls: Addresses to download it from, in the order in which they are tried.
    """

    name: str
    checksums: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """A named data set: its description, terms, files and reader.

    Args:
        spec: The description that recipes read.
        description: One line that helps the user to choose.
        examples: Numbers of examples for training, validation and test.
        licence: The terms, in a few words.
        homepage: Web page or paper that describes the data.
        read: Function from the verified bytes of the files, by name, to the data set.
        files: Files of the public download; empty if the data are generated or come with a
            library.
        repacked: The same data in other files, read if a store has them; never downloaded.
        folder: Sub-folder of a store; by default the name.
        places: Function that returns folders outside the stores where other software installs
            the files.
        remedy: Way to obtain files that have no URL, as an imperative.
    """

    spec: Spec
    description: str
    examples: tuple[int, int, int]
    licence: str
    homepage: str
    read: Callable[[Mapping[str, bytes]], Dataset]
    files: tuple[File, ...] = ()
    repacked: tuple[File, ...] = ()
    folder: str = ""
    places: Callable[[], list[Path]] = list
    remedy: str = ""

    @property
    def name(self) -> str:
        """Return the name under which the data set is registered."""
        return self.spec.name


def register(source: Source) -> Source:
    """Register a data set under its own name."""
    return DATASETS.register(source.name)(source)
