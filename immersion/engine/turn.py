"""One turn: the players that update together, each by its objective, backward pass and update."""

import torch
from torch import Tensor, nn

from immersion.batch import Batch
from immersion.engine.contract import check_terms
from immersion.engine.experiment import Player

Terms = dict[str, dict[str, Tensor]]
"""Player -> term -> values, (B,) or their mean, ()."""

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
"""Layers whose weights are (in, out, ...); those of all others are (out, in, ...)."""


class Turn:
    """Players that update together, on one batch and from the same parameters.

    Args:
        players: The players to update; one if players alternate.
        model: Model that the objectives are computed on; other players' parameters do not change.
        precision: Type of matrix products and convolutions; everything else is in float32.
        watch: Whether to log the norm of each player's gradient.
        multiple: Number of examples that are processed together; `Experiment.multiple`.
    """

    def __init__(
        self,
        players: tuple[Player, ...],
        model: nn.Module,
        precision: torch.dtype,
        watch: bool = False,
        multiple: int = 1,
    ) -> None:
        self.players, self.model, self.precision, self.watch = players, model, precision, watch
        self.multiple, self.checked = multiple, False
        self.optimizers = [player.optimizer.build(player.parameters) for player in players]
        self.transposed = {m.weight for m in model.modules() if isinstance(m, TRANSPOSED)}

    @property
    def name(self) -> str:
        """Return the names of the players."""
        return "+".join(player.name for player in self.players)

    @property
    def capturable(self) -> bool:
        """Return whether a CUDA graph can record the whole turn."""
        return all(player.optimizer.capturable for player in self.players)

    def __call__(self, batch: Batch) -> Terms:
        """Update once and return the mean of every term, each a () tensor on the device."""
        return self.update(self.terms(batch))

    def terms(self, batch: Batch) -> Terms:
        """Return each player's terms, each (B,), without an update.

        Raises:
            UserError: An objective breaks its contract; only the first terms are checked.
        """
        terms = {player.name: self.terms_of(player, self.model, batch) for player in self.players}
        if not self.checked:
            for name, own in terms.items():
                check_terms(name, own, len(batch.x), self.multiple)
            self.checked = True
        return terms

    def terms_of(self, player: Player, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Return one player's terms on a model, each (B,)."""
        low = self.precision != torch.float32
        with torch.autocast(batch.x.device.type, self.precision, enabled=low):
            return player.objective(model, batch)

    def update(self, terms: Terms) -> Terms:
        """Update each player by the gradient of its mean loss; return the mean of every term."""
        means = {
            name: {term: values.mean() for term, values in own.items()}
            for name, own in terms.items()
        }
        # All gradients before any update: the graphs hold the parameters as they are now.
        for player, optimizer in zip(self.players, self.optimizers, strict=True):
            optimizer.zero_grad(set_to_none=True)
            means[player.name]["loss"].backward(inputs=player.parameters)
        for player, optimizer in zip(self.players, self.optimizers, strict=True):
            norm = self._clip(player)
            if norm is not None:
                means[player.name]["gradient_norm"] = norm
            optimizer.step()
            if player.optimizer.max_norm:
                self._project(player)
        return {
            name: {term: mean.detach() for term, mean in own.items()}
            for name, own in means.items()
        }

    def _clip(self, player: Player) -> Tensor | None:
        """Clip the player's gradient if it has a limit; return its former norm if logged."""
        if not (self.watch or player.optimizer.clip):
            return None
        gradients = [p.grad for p in player.parameters if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if player.optimizer.clip:
            nn.utils.clip_grads_with_norm_(player.parameters, player.optimizer.clip, norm)
        return norm if self.watch else None

    @torch.no_grad()
    def _project(self, player: Player) -> None:
        """Scale the incoming weights of each unit back to a norm of at most `max_norm`."""
        for weight in player.parameters:
            if weight.ndim > 1:
                units = weight.transpose(0, 1) if weight in self.transposed else weight
                norm = units.flatten(1).norm(dim=1).view(-1, *[1] * (weight.ndim - 1))
                units.mul_((player.optimizer.max_norm / norm.clamp(min=1e-12)).clamp(max=1))

    def apply_schedules(self, step: int, steps: int) -> None:
        """Set the learning rate and momentum of step `step` of `steps`, tensors in place."""
        for player, optimizer in zip(self.players, self.optimizers, strict=True):
            rate = player.optimizer.learning_rate_at(step, steps)
            for group in optimizer.param_groups:
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(rate)
                else:
                    group["lr"] = rate
                if "momentum" in group:
                    group["momentum"] = player.optimizer.momentum_at(step)
