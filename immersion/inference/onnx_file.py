"""Export a part of a trained model as an ONNX file, with metadata that describe the model."""

import json
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from immersion.check import check_choice
from immersion.hub import is_hub_name
from immersion.inference.latent_graph import PARTS, build_latent_graph
from immersion.inference.onnx_graph import write_onnx
from immersion.inference.prior_description import describe_prior
from immersion.inference.translator_graph import build_translator_graph
from immersion.likelihoods import LIKELIHOODS
from immersion.models.translator import Translator
from immersion.output_file import check_output, write_atomically
from immersion.pretrained.resolve import image_model_of, resolve_model
from immersion.pretrained.trained_model import ImageModel
from immersion.run_folder import RunFolder
from immersion.runs.load import Run, load_run
from immersion.runs.public_record import publish_record, shorten_paths

Part = Literal["auto", "encoder", "decoder", "prior"]
"""A part of a model; auto is the decoder of a model with codes, or an image-to-image network."""

ENDING = ".onnx"

COLOURS = 3
"""Channels of the pictures of a network whose name has a grey and a colour version."""


def write_onnx_file(
    model: Run | str | Path, out: str | Path, *, part: Part = "auto", overwrite: bool = False
) -> Path:
    """Write a part of a trained model as an ONNX file, for batches of any size.

    Args:
        model: A run, the folder of one, a bundled image-to-image network (denoise: the colour
            version), or a file of published weights.
        out: The file.
        part: The part; see `build_latent_graph` and `build_translator_graph`.
        overwrite: If True, an existing file is replaced.

    Returns:
        The file.

    Raises:
        UserError: There is no such model or part, the file cannot be written or exists already,
            or a package that writes ONNX is not installed.
    """
    check_output(Path(out), (ENDING,), overwrite=overwrite, switch="overwrite=True")
    content, _ = make_onnx(model if isinstance(model, Run) else open_model(str(model)), part)
    return write_atomically(Path(out), lambda partial: partial.write_bytes(content))


def open_model(word: str) -> Run | ImageModel:
    """Return the run or the image-to-image network that a word means."""
    if is_hub_name(word) or RunFolder(word).exists():
        return load_run(word)
    return resolve_model(word)(COLOURS)


def make_onnx(model: Run | ImageModel, part: Part = "auto") -> tuple[bytes, dict[str, str]]:
    """Return a part of a model as the content of an ONNX file, and the file's metadata."""
    check_choice("part", part, ("auto", *PARTS))
    if isinstance(model, Run) and isinstance(model.model, Translator):
        model = image_model_of(model)
    if isinstance(model, Run):
        part = "decoder" if part == "auto" else part
        binary = model.experiment.binarize != "none"
        spec = replace(model.spec, values="binary") if binary else model.spec
        graph = build_latent_graph(model.decoder, spec, part)
        properties = {"part": part, **describe_run(model)}
    else:
        graph = build_translator_graph(model.model, model.channels, part)
        properties = ({} if part == "auto" else {"part": part}) | describe_image_model(model)
    properties |= graph.describe() | {"immersion": version("immersion")}
    return write_onnx(graph, properties), properties


def describe_run(run: Run) -> dict[str, str]:
    """Return the description of a run's model, for ONNX's metadata; without paths.

    Args:
        run: The run of a model with codes.
    """
    record, model = publish_record(run.record), run.decoder
    likelihood = getattr(model, "likelihood", None)
    names = {member: name for name, member in LIKELIHOODS.items()}
    described = {
        "recipe": record.recipe,
        "arguments": json.dumps(record.arguments),
        "data": record.data.source,
        "spec": json.dumps(record.data.spec),
        "binarize": run.experiment.binarize,
        "latent_dim": str(model.latent_dim),
        "prior": json.dumps(describe_prior(model.prior)),
    }
    if likelihood is not None:
        described["likelihood"] = names.get(type(likelihood), type(likelihood).__name__)
    return described


def describe_image_model(trained: ImageModel) -> dict[str, str]:
    """Return the description of an image-to-image model, for ONNX's metadata; without paths."""
    model, origin = trained.model, trained.origin
    presentation, network = model.presentation, model.network
    in_channels, out_channels = model.task.channels(trained.channels)
    described = {
        "task": type(model.task).__name__.lower(),
        "input": presentation.input_format,
        "output": presentation.output_format,
        "standard_deviation": "learnt" if model.has_uncertainty else "not to be trusted",
        "channels": str(in_channels),
        "output_channels": str(out_channels),
        "scale": str(presentation.scale),
        "halo": str(network.halo),
        "multiple": str(network.multiple),
    }
    if origin.recipe:
        described["recipe"] = origin.recipe
        described["arguments"] = json.dumps(shorten_paths(origin.arguments))
    return described
