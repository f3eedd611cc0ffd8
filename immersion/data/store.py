"""Files of named data sets: found in a local store or the user's cache, or downloaded to it."""

import gzip
import hashlib
import os
import shutil
import sys
import urllib.request
import zlib
from collections.abc import Iterable, Mapping
from http.client import HTTPException
from pathlib import Path

from immersion.check import UserError
from immersion.data.source import File, Source

TIMEOUT = 60
"""Seconds without a byte after which a download fails."""

CHUNK = 1 << 20
"""Bytes that are copied at a time."""


def cache_folder() -> Path:
    """Return the user's cache of data sets: $XDG_CACHE_HOME/immersion or ~/.cache/immersion."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "immersion"


def store_folders() -> list[Path]:
    """Return the stores in search order: the folder IMMERSION_DATA, if set, and the cache."""
    named = os.environ.get("IMMERSION_DATA")
    if named and not Path(named).is_dir():
        raise UserError(
            "the local store of data sets is missing",
            "IMMERSION_DATA to name a folder",
            repr(named),
            "correct the variable, or unset it",
        )
    return [*([Path(named)] if named else []), cache_folder()]


def find_store(files: tuple[str, ...]) -> Path | None:
    """Return the first store that has all these files or folders; None if none does."""
    complete = (s for s in store_folders() if all((s / file).exists() for file in files))
    return next(complete, None)


def missing_error(name: str, files: tuple[str, ...], homepage: str) -> UserError:
    """Return the error for missing pictures of a set, with the address to get them from."""
    return UserError(
        f"the pictures of {name} are missing",
        f"{' and '.join(files)} in a store of data sets",
        remedy=f"get them from {homepage}, and let IMMERSION_DATA name the store",
    )


def candidate_folders(source: Source) -> list[Path]:
    """Return the folders in which the files of `source` are searched, in order."""
    return [store / (source.folder or source.name) for store in store_folders()] + source.places()


def locate_file(source: Source, file: File) -> Path | None:
    """Return the path of `file`, plain or compressed with `.gz` appended; None if missing."""
    for folder in candidate_folders(source):
        for path in (folder / file.name, folder / f"{file.name}.gz"):
            if path.is_file():
                return path
    return None


def select_files(source: Source) -> tuple[File, ...]:
    """Return the files to read: the repacked ones if only those are all present."""
    for files in (source.files, source.repacked):
        if files and all(locate_file(source, file) for file in files):
            return files
    return source.files


def read_files(source: Source) -> dict[str, bytes]:
    """Return the verified bytes of the files of `source` by name; download missing files.

    Raises:
        UserError: A checksum is wrong, or a file is missing and cannot be downloaded.
    """
    contents = {}
    for file in select_files(source):
        path = locate_file(source, file) or download(source, file)
        contents[file.name] = verify(file, read_unpacked(file, path), str(path))
    return contents


def read_unpacked(file: File, path: Path) -> bytes:
    """Return the bytes of `file` from `path`, which may be compressed with `.gz` appended."""
    try:
        content = path.read_bytes()
        return content if path.name == file.name else gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"{path} cannot be read", received=error, remedy="replace the file"
        ) from error


def verify(file: File, content: bytes, where: str) -> bytes:
    """Return `content`; raise `UserError` if its checksum is none of the file's."""
    if not file.checksums:
        return content
    algorithms = {checksum.split(":")[0] for checksum in file.checksums}
    found = {f"{name}:{hashlib.new(name, content).hexdigest()}" for name in algorithms}
    if found.isdisjoint(file.checksums):
        raise UserError(
            f"the file {where} is damaged or another one",
            " or ".join(file.checksums),
            " and ".join(sorted(found)),
            "remove it and try again: it is searched elsewhere, or downloaded",
        )
    return content


def sha256(content: bytes) -> str:
    """Return the checksum of `content` in the form that a data set records.

    Example:
        >>> sha256(b"")[:20]
        'sha256:e3b0c44298fc1'
    """
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def sha256_each(contents: Mapping[str, bytes]) -> dict[str, str]:
    """Return the checksums of files by name, in the form that a data set records."""
    return {name: sha256(content) for name, content in contents.items()}


def sha256_listing(digests: Iterable[tuple[str, bytes]]) -> str:
    """Return one checksum of many files: of the name, a zero byte and the digest of each in turn.

    Args:
        digests: Names of the files, and SHA-256 digests of their contents.
    """
    return sha256(b"".join(name.encode() + b"\0" + digest for name, digest in digests))


def download(source: Source, file: File) -> Path:
    """Download `file` into the user's cache, verified, and return its path.

    It is written under a temporary name in the target's folder, and renamed once it is complete
    and its checksum is correct, so that a killed download leaves no file that could be read.
    """
    reasons: list[str] = []
    damaged: UserError | None = None
    for url in file.urls:
        target = cache_folder() / (source.folder or source.name) / file.name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            transfer(file, url, target)
            return target
        except (OSError, HTTPException) as error:
            reasons.append(f"{url} answered: {getattr(error, 'reason', None) or error}")
        except UserError as error:  # a wrong checksum: try the next address
            damaged = error
    if damaged:
        raise damaged
    elsewhere = "set IMMERSION_DATA to a folder that holds "
    elsewhere += f"{source.folder or source.name}/{file.name}"
    raise UserError(
        f"the data set {source.name} needs the file {file.name}, which is not on this machine",
        received="; ".join(reasons) or "no address to download it from",
        remedy=f"{source.remedy}, or {elsewhere}" if source.remedy else elsewhere,
    )


def transfer(file: File, url: str, target: Path) -> None:
    """Copy `url` to `target`; raise `OSError` if the connection breaks or the file is short."""
    request = urllib.request.Request(url, headers={"User-Agent": "immersion"})
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response, part.open("wb") as out:
            size = int(response.headers["Content-Length"] or 0)
            megabytes = f" ({size / 1e6:.1f} MB)" if size else ""
            print(f"downloading {file.name}{megabytes} from {url}", file=sys.stderr)
            shutil.copyfileobj(response, out, CHUNK)
            if size and out.tell() != size:
                raise OSError(f"{out.tell()} of {size} bytes, then the connection ended")
        verify(file, part.read_bytes(), url)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
