"""An image-to-image network as an ONNX graph, for pictures of any size."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from immersion.check import check_installed
from immersion.models.translator import Translator

NEEDED = ("onnx", "onnxscript")
"""Packages that PyTorch needs to write ONNX; the extra `onnx` installs them."""


class Graph(nn.Module):
    """A model as a graph: input -> mean and standard deviation, or probabilities.

    Args:
        model: In evaluation mode.
    """

    def __init__(self, model: Translator) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs of the file."""
        prediction = self.model.predict_whole(inputs)
        if prediction.uncertainty is None:
            return (prediction.mean,)
        return prediction.mean, prediction.uncertainty


def export_onnx(model: Translator, colours: int, properties: Mapping[str, str]) -> bytes:
    """Return a model as the content of an ONNX file, in float32, for any batch, height and width.

    Args:
        model: In evaluation mode.
        colours: Channels of the training pictures.
        properties: The file's metadata.

    Raises:
        UserError: A package that PyTorch needs is not installed.
    """
    check_installed("onnx", NEEDED)
    grid = model.network.multiple
    side = torch.export.Dim
    sizes = {0: side("batch"), 2: grid * side("rows", min=1), 3: grid * side("columns", min=1)}
    example = torch.rand(2, model.task.channels(colours)[0], 4 * grid, 6 * grid)
    outputs = ("probabilities",) if model.presentation.classes else ("answer", "deviation")
    with torch.no_grad(), _silence_warnings():
        program = torch.onnx.export(
            Graph(model).eval(),
            (example,),
            dynamo=True,
            dynamic_shapes=(sizes,),
            input_names=["input"],
            output_names=outputs,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("PyTorch returned no ONNX program")
    program.model.metadata_props.update(properties)
    return program.model_proto.SerializeToString()


@contextmanager
def _silence_warnings() -> Iterator[None]:
    """Filter the exporter's warnings about packages that are not needed here."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
