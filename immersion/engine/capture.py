"""One turn as a CUDA graph: a step of a small network is bound by its launches, a replay not."""

from copy import deepcopy

import torch

from immersion.batch import Batch
from immersion.engine.turn import Terms, Turn

WARM_UP = 3
"""Turns run and undone before the capture, in which libraries select their kernels."""


class CapturedTurn:
    """A turn that is recorded once, on its first batch, and then replayed.

    The graph reads the batch, the learning rate and the random state from the addresses of the
    recording; a replay copies the new batch there. Objectives must have no Python control flow
    that depends on tensor values.

    Args:
        turn: The turn to record; its optimizers must be capturable.
        batch: A batch with the shapes and types of all later ones.
    """

    def __init__(self, turn: Turn, batch: Batch) -> None:
        self.turn, self.device = turn, batch.x.device
        y = None if batch.y is None else batch.y.clone()
        self.inputs = Batch(batch.x.clone(), y, batch.step.clone())
        with torch.cuda.device(self.device):
            self._record()

    def _record(self) -> None:
        random_state = torch.cuda.get_rng_state()
        self._warm_up()
        self.graph = torch.cuda.CUDAGraph()
        # Other threads may use the device meanwhile: readers of streamed data pin memory.
        with torch.cuda.graph(self.graph, capture_error_mode="thread_local"):
            self.outputs = self.turn(self.inputs)
        torch.cuda.set_rng_state(random_state)  # the first replay samples as eager code would

    def __call__(self, batch: Batch) -> Terms:
        """Run the turn once on a batch; the next call overwrites the result."""
        for target, source in zip(self.inputs, batch, strict=True):
            if target is not None and source is not None:
                target.copy_(source)
        with torch.cuda.device(self.device):
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
