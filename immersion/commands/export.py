"""`immersion export RUN`: an image-to-image network as a file that needs nothing of ours."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from immersion.check import UserError
from immersion.inference.onnx_graph import onnx_of
from immersion.models import Translator
from immersion.pretrained.resolve import opener
from immersion.run_folder import RunFolder
from immersion.tasks.noises import NOISES

ENDING = ".onnx"

COLOURS = 3
"""Channels of the pictures that a network is for, where a word means one for grey ones too."""


def export(network: str, *, out: Path | None = None, overwrite: bool = False) -> dict[str, Any]:
    """Write an image-to-image network as an ONNX file, for pictures of any size.

    The file's input is (B, C_in, H, W), its sides divisible by the metadata's `multiple`; its
    outputs are the answer and the standard deviation of each value, (B, C_out, s H, s W), or the
    probability of each class, (B, K, H, W). The metadata tell what the channels mean, the scale s,
    how far an output looks (halo), and how the network was made.

    Args:
        network: The folder of a run, such as one of `immersion train denoise`; or a network that
            comes with the package (denoise: the colour one), or a published file.
        out: The file to write; by default model.onnx in the run's folder, and otherwise the
            network's name with .onnx, in the present one.
        overwrite: Whether a file that exists is replaced.

    Returns:
        file: where it lies; bytes: its size; properties: its metadata.

    Raises:
        UserError: There is no such network, the file cannot be written or exists already, or
            what writes ONNX is not installed.
    """
    target = _usual_target(network) if out is None else out
    refuse_target(target, overwrite)
    made = opener(network)(COLOURS)
    properties = {
        **described(made.model, made.colours),
        "recipe": made.recipe,
        "arguments": json.dumps(made.arguments),
    }
    content = onnx_of(made.model, made.colours, properties)
    RunFolder(target.parent).write(target.name, lambda partial: partial.write_bytes(content))
    return {"file": str(target), "bytes": len(content), "properties": properties}


def _usual_target(network: str) -> Path:
    path = Path(network)
    return path / f"model{ENDING}" if path.is_dir() else Path(path.stem + ENDING)


def refuse_target(target: Path, overwrite: bool) -> None:
    """Refuse to write where it would destroy or surprise.

    Raises:
        UserError: Another ending, a folder that is none, or a file that is there.
    """
    if target.suffix.lower() != ENDING:
        raise UserError("the file's name does not fit", f"one ending in {ENDING}", f"'{target}'")
    if target.parent.exists() and not target.parent.is_dir():
        raise UserError(f"'{target.parent}' is no folder", remedy="choose another --out")
    if target.is_dir():
        raise UserError(f"'{target}' is a folder", remedy="choose another --out")
    if target.exists() and not overwrite:
        raise UserError(f"'{target}' exists already", remedy="pass --overwrite")


def described(model: Translator, colours: int) -> dict[str, str]:
    """Return what a user of a file must know of a model, as ONNX's metadata hold it.

    Args:
        model: The model.
        colours: Channels of the pictures that it was trained on.
    """
    task, network = model.task, model.network
    inward, outward = task.channels(colours)
    given = task.given
    if task.told:
        noise = NOISES[task.noise]
        given += f", then a channel of the noise's {noise.unit} / {noise.usual[1]:g}"
    return {
        "task": type(task).__name__.lower(),
        "input": given,
        "output": task.said,
        "deviation": "learnt" if model.doubts else "not to be trusted",
        "channels": str(inward),
        "output_channels": str(outward),
        "scale": str(task.scale),
        "halo": str(network.halo),
        "multiple": str(network.multiple),
        "immersion": version("immersion"),
    }
