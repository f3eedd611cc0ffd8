"""Backends that compute a network's prediction: PyTorch, or OpenVINO if it is installed."""

from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from immersion.check import UserError, check_choice, check_installed
from immersion.models.prediction import Prediction
from immersion.models.translator import Translator


class Backend(ABC):
    """`Translator.predict_whole` of a model in evaluation mode."""

    @abstractmethod
    def predict(self, inputs: Tensor, precision: torch.dtype) -> Prediction:
        """Return the prediction, on the CPU.

        Args:
            inputs: (B, C_in, H, W), on the CPU.
            precision: Precision of the convolutions.
        """


class TorchBackend(Backend):
    """PyTorch, on the model's device.

    Args:
        model: In evaluation mode.
        draw: Which of several answers, 0, 1, ...; None for the point estimate.
    """

    def __init__(self, model: Translator, draw: int | None = None) -> None:
        self.model, self.draw = model, draw

    def predict(self, inputs: Tensor, precision: torch.dtype) -> Prediction:
        """Return the prediction, on the CPU."""
        device = next(self.model.parameters()).device
        inputs = inputs.to(device, memory_format=torch.channels_last)
        low = precision != torch.float32
        with torch.inference_mode(), torch.autocast(device.type, precision, enabled=low):
            prediction = self.model.predict_whole(inputs, self.draw)
        return prediction.map(Tensor.cpu)


class OpenVINOBackend(Backend):
    """OpenVINO on the CPU, with as many threads as PyTorch.

    It fuses convolutions with the operations that follow, which PyTorch runs one after the other.

    Args:
        model: In evaluation mode.
        colours: Channels of the training pictures.

    Raises:
        UserError: OpenVINO or the ONNX exporter is not installed.
    """

    def __init__(self, model: Translator, colours: int) -> None:
        from immersion.inference.onnx_graph import NEEDED
        from immersion.inference.translator_graph import export_translator

        check_installed("openvino", (*NEEDED, "openvino"))
        import openvino

        self.core = openvino.Core()
        self.graph = self.core.read_model(export_translator(model, colours, {}))
        self.compiled: dict[torch.dtype, Any] = {}

    def predict(self, inputs: Tensor, precision: torch.dtype) -> Prediction:
        """Return the prediction."""
        found = self._compile(precision)([inputs.contiguous().numpy()])
        # The memory of the results is reused for the next tile.
        outputs = [torch.from_numpy(found[number].copy()) for number in range(len(found))]
        return Prediction(outputs[0], outputs[1] if len(outputs) > 1 else None)

    def _compile(self, precision: torch.dtype) -> Any:
        if precision not in self.compiled:
            settings = {
                "INFERENCE_PRECISION_HINT": "bf16" if precision == torch.bfloat16 else "f32",
                "INFERENCE_NUM_THREADS": torch.get_num_threads(),
                "NUM_STREAMS": 1,
            }
            self.compiled[precision] = self.core.compile_model(self.graph, "CPU", settings)
        return self.compiled[precision]


@lru_cache(maxsize=2)  # the grey and the colour network of a name
def open_openvino(model: Translator, colours: int) -> OpenVINOBackend:
    """Return the OpenVINO backend of a model, built once."""
    return OpenVINOBackend(model, colours)


def open_backend(name: str, model: Translator, colours: int, draw: int | None = None) -> Backend:
    """Return the backend of a name.

    Args:
        name: torch or openvino.
        model: In evaluation mode.
        colours: Channels of the training pictures.
        draw: Which of several answers, 0, 1, ...; None for the point estimate.

    Raises:
        UserError: An unknown name, a package that is not installed, or samples by OpenVINO, whose
            graph has no input for them.
    """
    if check_choice("backend", name, ("torch", "openvino")) == "torch":
        return TorchBackend(model, draw)
    if draw is not None:
        raise UserError(
            "OpenVINO's graph gives the point estimate alone", "--backend torch with --draws"
        )
    return open_openvino(model, colours)
