"""What does a network's work on a person's picture: PyTorch, or OpenVINO where it is installed."""

from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import Any

import torch
from torch import Tensor

from immersion.check import UserError, check_installed
from immersion.inference.onnx_graph import NEEDED, onnx_of
from immersion.models import Translator
from immersion.models.seen_small import Numbers

Work = Callable[[Tensor, torch.dtype], Numbers]
"""`Translator.numbers` of what the network is given, its convolutions in a precision."""

Backend = Callable[[Translator, int, int | None], Work]
"""From a model in evaluation mode, the channels of the pictures that it learnt from, and which of
several answers is asked for; None for the usual one."""


def in_torch(model: Translator, colours: int, draw: int | None = None) -> Work:
    """Return a model's work as PyTorch does it, on the device that the model is on."""
    return partial(_in_torch, model, draw)


def _in_torch(
    model: Translator, draw: int | None, given: Tensor, precision: torch.dtype
) -> Numbers:
    device = next(model.parameters()).device
    given = given.to(device, memory_format=torch.channels_last)
    low = precision != torch.float32
    with torch.inference_mode(), torch.autocast(device.type, precision, enabled=low):
        answer, deviation = model.numbers(given, draw)
    return answer.cpu(), None if deviation is None else deviation.cpu()


@lru_cache(maxsize=2)  # the grey and the colour network of a word
def in_openvino(model: Translator, colours: int, draw: int | None = None) -> Work:
    """Return the work of a model on the CPU as OpenVINO does it there, with as many threads.

    It joins convolutions with what follows them, which PyTorch does one after the other.

    Raises:
        UserError: OpenVINO, or what writes its graph, is not installed; or one of several answers
            is asked for, which its graph has no input for.
    """
    if draw is not None:
        raise UserError(
            "OpenVINO's graph gives the usual answer alone", "--backend torch with --draws"
        )
    check_installed("openvino", (*NEEDED, "openvino"))
    import openvino

    core = openvino.Core()
    graph = core.read_model(onnx_of(model, colours, {}))

    @cache
    def compiled(precision: torch.dtype) -> Any:
        hint = "bf16" if precision == torch.bfloat16 else "f32"
        settings = {
            "INFERENCE_PRECISION_HINT": hint,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "NUM_STREAMS": 1,
        }
        return core.compile_model(graph, "CPU", settings)

    def work(given: Tensor, precision: torch.dtype) -> Numbers:
        found = compiled(precision)([given.contiguous().numpy()])
        # Its memory is the next tile's too.
        outputs = [torch.from_numpy(found[number].copy()) for number in range(len(found))]
        return outputs[0], outputs[1] if len(outputs) > 1 else None

    return work


BACKENDS: dict[str, Backend] = {"torch": in_torch, "openvino": in_openvino}
