"""An image-to-image network as an ONNX graph, for pictures of any size."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from immersion.check import check_installed
from immersion.models import Translator

NEEDED = ("onnx", "onnxscript")
"""What PyTorch writes ONNX with; the extra `onnx` installs them."""


class Graph(nn.Module):
    """A model as its numbers: input -> answer and standard deviation, or probabilities.

    Args:
        model: In evaluation mode.
    """

    def __init__(self, model: Translator) -> None:
        super().__init__()
        self.model = model

    def forward(self, given: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the file."""
        return tuple(output for output in self.model.numbers(given) if output is not None)


def onnx_of(model: Translator, colours: int, properties: Mapping[str, str]) -> bytes:
    """Return a model as the content of an ONNX file, in float32, for any batch, height and width.

    Args:
        model: In evaluation mode.
        colours: Channels of the pictures that it was trained on.
        properties: The file's metadata.

    Raises:
        UserError: What PyTorch writes ONNX with is not installed.
    """
    check_installed("onnx", NEEDED)
    grid = model.network.multiple
    side = torch.export.Dim
    sizes = {0: side("batch"), 2: grid * side("rows", min=1), 3: grid * side("columns", min=1)}
    example = torch.rand(2, model.task.channels(colours)[0], 4 * grid, 6 * grid)
    outputs = ("probabilities",) if model.task.of_classes else ("answer", "deviation")
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            Graph(model).eval(),
            (example,),
            dynamo=True,
            dynamic_shapes=(sizes,),
            input_names=["input"],
            output_names=outputs,
            verbose=False,
        )
    program.model.metadata_props.update(properties)
    return program.model_proto.SerializeToString()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to itself what the exporter says of packages that are not needed here."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
