"""The whole turn as one CUDA graph: a step of a small network is launch-bound, a replay is not."""

from copy import deepcopy

import torch

from immersion.batch import Batch
from immersion.engine.turn import Terms, Turn

WARM_UP = 3
"""Turns made and undone before the capture, so that libraries have chosen their kernels."""


class CapturedTurn:
    """A turn that is recorded once, on its first batch, and replayed from then on.

    The graph reads the batch, the learning rate and the random state where it read them when it
    was recorded; a replay copies the new batch there. Objectives must do without Python control
    flow on tensor values.

    Args:
        turn: The turn to record; its optimizers must be capturable.
        batch: An example of every batch to come, in shape and type.
    """

    def __init__(self, turn: Turn, batch: Batch) -> None:
        self.turn = turn
        self.inputs = Batch(*(None if part is None else part.clone() for part in batch))
        drawn = torch.cuda.get_rng_state()
        self._warm_up()
        self.graph = torch.cuda.CUDAGraph()
        # Other threads may use the device meanwhile: readers of streamed data pin memory.
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.outputs = turn(self.inputs)
        torch.cuda.set_rng_state(drawn)  # the first replay draws what it would have drawn eagerly

    def __call__(self, batch: Batch) -> Terms:
        """Move once; the result lives until the next call."""
        for target, source in zip(self.inputs, batch, strict=True):
            if target is not None:
                target.copy_(source)
        self.graph.replay()
        return self.outputs

    def _warm_up(self) -> None:
        model, optimizers = self.turn.model, self.turn.optimizers
        weights = deepcopy(model.state_dict())
        moments = [{p: deepcopy(state) for p, state in o.state.items()} for o in optimizers]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self.turn(self.inputs)
        torch.cuda.current_stream().wait_stream(side)
        # Undone in place: the graph will hold the addresses.
        model.load_state_dict(weights)
        for optimizer, moment in zip(optimizers, moments, strict=True):
            for parameter, state in optimizer.state.items():
                before = moment.get(parameter, {})  # empty before the first step of all: zeros
                for name, tensor in state.items():
                    tensor.copy_(before[name]) if before else tensor.zero_()
