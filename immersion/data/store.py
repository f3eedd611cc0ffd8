"""Where files of named data sets lie: a local store, the user's cache, or a download into it."""

import gzip
import hashlib
import os
import shutil
import sys
import urllib.request
import zlib
from http.client import HTTPException
from pathlib import Path

from immersion.check import UserError
from immersion.data.source import File, Source

TIMEOUT = 60  # seconds without a byte
CHUNK = 1 << 20


def cache_folder() -> Path:
    """Return the user's cache of data sets: $XDG_CACHE_HOME/immersion or ~/.cache/immersion."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "immersion"


def store_folders() -> list[Path]:
    """Return the stores of data sets, the first first: the one that is named, and the cache."""
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
    """Return the first store that holds all of some files or folders; None if none does."""
    found = (store for store in store_folders() if all((store / file).exists() for file in files))
    return next(found, None)


def missing_error(name: str, files: tuple[str, ...], homepage: str) -> UserError:
    """Return the error that says where the files of a set are to be had."""
    return UserError(
        f"the pictures of {name} are missing",
        f"{' and '.join(files)} in a store of data sets",
        remedy=f"get them from {homepage}, and let IMMERSION_DATA name the store",
    )


def candidate_folders(source: Source) -> list[Path]:
    """Return the folders in which the files of `source` are looked for, the first first."""
    return [store / (source.folder or source.name) for store in store_folders()] + source.places()


def locate_file(source: Source, file: File) -> Path | None:
    """Return where `file` lies, as it is or packed with `.gz` behind its name; None if nowhere."""
    for folder in candidate_folders(source):
        for path in (folder / file.name, folder / f"{file.name}.gz"):
            if path.is_file():
                return path
    return None


def select_files(source: Source) -> tuple[File, ...]:
    """Return the files to read: the repacked ones where only they are all at hand."""
    for files in (source.files, source.repacked):
        if files and all(locate_file(source, file) for file in files):
            return files
    return source.files


def read_files(source: Source) -> dict[str, bytes]:
    """Return the bytes of the files of `source` by name, verified; download what is missing.

    Raises:
        UserError: A checksum is wrong, or a file is neither at hand nor to be had.
    """
    held = {}
    for file in select_files(source):
        path = locate_file(source, file) or download(source, file)
        held[file.name] = verify(file, read_unpacked(file, path), str(path))
    return held


def read_unpacked(file: File, path: Path) -> bytes:
    """Return the bytes of `file` from `path`, which may be packed with `.gz` behind its name."""
    try:
        content = path.read_bytes()
        return content if path.name == file.name else gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"{path} cannot be read", received=error, remedy="replace the file"
        ) from error


def verify(file: File, content: bytes, where: str) -> bytes:
    """Return `content` if its checksum is one of the file's; otherwise raise a `UserError`."""
    if not file.checksums:
        return content
    kinds = {checksum.split(":")[0] for checksum in file.checksums}
    found = {f"{kind}:{hashlib.new(kind, content).hexdigest()}" for kind in kinds}
    if found.isdisjoint(file.checksums):
        raise UserError(
            f"the file {where} is damaged or another one",
            " or ".join(file.checksums),
            " and ".join(sorted(found)),
            "remove it and try again: it is looked for elsewhere, or downloaded",
        )
    return content


def sha256(content: bytes) -> str:
    """Return the checksum of `content` as a data set records it.

    Example:
        >>> sha256(b"")[:20]
        'sha256:e3b0c44298fc1'
    """
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def sha256_each(held: dict[str, bytes]) -> dict[str, str]:
    """Return the checksums of files by name as a data set records them."""
    return {name: sha256(content) for name, content in held.items()}


def download(source: Source, file: File) -> Path:
    """Download `file` into the user's cache, verified, and return its path.

    It is written under a temporary name beside the target and renamed when it is whole and its
    checksum is right, so that a download which is killed leaves nothing that could be read.
    """
    reasons, damaged = [], None
    for url in file.urls:
        target = cache_folder() / (source.folder or source.name) / file.name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            transfer(file, url, target)
            return target
        except (OSError, HTTPException) as error:
            reasons.append(f"{url} answered: {getattr(error, 'reason', None) or error}")
        except UserError as error:  # a wrong checksum: another address may do better
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
    """Copy `url` to `target`; raise `OSError` where the connection breaks or the file is short."""
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
