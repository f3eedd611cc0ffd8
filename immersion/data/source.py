"""What is known of a named data set before a byte of it is read, and the registry of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from immersion.data.dataset import Dataset, Spec
from immersion.registry import Registry

DATASETS: Registry["Source"] = Registry("data set", "immersion.data")


@dataclass(frozen=True)
class File:
    """One file of a data set.

    Args:
        name: Its name in a store. The same file packed, with `.gz` behind its name, will do.
        checksums: Any of these may be its checksum, as `md5:...`, `sha1:...` or `sha256:...`;
            empty where the reader checks what the file holds instead.
        urls: Where it can be downloaded, in the order in which they are tried.
    """

    name: str
    checksums: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """A named data set: what it is, whose it is, where it lies and how it is read.

    Args:
        spec: The description that recipes read.
        description: One line for a person who chooses.
        examples: Numbers of examples for training, validation and test.
        licence: The terms, in a few words.
        homepage: Where it is described, or the paper that describes it.
        read: Takes the bytes of the files, verified, by name, and returns the data set.
        files: The files of the public download; empty where the data are drawn or come with a
            library.
        repacked: The same data in other files, read where a store holds them; never downloaded.
        folder: The sub-folder of a store; the name where left out.
        places: Folders outside the stores in which other software installs the files.
        remedy: How to come by files that have no URL, as an imperative.
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
    """Enter a data set in the registry under its own name."""
    return DATASETS.register(source.name)(source)
