"""`immersion share RUN`: a folder to give to others, and the Hugging Face hub."""

import tempfile
from pathlib import Path
from typing import Any

from immersion.check import UserError, check_installed
from immersion.hub import NEEDED, HubModel, upload
from immersion.runs.load import load_run
from immersion.sharing.folder import Shared, list_picture_names, write_folder


def share(
    run: Path,
    *,
    out: Path | None = None,
    to: str = "",
    licence: str = "",
    examples: bool = False,
    public: bool = False,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Share a model: its file, a model card, an example that runs, and pictures, in a folder.

    The model's file, model.safetensors, is a third of a checkpoint's size; every command that
    reads a run reads it. Card and file hold the data's name, licence, description and checksums,
    the settings and the estimates with their standard errors, and neither paths nor the machine.
    With --to the same files are uploaded to the Hugging Face hub: pip install '.[hub]',
    and log in with hf auth login. Pictures of an earlier upload that are not shared now are
    removed there, but its history keeps them.

    Args:
        run: The run folder.
        out: The folder to write; it may be left out with --to.
        to: hf://user/name, a repository of the hub to upload to; it is created if there is none.
        licence: Licence of the weights, in the hub's terms: mit, cc-by-4.0, ...
        examples: If True, figures that show examples of your own data are shared too.
        public: If True, everyone may read a repository that is created; by default it is private.
        overwrite: If True, files of the same names in the folder are replaced, and pictures of an
            earlier share that are not shared now are removed; other files are kept.

    Returns:
        The run; folder and files, if they are kept; left_out: figures that show your own data; hub
        and commit: the name and the address of the upload.

    Raises:
        UserError: There is no such run, the folder is not empty, or the hub refuses the upload.
    """
    if out is None and not to:
        raise UserError("no place is named", remedy="pass --out FOLDER, or --to hf://user/name")
    model = HubModel.parse(to) if to else None
    if model is not None:
        check_installed("hub", NEEDED)
    with tempfile.TemporaryDirectory() as temporary:
        opened = load_run(run)
        shared = write_folder(
            opened,
            out or Path(temporary) / "model",
            licence=licence,
            examples=examples,
            hub="" if model is None else str(model),
            overwrite=overwrite,
        )
        result = {"run": str(opened.path)} | ({} if out is None else _describe(shared))
        if shared.left_out:
            result["left_out"] = list(shared.left_out)
        if model is not None:
            commit = upload(shared.folder, shared.files, model, public, list_picture_names())
            result |= {"hub": str(model), "commit": commit}
    return result


def _describe(shared: Shared) -> dict[str, Any]:
    return {"folder": str(shared.folder), "files": [str(file) for file in shared.files]}
