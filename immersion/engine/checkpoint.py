"""What a checkpoint holds: weights, their average, and every player's optimizer."""

from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import Tensor, nn

from immersion.engine.experiment import Player
from immersion.engine.turn import Turn
from immersion.run_folder import add_prefix, select_prefix


class WeightAverage:
    """A moving average of a model's weights, evaluated in their place.

    average <- decay * average + (1 - decay) * weights after every step of the game; buffers are
    copied. The decay rises to its value: as (1 + step) / (10 + step), so that a short run is not
    averaged with its random beginning; or, where that is left out, as k / (k + 1) with the k-th
    step that is averaged, which gives the plain mean (Polyak & Juditsky 1992).

    Args:
        model: The model that is trained.
        decay: Between 0 and 1.
        first: Steps that are left out; up to there the average is the weights as they are.
    """

    def __init__(self, model: nn.Module, decay: float, first: int = 0) -> None:
        self.decay, self.first = decay, first
        self.model = deepcopy(model).eval().requires_grad_(False)
        self.pairs = [list(side.parameters()) for side in (self.model, model)]
        self.trained = model

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step `step` (from 0)."""
        if self.first:
            taken = max(0, step - self.first)
            rising = taken / (taken + 1)
        else:
            rising = (1 + step) / (10 + step)
        torch._foreach_lerp_(*self.pairs, 1 - min(self.decay, rising))
        # Looked up anew: some modules put another tensor in a buffer's place.
        for average, buffer in zip(self.model.buffers(), self.trained.buffers(), strict=True):
            average.copy_(buffer)


def collect_tensors(
    model: nn.Module, average: WeightAverage | None, turns: list[Turn]
) -> dict[str, Tensor]:
    """Return every tensor that training needs to go on, by name."""
    tensors = add_prefix("model", model.state_dict())
    if average is not None:
        tensors |= add_prefix("average", average.model.state_dict())
    for player, optimizer in _optimizers(turns):
        for index, state in optimizer.state_dict()["state"].items():
            values = {key: value for key, value in state.items() if value is not None}
            tensors |= add_prefix(f"optimiser/{player.name}/{index}", values)
    return tensors


def restore_tensors(
    tensors: dict[str, Tensor], model: nn.Module, average: WeightAverage | None, turns: list[Turn]
) -> None:
    """Put the tensors of `gather` back where they came from."""
    model.load_state_dict(select_prefix(tensors, "model"))
    if average is not None:
        average.model.load_state_dict(select_prefix(tensors, "average"))
    for player, optimizer in _optimizers(turns):
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in select_prefix(tensors, f"optimiser/{player.name}").items():
            index, key = name.split("/")
            like = player.parameters[int(index)]
            state.setdefault(int(index), {})[key] = _match_layout(tensor, like)
        groups = optimizer.state_dict()["param_groups"]
        in_order = dict(sorted(state.items()))
        optimizer.load_state_dict({"state": in_order, "param_groups": groups})


def _optimizers(turns: list[Turn]) -> Iterator[tuple[Player, torch.optim.Optimizer]]:
    for turn in turns:
        yield from zip(turn.players, turn.optimizers, strict=True)


def _match_layout(tensor: Tensor, like: Tensor) -> Tensor:
    """Return a moment in its parameter's memory layout, which fused optimizers rely on."""
    if tensor.shape != like.shape:
        return tensor
    return torch.empty_like(like, dtype=tensor.dtype, requires_grad=False).copy_(tensor)
