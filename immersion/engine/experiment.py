"""An experiment: a model and its players, each with parameters, an objective and an optimizer."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from immersion.batch import Batch, Split
from immersion.check import UserError, check_at_least, check_below_one, check_choice
from immersion.spec import Binarize

Objective = Callable[[Any, Batch], dict[str, Tensor]]
"""(model, batch) -> named terms, each (B,), unreduced; `loss` is minimised."""


@dataclass(frozen=True)
class OptimizerSettings:
    """Optimizer of a player, its schedules and its limits.

    Args:
        optimizer: adam, adagrad (as in the VAE paper) or sgd (with momentum).
        learning_rate: Largest learning rate.
        schedule: linear or cosine decay to 0 at the last step, exponential, or constant. A run
            with more steps than before follows the longer schedule from its current step.
        decay: Factor by which an exponential schedule divides the learning rate after each step.
        learning_rate_warmup: Steps over which the learning rate rises linearly from 0.
        momentum: Momentum of sgd, or adam's decay of the first moment (beta1).
        final_momentum: Momentum of sgd after `momentum_steps`.
        momentum_steps: Steps over which the momentum of sgd changes linearly from `momentum` to
            `final_momentum`; 0 keeps it constant.
        beta2: Adam's decay of the second moment.
        clip: Largest norm of the gradient; 0 does not clip.
        max_norm: Largest norm of the incoming weights of a unit, to which they are scaled back
            after each update; 0 sets no limit.
    """

    optimizer: Literal["adam", "adagrad", "sgd"] = "adam"
    learning_rate: float = 1e-3
    schedule: Literal["constant", "linear", "cosine", "exponential"] = "linear"
    decay: float = 1.0
    learning_rate_warmup: int = 0
    momentum: float = 0.9
    final_momentum: float = 0.9
    momentum_steps: int = 0
    beta2: float = 0.999
    clip: float = 0.0
    max_norm: float = 0.0

    def __post_init__(self) -> None:
        """Validate."""
        check_choice("optimizer", self.optimizer, ("adam", "adagrad", "sgd"))
        check_choice("schedule", self.schedule, ("constant", "linear", "cosine", "exponential"))
        check_at_least(0, learning_rate=self.learning_rate, clip=self.clip, max_norm=self.max_norm)
        check_at_least(
            0, momentum=self.momentum, final_momentum=self.final_momentum, beta2=self.beta2
        )
        check_at_least(0, learning_rate_warmup=self.learning_rate_warmup)
        check_at_least(0, momentum_steps=self.momentum_steps)
        check_at_least(1, decay=self.decay)
        if self.momentum_steps and self.optimizer != "sgd":
            raise UserError(
                "only sgd has a momentum schedule",
                "--optimizer sgd",
                self.optimizer,
                "leave --momentum-steps out",
            )
        check_below_one(
            momentum=self.momentum, final_momentum=self.final_momentum, beta2=self.beta2
        )

    def build(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimizer, fused where the device has a fused kernel."""
        device = parameters[0].device.type
        captured = device == "cuda" and self.capturable
        fused = device in ("cpu", "cuda")
        # A CUDA graph reads the learning rate from a tensor, which must stay the same tensor.
        rate = self.learning_rate
        lr = torch.tensor(rate, device=device) if captured else rate
        if self.optimizer == "adam":
            betas = (self.momentum, self.beta2)
            return torch.optim.Adam(parameters, lr, betas, fused=fused, capturable=captured)
        if self.optimizer == "adagrad":
            return torch.optim.Adagrad(parameters, lr=lr, fused=device == "cpu")
        return torch.optim.SGD(parameters, lr=lr, momentum=self.momentum, fused=fused)

    @property
    def capturable(self) -> bool:
        """Return whether a CUDA graph can record the optimizer's step."""
        # A graph replays the momentum of its recording.
        return self.optimizer != "adagrad" and not self.momentum_steps

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Return the learning rate of step `step` (from 0) of `steps`.

        Example:
            >>> decay = OptimizerSettings(learning_rate=1.0, learning_rate_warmup=2)
            >>> [decay.learning_rate_at(step, 8) for step in (0, 1, 4, 7)]
            [0.5, 0.875, 0.5, 0.125]
        """
        left = max(0.0, 1 - step / steps)
        shape = {
            "constant": 1.0,
            "linear": left,
            "cosine": 0.5 - 0.5 * math.cos(math.pi * left),
            "exponential": self.decay**-step,
        }[self.schedule]
        warmup = self.learning_rate_warmup
        return self.learning_rate * min(shape, (step + 1) / warmup if warmup else 1.0)

    def momentum_at(self, step: int) -> float:
        """Return the momentum of sgd at step `step` (from 0).

        Example:
            >>> ramp = OptimizerSettings(
            ...     "sgd", momentum=0.5, final_momentum=0.7, momentum_steps=100
            ... )
            >>> [round(ramp.momentum_at(step), 3) for step in (0, 50, 100, 1000)]
            [0.5, 0.6, 0.7, 0.7]
        """
        if not self.momentum_steps:
            return self.momentum
        fraction = min(1.0, step / self.momentum_steps)
        return self.momentum + fraction * (self.final_momentum - self.momentum)


@dataclass(frozen=True)
class Player:
    """One side of the game.

    Args:
        name: Name in logs if a game has several players.
        parameters: Parameters that the player updates; no two players share one.
        objective: Objective that the player minimises.
        optimizer: Settings of the player's optimizer.
        turns: Updates in one step of the game, each on another batch (the k of
            Goodfellow et al. 2014, algorithm 1, https://arxiv.org/abs/1406.2661).
    """

    name: str
    parameters: list[nn.Parameter]
    objective: Objective
    optimizer: OptimizerSettings = OptimizerSettings()
    turns: int = 1


@dataclass(frozen=True)
class Experiment:
    """A model, and the players whose game trains it.

    Args:
        model: Model with every player's parameters, saved in the run folder.
        players: Players in the order of their updates. Validation passes evaluate the first
            one's objective; its loss decides early stopping if it is the only one.
        binarize: Method of making the data binary: none, dynamic, static or threshold.
        check: Raises a `UserError` if the model does not support the examples.
        updates: alternating, each player's gradient is taken after the updates before it; or
            simultaneous, all gradients are taken at the same parameters and on the same batch.
        begin: Function called with the training split before the first step, to initialize the
            model from the data, such as an output's bias.
        batch_size: Default number of examples a step, or all if there are fewer.
        multiple: Divisor of the batch size: number of examples that are processed together.
        ema: Default decay of the average of the weights; 0 keeps none.
        mirror: Whether to mirror each image horizontally with probability 1/2 in training.
    """

    model: nn.Module
    players: tuple[Player, ...]
    binarize: Binarize = "none"
    check: Callable[[Tensor], None] = lambda x: None
    updates: Literal["alternating", "simultaneous"] = "alternating"
    begin: Callable[[Split], None] = lambda split: None
    batch_size: int = 200
    multiple: int = 1
    ema: float = 0.0
    mirror: bool = False

    def __post_init__(self) -> None:
        """Validate."""
        check_choice("order of updates", self.updates, ("alternating", "simultaneous"))
        if self.updates == "simultaneous" and any(player.turns > 1 for player in self.players):
            raise UserError(
                "simultaneous updates give each player one update a step",
                "alternating updates for several",
                ", ".join(f"{player.turns} of the {player.name}" for player in self.players),
            )
