"""Write a function of a model as the content of an ONNX file, for batches of any size."""

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from immersion.check import check_installed

NEEDED = ("onnx", "onnxscript")
"""Packages that PyTorch needs to write ONNX; the extra `onnx` installs them."""


@dataclass(frozen=True, eq=False)
class Input:
    """An input of a graph.

    Args:
        example: A batch of two, (2, ...).
        meaning: Shape and meaning, in words.
        sizes: Dimension -> its `torch.export.Dim`, of those that vary next to the batch.
    """

    example: Tensor
    meaning: str
    sizes: Mapping[int, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Graph:
    """A function of a model and its inputs, to be written as ONNX.

    Args:
        model: In evaluation mode.
        function: (model, *inputs) -> a tuple of tensors.
        inputs: By name, in their order.
        outputs: Name -> shape and meaning, in their order.
    """

    model: nn.Module
    function: Callable[..., tuple[Tensor, ...]]
    inputs: Mapping[str, Input]
    outputs: Mapping[str, str]

    def describe(self) -> dict[str, str]:
        """Return the inputs and the outputs as metadata: JSON objects of name -> meaning."""
        inputs = {name: each.meaning for name, each in self.inputs.items()}
        return {"inputs": json.dumps(inputs), "outputs": json.dumps(dict(self.outputs))}


class _Call(nn.Module):
    """A graph as the module that PyTorch traces."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.model, self.function = graph.model, graph.function

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the file."""
        return self.function(self.model, *inputs)


def write_onnx(graph: Graph, properties: Mapping[str, str]) -> bytes:
    """Return a graph as the content of an ONNX file.

    Args:
        graph: The function, and its inputs and outputs.
        properties: The file's metadata.

    Raises:
        UserError: A package that PyTorch needs is not installed.
    """
    check_installed("onnx", NEEDED)
    batch = torch.export.Dim("batch")
    inputs = graph.inputs.values()
    with torch.no_grad(), _silence_warnings(), _skip_validation():
        program = torch.onnx.export(
            _Call(graph).eval(),
            tuple(each.example for each in inputs),
            dynamo=True,
            dynamic_shapes=(tuple({0: batch, **each.sizes} for each in inputs),),
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            verbose=False,
        )
    if program is None:
        raise RuntimeError("PyTorch returned no ONNX program")
    _rename_values(program.model.graph)
    program.model.metadata_props.update(properties)
    return program.model_proto.SerializeToString()


def _rename_values(graph: Any) -> None:
    """Rename inner values that PyTorch named as an output: it names them by their operation."""
    names = {value.name for value in graph.outputs}
    for number, node in enumerate(graph):
        for value in node.outputs:
            if value.name in names and not value.is_graph_output():
                value.name = f"{value.name}_of_node_{number}"


@contextmanager
def _silence_warnings() -> Iterator[None]:
    """Filter the exporter's warnings about packages that are not needed here."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _skip_validation() -> Iterator[None]:
    """Turn the checks of parameters of distributions off: a check of values cannot be traced."""
    validates = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        Distribution.set_default_validate_args(validates)
