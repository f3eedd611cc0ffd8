"""The state of training: model, optimizers and batch order, and one step of the game."""

from collections.abc import Generator, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from immersion.batch import Batch, Split
from immersion.check import NonFinite
from immersion.engine.capture import CapturedTurn
from immersion.engine.checkpoint import WeightAverage, collect_tensors, restore_tensors
from immersion.engine.experiment import Experiment
from immersion.engine.loader import BatchOrder, load_batches, mirror_batches
from immersion.engine.non_finite import are_finite, explain
from immersion.engine.options import Options
from immersion.engine.turn import Terms, Turn
from immersion.random import reseed
from immersion.run_folder import add_prefix, select_prefix

CHANNELS_LAST: dict[str, Any] = {"memory_format": torch.channels_last}
"""An argument of `nn.Module.to` that its type stub lacks."""


class TrainingState:
    """An experiment on its device, with its optimizers and the order of its batches.

    Args:
        experiment: The model and its players.
        split: The training split.
        options: Seed, device, precision, batch size, number of steps.
    """

    def __init__(self, experiment: Experiment, split: Split, options: Options) -> None:
        self.options, self.device = options, options.resolve_device()
        self.steps = options.steps or 0
        # Convolutions are faster where a pixel's channels are adjacent in memory.
        self.model = experiment.model.to(self.device, **CHANNELS_LAST).train()
        self.players = experiment.players
        precision = options.resolve_precision(self.device)
        several = len(self.players) > 1
        simultaneous = experiment.updates == "simultaneous"
        groups = [self.players] if simultaneous else [(player,) for player in self.players]
        multiple = experiment.multiple
        self.turns = [
            Turn(players, self.model, precision, several, multiple) for players in groups
        ]
        decay = experiment.ema if options.ema is None else options.ema
        self.average = WeightAverage(self.model, decay, options.ema_from) if decay else None
        self.split, self.mirror = split.to(self.device), experiment.mirror
        device = self.device if split.resident else torch.device("cpu")
        size = options.resolve_batch_size(len(split), experiment.batch_size, multiple)
        self.order = BatchOrder(len(split), size, options.seed, device)
        self.batches_a_step = sum(turn.players[0].turns for turn in self.turns)
        self.captured: dict[str, CapturedTurn] = {}
        self.best: dict[str, Tensor] = {}

    @property
    def evaluation_model(self) -> nn.Module:
        """The model to evaluate: the average of the weights where one is kept."""
        return self.model if self.average is None else self.average.model

    def run_steps(self, first: int) -> Generator[dict[str, Tensor], None, None]:
        """Run the steps from `first` to the last, and yield the mean of every term after each.

        Raises:
            NonFinite: A loss is not finite. A captured turn on CUDA is not checked.
        """
        last, size = self.steps, self.batches_a_step
        numbers = range(first * size, last * size)
        batches = load_batches(self.split, self.order, numbers, self.options.seed, self.device)
        if self.mirror:
            batches = mirror_batches(batches, numbers, self.options.seed)
        for step in range(first, last):
            yield self._run_step(step, batches)

    def _run_step(
        self, step: int, batches: Iterator[tuple[Tensor, Tensor | None]]
    ) -> dict[str, Tensor]:
        means: dict[str, Tensor] = {}
        number = step * self.batches_a_step
        count = torch.full((), step, device=self.device)
        for turn in self.turns:
            turn.apply_schedules(step, self.steps)
            for _ in range(turn.players[0].turns):
                batch = Batch(*next(batches), count)
                reseed(self.options.seed, "train", number)
                terms = self._update(turn, batch, number)
                number += 1
            means |= flatten_terms(terms, len(self.players) > 1)
        if self.average is not None:
            self.average.update(step)
        return means

    def _update(self, turn: Turn, batch: Batch, number: int) -> Terms:
        if self.device.type == "cuda" and turn.capturable:
            if turn.name not in self.captured:
                self.captured[turn.name] = CapturedTurn(turn, batch)
            return self.captured[turn.name](batch)
        terms = turn.terms(batch)
        # Checked before the update, while the parameters are still finite. A captured turn cannot
        # be checked (and would wait for the device): there the logged means are checked.
        if not are_finite([of_player["loss"] for of_player in terms.values()]):
            self._raise_non_finite(turn, batch, number)
        return turn.update(terms)

    def _raise_non_finite(self, turn: Turn, batch: Batch, number: int) -> None:
        step = number // self.batches_a_step
        reseed(self.options.seed, "train", number)
        explanation = explain(turn, batch, self.order(number))
        raise NonFinite(f"step {step}, player '{turn.name}': {explanation}")

    def state_dict(self) -> dict[str, Tensor]:
        """Return every tensor that training needs to resume, by its name in a checkpoint.

        Raises:
            NonFinite: A tensor is not finite; the message names it.
        """
        tensors = collect_tensors(self.model, self.average, self.turns) | add_prefix(
            "best", self.best
        )
        for name, tensor in tensors.items():
            if not are_finite([tensor]):
                raise NonFinite(f"tensor '{name}' is not finite")
        return tensors

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Load the tensors of a checkpoint."""
        restore_tensors(tensors, self.model, self.average, self.turns)
        # The best weights are of no use to a run that no longer keeps them.
        self.best = select_prefix(tensors, "best") if self.options.keeps_best else {}

    def store_best(self) -> None:
        """Store a copy of the evaluated weights as the best so far."""
        self.best = {
            name: t.detach().clone() for name, t in self.evaluation_model.state_dict().items()
        }


def flatten_terms(terms: Terms, several: bool) -> dict[str, Tensor]:
    """Return the terms of all players in one dict, under `player/term` if there are several."""
    return {
        f"{player}/{name}" if several else name: value
        for player, of_player in terms.items()
        for name, value in of_player.items()
    }
