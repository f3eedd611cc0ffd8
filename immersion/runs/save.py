"""Write a trained model as one file, to be shared: see `immersion.model_file`."""

from pathlib import Path
from typing import Any

from torch import Tensor

from immersion.model_file import ENDING, RECORD, write_model_file
from immersion.models import GAN
from immersion.output_file import check_output, write_atomically
from immersion.run_folder import add_prefix
from immersion.runs.load import Run, load_run
from immersion.runs.public_record import describe_data, publish_record, shorten_paths


def save(run: Run | str | Path, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a run's model as one file: weights, record and estimates, without training state.

    `immersion.load`, and every command that reads a run, read the file; the outputs of the model
    are the same bit for bit. It holds no path and nothing about the machine.

    Args:
        run: The run, or its folder.
        path: The file, which ends in .safetensors.
        overwrite: If True, an existing file is replaced.

    Returns:
        The file.

    Raises:
        UserError: There is no such run, or the file cannot be written or exists already.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> import immersion as im
        >>> x = np.random.default_rng(0).normal(size=(200, 3))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = im.train("vae", x, out=f"{folder}/run", steps=20, progress=False)
        ...     again = load_run(save(run, f"{folder}/model.safetensors"))
        >>> np.array_equal(run.encode(x), again.encode(x))
        True
    """
    target = Path(path)
    check_output(target, (ENDING,), overwrite=overwrite, switch="overwrite=True")
    opened = run if isinstance(run, Run) else load_run(run)
    weights, documents, steps = _collect(opened)

    def write(partial: Path) -> None:
        write_model_file(partial, weights, documents, steps)

    return write_atomically(target, write)


def _collect(run: Run) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, int]]:
    """Return the weights, the documents and the steps of a model's file."""
    folder, model = run.folder, run.model
    weights: dict[str, Tensor] = model.state_dict()
    documents: dict[str, Any] = {RECORD: publish_record(run.record).to_json()}
    steps = {"": folder.checkpoint_step()}
    if (evaluation := folder.evaluation()) is not None:
        documents["evaluation.json"] = shorten_paths(evaluation)
    if (data := describe_data(run.record)) is not None:
        documents["data.json"] = data
    if isinstance(model, GAN) and model.encoder is not None:
        inner = folder.encoder
        own = {name for name in weights if name.startswith("encoder.")}
        weights = {name: tensor for name, tensor in weights.items() if name not in own}
        weights |= add_prefix("encoder", model.encoder.state_dict())
        documents[f"encoder/{RECORD}"] = publish_record(inner.record()).to_json()
        steps["encoder/"] = inner.checkpoint_step()
    return weights, documents, steps
