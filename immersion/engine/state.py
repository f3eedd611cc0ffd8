"""The players at the board: one step of the game, and everything that a checkpoint must hold."""

from collections.abc import Iterator

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


class TrainingState:
    """An experiment on its device, with optimizers and the order of its batches.

    Args:
        experiment: The model and its players.
        split: The training split.
        options: Seed, device, precision, batch size, number of steps.
    """

    def __init__(self, experiment: Experiment, split: Split, options: Options) -> None:
        self.options, self.device = options, options.resolve_device()
        # Convolutions are faster where a pixel's channels lie side by side.
        self.model = experiment.model.to(self.device, memory_format=torch.channels_last).train()
        self.players = experiment.players
        precision = options.resolve_precision(self.device)
        several = len(self.players) > 1
        simultaneous = experiment.updates == "simultaneous"
        together = [self.players] if simultaneous else [(player,) for player in self.players]
        self.turns = [Turn(players, self.model, precision, several) for players in together]
        decay = experiment.ema if options.ema is None else options.ema
        self.average = WeightAverage(self.model, decay, options.ema_from) if decay else None
        self.split, self.mirror = split.to(self.device), experiment.mirror
        where = self.device if split.resident else torch.device("cpu")
        size = options.resolve_batch_size(len(split), experiment.batch_size, experiment.multiple)
        self.order = BatchOrder(len(split), size, options.seed, where)
        self.batches_a_step = sum(turn.players[0].turns for turn in self.turns)
        self.captured: dict[str, CapturedTurn] = {}
        self.best: dict[str, Tensor] = {}

    @property
    def evaluation_model(self) -> nn.Module:
        """Return the model to evaluate: the averaged one where an average is kept."""
        return self.model if self.average is None else self.average.model

    def steps(self, first: int) -> Iterator[dict[str, Tensor]]:
        """Play step `first` and on to the last, yielding the mean of every term after each.

        Raises:
            NonFinite: A loss is not finite. On CUDA this is looked at when the caller reads it.
        """
        last, size = self.options.steps, self.batches_a_step
        numbers = range(first * size, last * size)
        batches = load_batches(self.split, self.order, numbers, self.options.seed, self.device)
        if self.mirror:
            batches = mirror_batches(batches, numbers, self.options.seed)
        for step in range(first, last):
            yield self._step(step, batches)

    def _step(
        self, step: int, batches: Iterator[tuple[Tensor, Tensor | None]]
    ) -> dict[str, Tensor]:
        means: dict[str, Tensor] = {}
        number = step * self.batches_a_step
        count = torch.full((), step, device=self.device)
        for turn in self.turns:
            turn.apply_schedules(step, self.options.steps)
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
        # Looked at before the move, while the parameters are still good. A captured turn cannot
        # look (and looking would wait for the device): there the averages are looked at.
        if not are_finite([own["loss"] for own in terms.values()]):
            self._stop(turn, batch, number)
        return turn.update(terms)

    def _stop(self, turn: Turn, batch: Batch, number: int) -> None:
        step = number // self.batches_a_step
        reseed(self.options.seed, "train", number)
        where = explain(turn, batch, self.order(number))
        raise NonFinite(f"step {step}, player '{turn.name}': {where}")

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor that training needs to go on.

        Raises:
            NonFinite: One of them is not finite, named.
        """
        tensors = collect_tensors(self.model, self.average, self.turns) | add_prefix(
            "best", self.best
        )
        for name, tensor in tensors.items():
            if not are_finite([tensor]):
                raise NonFinite(f"tensor '{name}' is not finite")
        return tensors

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put the tensors of a checkpoint back."""
        restore_tensors(tensors, self.model, self.average, self.turns)
        # A best of looks that are no longer asked for must not outlive them.
        self.best = select_prefix(tensors, "best") if self.options.patience else {}

    def store_best(self) -> None:
        """Note the judged weights as the best so far."""
        self.best = {
            name: t.detach().clone() for name, t in self.evaluation_model.state_dict().items()
        }


def flatten_terms(terms: Terms, several: bool) -> dict[str, Tensor]:
    """Return the terms of all players in one row, under `player/term` where there are several."""
    return {
        f"{player}/{name}" if several else name: value
        for player, own in terms.items()
        for name, value in own.items()
    }
