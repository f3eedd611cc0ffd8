"""One turn of one player: objective, backpropagation, clipping, update."""

import torch
from torch import Tensor, nn

from immersion.batch import Batch
from immersion.engine.experiment import Player


class Turn:
    """A player at the board: its optimiser and the step that it makes on a batch.

    Args:
        player: Who moves.
        model: What the objective is computed on; other players' parameters in it stay still.
        precision: Of matrix products and convolutions; everything else is in float32.
    """

    def __init__(self, player: Player, model: nn.Module, precision: torch.dtype) -> None:
        self.player, self.model, self.precision = player, model, precision
        self.optimizer = player.optimiser.build(player.parameters)

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Move once and return the mean of every term, each a () tensor on the device."""
        return self.update(self.terms(batch))

    def update(self, terms: dict[str, Tensor]) -> dict[str, Tensor]:
        """Move down the gradient of the mean loss and return the mean of every term."""
        means = {name: term.mean() for name, term in terms.items()}
        self.optimizer.zero_grad(set_to_none=True)
        means["loss"].backward(inputs=self.player.parameters)
        if self.player.optimiser.clip:
            nn.utils.clip_grad_norm_(self.player.parameters, self.player.optimiser.clip)
        self.optimizer.step()
        return {name: mean.detach() for name, mean in means.items()}

    def terms(self, batch: Batch, model: nn.Module | None = None) -> dict[str, Tensor]:
        """Return the objective's terms, each (B,), without moving."""
        low = self.precision != torch.float32
        with torch.autocast(batch.x.device.type, self.precision, enabled=low):
            return self.player.objective(self.model if model is None else model, batch)

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of the next move, in place where it is a tensor."""
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
