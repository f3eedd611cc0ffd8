"""The graphs of an image-to-image model, for pictures of any size."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor

from immersion.check import UserError
from immersion.inference.onnx_graph import Graph, Input, write_onnx
from immersion.models.translator import Translator


def export_translator(model: Translator, colours: int, properties: Mapping[str, str]) -> bytes:
    """Return an image-to-image network as the content of an ONNX file, in float32.

    Args:
        model: In evaluation mode.
        colours: Channels of the training pictures.
        properties: The file's metadata.

    Raises:
        UserError: A package that PyTorch needs is not installed.
    """
    return write_onnx(build_translator_graph(model, colours), properties)


def build_translator_graph(model: Translator, colours: int, part: str = "auto") -> Graph:
    """Return the graph of an image-to-image model or of a part of it.

    Args:
        model: The model, which is copied: the graph is in float32 and in evaluation mode.
        colours: Channels of the training pictures.
        part: auto: the network, with its code, if any, at the prior's mean. Of a model with a
            code: decoder: the network, with the code as an input; encoder: the code of an input
            and its target.

    Raises:
        UserError: The model has no such part.
    """
    if part == "prior" or (part != "auto" and model.code is None):
        raise UserError(
            f"an image-to-image network has no {part}",
            "auto; decoder or encoder where it was trained with --latent-dim",
            part,
            "leave --part out",
        )
    model = copy.deepcopy(model).cpu().float().eval()  # the caller's stays where it is
    in_channels, out_channels = model.task.channels(colours)
    scale = model.presentation.scale
    picture = _make_picture(model, in_channels, "input", model.presentation.input_format)
    outputs = _describe_outputs(model, out_channels)
    if part == "auto":
        return Graph(model, _predict, {"input": picture}, outputs)
    code = model.require_code()
    z = Input(torch.zeros(2, code.latent_dim), f"(B, {code.latent_dim}) float32, z ~ N(0, I)")
    if part == "decoder":
        return Graph(model, _decode, {"input": picture, "z": z}, outputs)
    target = _make_picture(model, out_channels, "target", model.presentation.output_format, scale)
    moments = {"mean": f"(B, {code.latent_dim}), E[z | input, target]"}
    moments["standard_deviation"] = f"(B, {code.latent_dim}), of z given input and target"
    return Graph(model, _encode, {"input": picture, "target": target}, moments)


def _predict(model: Translator, inputs: Tensor) -> tuple[Tensor, ...]:
    prediction = model.predict_whole(inputs)
    if prediction.uncertainty is None:
        return (prediction.mean,)
    return prediction.mean, prediction.uncertainty


def _decode(model: Translator, inputs: Tensor, z: Tensor) -> tuple[Tensor, ...]:
    p = model(inputs, z)
    return model.presentation.estimate(p), p.stddev


def _encode(model: Translator, inputs: Tensor, target: Tensor) -> tuple[Tensor, ...]:
    q = model.require_code().encode(inputs, target)
    return q.mean, q.stddev


def _make_picture(
    model: Translator, channels: int, name: str, format: str, scale: int = 1
) -> Input:
    """Return an input of pictures whose sides are multiples of the network's, times the scale."""
    grid, side = model.network.multiple, torch.export.Dim
    sizes = {
        2: scale * grid * side("rows", min=1),
        3: scale * grid * side("columns", min=1),
    }
    sides = "s H, s W" if name == "target" else "H, W"
    example = torch.rand(2, channels, scale * 4 * grid, scale * 6 * grid)
    return Input(example, f"(B, {channels}, {sides}) float32, {format}", sizes)


def _describe_outputs(model: Translator, channels: int) -> dict[str, str]:
    if classes := model.presentation.classes:
        return {"probabilities": f"(B, {classes}, H, W), {model.presentation.output_format}"}
    shape = f"(B, {channels}, s H, s W)"
    return {
        "mean": f"{shape}, {model.presentation.output_format}",
        "standard_deviation": f"{shape}, of each value",
    }
