"""`immersion export RUN`: an image-to-image model as an ONNX file."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from immersion.check import UserError
from immersion.inference.onnx_graph import export_onnx
from immersion.models.translator import Translator
from immersion.pretrained.resolve import resolve_model
from immersion.run_folder import RunFolder

ENDING = ".onnx"

COLOURS = 3
"""Channels of the pictures of a network whose name has a grey and a colour version."""


def export(network: str, *, out: Path | None = None, overwrite: bool = False) -> dict[str, Any]:
    """Export an image-to-image model as an ONNX file, for pictures of any size.

    The input of the file is (B, C_in, H, W), its sides divisible by the metadata's `multiple`; its
    outputs are the mean and the standard deviation of each value, (B, C_out, s H, s W), or the
    probability of each class, (B, K, H, W). The metadata describe the channels, the scale s, the
    reach of an output (halo), and the training.

    Args:
        network: The folder of a run, such as one of `immersion train denoise`; or a bundled
            network (denoise: the colour version), or a file of published weights.
        out: The file to write; by default model.onnx in the run's folder, and otherwise the
            network's name with .onnx, in the current folder.
        overwrite: If True, an existing file is replaced.

    Returns:
        file: the file; bytes: its size; properties: its metadata.

    Raises:
        UserError: There is no such network, the file cannot be written or exists already, or a
            package that writes ONNX is not installed.
    """
    target = _default_target(network) if out is None else out
    check_target(target, overwrite)
    trained = resolve_model(network)(COLOURS)
    properties = describe_model(trained.model, trained.channels)
    if trained.origin.recipe:
        properties["recipe"] = trained.origin.recipe
        properties["arguments"] = json.dumps(trained.origin.arguments)
    content = export_onnx(trained.model, trained.channels, properties)
    RunFolder(target.parent).write(target.name, lambda partial: partial.write_bytes(content))
    return {"file": str(target), "bytes": len(content), "properties": properties}


def _default_target(network: str) -> Path:
    path = Path(network)
    return path / f"model{ENDING}" if path.is_dir() else Path(path.stem + ENDING)


def check_target(target: Path, overwrite: bool) -> None:
    """Raise UserError if the file cannot be written, or exists.

    Raises:
        UserError: Another ending, a parent that is not a folder, or a file that exists.
    """
    if target.suffix.lower() != ENDING:
        raise UserError("the file's name does not fit", f"one ending in {ENDING}", f"'{target}'")
    if target.parent.exists() and not target.parent.is_dir():
        raise UserError(f"'{target.parent}' is not a folder", remedy="choose another --out")
    if target.is_dir():
        raise UserError(f"'{target}' is a folder", remedy="choose another --out")
    if target.exists() and not overwrite:
        raise UserError(f"'{target}' exists already", remedy="pass --overwrite")


def describe_model(model: Translator, colours: int) -> dict[str, str]:
    """Return the description of a model's inputs and outputs, for ONNX's metadata.

    Args:
        model: The model.
        colours: Channels of the training pictures.
    """
    presentation, network = model.presentation, model.network
    in_channels, out_channels = model.task.channels(colours)
    return {
        "task": type(model.task).__name__.lower(),
        "input": presentation.input_format,
        "output": presentation.output_format,
        "deviation": "learnt" if model.has_uncertainty else "not to be trusted",
        "channels": str(in_channels),
        "output_channels": str(out_channels),
        "scale": str(presentation.scale),
        "halo": str(network.halo),
        "multiple": str(network.multiple),
        "immersion": version("immersion"),
    }
