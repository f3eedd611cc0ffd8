"""Models on the Hugging Face hub, hf://user/name, by means of huggingface_hub.

Nothing is imported from there, and no connection is made, before such a name is read or written.
"""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from immersion.check import UserError, check_installed

FILE = "model.safetensors"
"""The file of a repository that holds the model."""

NEEDED = ("huggingface_hub",)
"""The package that the extra `hub` installs."""

WORD = r"[A-Za-z0-9][\w.-]*"

NAME = re.compile(rf"hf:/{{1,2}}({WORD}/{WORD})(?:@({WORD}(?:/{WORD})*))?/?")
"""The name of a model; a path makes one slash of two."""

CONNECT = "check the connection, and HF_ENDPOINT and HF_HUB_OFFLINE if they are set"

LIBRARY = "immersion"
"""The name by which requests identify this package."""


@dataclass(frozen=True)
class HubModel:
    """A repository of the hub that holds a model.

    Args:
        repository: Owner and name, such as jane/faces.
        revision: A branch, a tag or a commit; None for the main branch.
    """

    repository: str
    revision: str | None = None

    @classmethod
    def parse(cls, word: str | os.PathLike[str]) -> Self:
        """Return the model that a name means.

        Raises:
            UserError: It is none.

        Example:
            >>> HubModel.parse("hf://jane/faces@v2")
            HubModel(repository='jane/faces', revision='v2')
        """
        found = NAME.fullmatch(_to_text(word))
        if found is None:
            raise UserError("that is no model of the hub", "hf://user/name", repr(os.fspath(word)))
        return cls(found[1], found[2])

    def __str__(self) -> str:
        """Return the name."""
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision else "")


def is_hub_name(word: str | os.PathLike[str]) -> bool:
    """Return whether a word or a path is the name of a model on the hub.

    Example:
        >>> is_hub_name("hf://jane/faces"), is_hub_name(Path("hf://jane/faces")), is_hub_name("hf")
        (True, True, False)
    """
    return _to_text(word).startswith("hf:/")


def _to_text(word: str | os.PathLike[str]) -> str:
    return word.as_posix() if isinstance(word, Path) else os.fspath(word)


def download(model: HubModel) -> Path:
    """Return the model's file in huggingface_hub's cache, downloaded if it is not there yet.

    Raises:
        UserError: There is no such repository, revision or file, it cannot be reached, or
            huggingface_hub is not installed.
    """
    check_installed("hub", NEEDED)
    import huggingface_hub

    with _explain_errors(model):
        path = huggingface_hub.hf_hub_download(
            model.repository, FILE, revision=model.revision, library_name=LIBRARY
        )
    return Path(path)


def upload(
    folder: Path,
    files: Sequence[Path],
    model: HubModel,
    public: bool = False,
    obsolete: Collection[str] = (),
) -> str:
    """Upload files as one commit, and return the commit's address.

    Args:
        folder: The folder that their names in the repository are relative to.
        files: The files; others in the repository are kept.
        model: The repository, which is created if there is none.
        public: If True, everyone may read a repository that is created.
        obsolete: Names of files that are removed from the repository unless they are uploaded.

    Raises:
        UserError: A revision is given, there is no permission, the hub cannot be reached, or
            huggingface_hub is not installed.
    """
    check_installed("hub", NEEDED)
    if model.revision is not None:
        raise UserError("models are uploaded to the main branch", "hf://user/name", str(model))
    import huggingface_hub

    with _explain_errors(model):
        client = huggingface_hub.HfApi(library_name=LIBRARY)
        client.create_repo(model.repository, private=not public, exist_ok=True)
        named = {file.relative_to(folder).as_posix(): file for file in files}
        there = set(client.list_repo_files(model.repository))
        removed = sorted(there.intersection(obsolete) - set(named))
        operations: list[Any] = [
            *(huggingface_hub.CommitOperationAdd(name, file) for name, file in named.items()),
            *(huggingface_hub.CommitOperationDelete(name) for name in removed),
        ]
        commit = client.create_commit(
            model.repository, operations, commit_message="Upload a model"
        )
    return str(commit.commit_url)


@contextmanager
def _explain_errors(model: HubModel) -> Iterator[None]:
    """Turn the errors of huggingface_hub into sentences."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        remedy = "ask for access on its page, and log in with hf auth login"
        raise UserError(f"{model} is open to admitted users alone", remedy=remedy) from error
    except errors.RepositoryNotFoundError as error:
        remedy = "check the name; for a private model log in with hf auth login"
        raise UserError(f"there is no model {model}", remedy=remedy) from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"there is no such revision: {model}", remedy="check the name") from error
    except errors.LocalEntryNotFoundError as error:
        what = f"{model} cannot be reached and is not in the cache"
        raise UserError(what, remedy=CONNECT) from error
    except errors.EntryNotFoundError as error:
        received = "a repository without that file"
        raise UserError(f"{model} holds no model of immersion", FILE, received) from error
    except errors.LocalTokenNotFoundError as error:
        raise UserError("you are not logged in", remedy="log in with hf auth login") from error
    except errors.HfHubHTTPError as error:
        raise _explain_status(model, error) from error
    except errors.HTTPError as error:  # of the connection: the library's client raises its own
        raise UserError(f"{model} cannot be reached", received=error, remedy=CONNECT) from error
    except (errors.HFValidationError, OSError) as error:
        raise UserError(f"{model} cannot be read or written", received=error) from error


def _explain_status(model: HubModel, error: Any) -> UserError:
    status = getattr(error.response, "status_code", None)
    if status in (401, 403):
        remedy = "log in with hf auth login, with a token that may write"
        return UserError(f"there is no permission for {model}", remedy=remedy)
    return UserError(f"the hub refuses {model}", received=f"status {status}", remedy="try again")
