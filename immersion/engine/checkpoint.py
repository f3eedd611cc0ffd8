"""The tensors of a checkpoint: weights, their average, and every player's optimizer state."""

from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import Tensor, nn

from immersion.engine.experiment import Player
from immersion.engine.turn import Turn
from immersion.run_folder import add_prefix, select_prefix


class WeightAverage:
    """A moving average of a model's weights, which is evaluated in their place.

    average <- decay * average + (1 - decay) * weights after every step of the game; buffers are
    copied. The decay rises to its value: as (1 + step) / (10 + step), so that the average of a
    short run excludes its random initialization; or, if the first steps are left out, as
    k / (k + 1) with the k-th averaged step, which is the plain mean (Polyak & Juditsky 1992).

    Args:
        model: The model being trained.
        decay: Between 0 and 1.
        first: Number of steps to leave out, during which the average equals the weights.
    """

    def __init__(self, model: nn.Module, decay: float, first: int = 0) -> None:
        self.decay, self.first = decay, first
        self.model = deepcopy(model).eval().requires_grad_(False)
        self.averages: list[Tensor] = list(self.model.parameters())
        self.weights: list[Tensor] = list(model.parameters())
        self.trained = model

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the average with the weights after step `step` (from 0)."""
        if self.first:
            count = max(0, step - self.first)
            rising = count / (count + 1)
        else:
            rising = (1 + step) / (10 + step)
        torch._foreach_lerp_(self.averages, self.weights, 1 - min(self.decay, rising))
        # Looked up in every step: some modules replace a buffer by another tensor.
        for average, buffer in zip(self.model.buffers(), self.trained.buffers(), strict=True):
            average.copy_(buffer)


def collect_tensors(
    model: nn.Module, average: WeightAverage | None, turns: list[Turn]
) -> dict[str, Tensor]:
    """Return every tensor that training needs to resume, by name."""
    tensors = add_prefix("model", model.state_dict())
    if average is not None:
        tensors |= add_prefix("average", average.model.state_dict())
    for player, optimizer in _list_optimizers(turns):
        for index, state in optimizer.state_dict()["state"].items():
            values = {key: value for key, value in state.items() if value is not None}
            tensors |= add_prefix(f"optimiser/{player.name}/{index}", values)
    return tensors


def restore_tensors(
    tensors: dict[str, Tensor], model: nn.Module, average: WeightAverage | None, turns: list[Turn]
) -> None:
    """Load the tensors of `collect_tensors` into the model, the average and the optimizers."""
    model.load_state_dict(select_prefix(tensors, "model"))
    if average is not None:
        average.model.load_state_dict(select_prefix(tensors, "average"))
    for player, optimizer in _list_optimizers(turns):
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in select_prefix(tensors, f"optimiser/{player.name}").items():
            index, key = name.split("/")
            like = player.parameters[int(index)]
            state.setdefault(int(index), {})[key] = _match_layout(tensor, like)
        groups = optimizer.state_dict()["param_groups"]
        in_order = dict(sorted(state.items()))
        optimizer.load_state_dict({"state": in_order, "param_groups": groups})


def _list_optimizers(turns: list[Turn]) -> Iterator[tuple[Player, torch.optim.Optimizer]]:
    for turn in turns:
        yield from zip(turn.players, turn.optimizers, strict=True)


def _match_layout(tensor: Tensor, like: Tensor) -> Tensor:
    """Return a moment in its parameter's memory layout, as fused optimizers require."""
    if tensor.shape != like.shape:
        return tensor
    return torch.empty_like(like, dtype=tensor.dtype, requires_grad=False).copy_(tensor)
