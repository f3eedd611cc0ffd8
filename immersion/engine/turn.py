"""One turn: the players that move at once, each by its objective, backpropagation and update."""

import torch
from torch import Tensor, nn

from immersion.batch import Batch
from immersion.engine.experiment import Player

Terms = dict[str, dict[str, Tensor]]
"""Player -> term -> values."""

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
"""Layers whose weights are (from, to, ...); those of all others are (to, from, ...)."""


class Turn:
    """Players that move at once, on one batch and from the same parameters.

    Args:
        players: Who moves; one where players alternate.
        model: What the objectives are computed on; other players' parameters in it stay still.
        precision: Of matrix products and convolutions; everything else is in float32.
        watch: Whether to log the norm of each player's gradient.
    """

    def __init__(
        self,
        players: tuple[Player, ...],
        model: nn.Module,
        precision: torch.dtype,
        watch: bool = False,
    ) -> None:
        self.players, self.model, self.precision, self.watch = players, model, precision, watch
        self.optimizers = [player.optimizer.build(player.parameters) for player in players]
        self.transposed = {m.weight for m in model.modules() if isinstance(m, TRANSPOSED)}

    @property
    def name(self) -> str:
        """Return the names of those who move."""
        return "+".join(player.name for player in self.players)

    @property
    def capturable(self) -> bool:
        """Return whether the whole turn can be put into a CUDA graph."""
        return all(player.optimizer.capturable for player in self.players)

    def __call__(self, batch: Batch) -> Terms:
        """Move once and return the mean of every term, each a () tensor on the device."""
        return self.update(self.terms(batch))

    def terms(self, batch: Batch) -> Terms:
        """Return each player's terms, each (B,), without moving."""
        return {player.name: self.terms_of(player, self.model, batch) for player in self.players}

    def terms_of(self, player: Player, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Return one player's terms on a model, each (B,)."""
        low = self.precision != torch.float32
        with torch.autocast(batch.x.device.type, self.precision, enabled=low):
            return player.objective(model, batch)

    def update(self, terms: Terms) -> Terms:
        """Move each player down the gradient of its mean loss; return the mean of every term."""
        means = {
            name: {term: values.mean() for term, values in own.items()}
            for name, own in terms.items()
        }
        # Every gradient before any move: the graphs hold the parameters as they are.
        for player, optimizer in zip(self.players, self.optimizers, strict=True):
            optimizer.zero_grad(set_to_none=True)
            means[player.name]["loss"].backward(inputs=player.parameters)
        for player, optimizer in zip(self.players, self.optimizers, strict=True):
            norm = self._norm(player)
            if norm is not None:
                means[player.name]["gradient_norm"] = norm
            optimizer.step()
            if player.optimizer.max_norm:
                self._project(player)
        return {
            name: {term: mean.detach() for term, mean in own.items()}
            for name, own in means.items()
        }

    def _norm(self, player: Player) -> Tensor | None:
        """Return the norm of the player's gradient before it is clipped, where it is of use."""
        if not (self.watch or player.optimizer.clip):
            return None
        gradients = [p.grad for p in player.parameters if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if player.optimizer.clip:
            nn.utils.clip_grads_with_norm_(player.parameters, player.optimizer.clip, norm)
        return norm if self.watch else None

    @torch.no_grad()
    def _project(self, player: Player) -> None:
        """Scale the weights that come into each unit back to a norm of at most `max_norm`."""
        for weight in player.parameters:
            if weight.ndim > 1:
                units = weight.transpose(0, 1) if weight in self.transposed else weight
                norm = units.flatten(1).norm(dim=1).view(-1, *[1] * (weight.ndim - 1))
                units.mul_((player.optimizer.max_norm / norm.clamp(min=1e-12)).clamp(max=1))

    def apply_schedules(self, step: int, steps: int) -> None:
        """Set what step `step` of `steps` moves with; a tensor is set in place."""
        for player, optimizer in zip(self.players, self.optimizers, strict=True):
            rate = player.optimizer.rate(step, steps)
            for group in optimizer.param_groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate
                if "momentum" in group:
                    group["momentum"] = player.optimizer.momentum_at(step)
