"""What is trained: players, each with parameters of its own, an objective and an optimizer."""

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
    """How a player moves.

    Args:
        optimizer: adam, adagrad (the VAE paper's) or sgd (with momentum).
        learning_rate: Largest step size.
        schedule: linear or cosine decay to 0 at the last step, exponential, or constant. A run
            that is told to run longer follows the longer schedule from where it stands.
        decay: What an exponential schedule divides the learning rate by after each step.
        learning_rate_warmup: Steps over which the learning rate rises linearly from 0.
        momentum: Momentum of sgd, and adam's decay of the first moment (its beta1).
        final_momentum: Momentum of sgd after `momentum_steps`.
        momentum_steps: Steps over which the momentum of sgd goes linearly from `momentum` to
            `final_momentum`; 0 leaves it where it is.
        beta2: Adam's decay of the second moment.
        clip: Largest norm of the player's whole gradient; 0 does not clip.
        max_norm: Largest norm of the weights that come into one unit, to which they are scaled
            back after each move; 0 leaves them free.
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
        """Refuse words and numbers that mean nothing."""
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
                "the momentum of sgd alone rises",
                "--optimizer sgd",
                self.optimizer,
                "leave --momentum-steps out",
            )
        check_below_one(
            momentum=self.momentum, final_momentum=self.final_momentum, beta2=self.beta2
        )

    def build(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimizer; one kernel updates all tensors where the device has such."""
        device = parameters[0].device.type
        captured = device == "cuda" and self.capturable
        fused = device in ("cpu", "cuda")
        # A captured CUDA graph reads the learning rate from a tensor that it cannot replace.
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
        """Return whether PyTorch can put the optimizer's step into a CUDA graph."""
        # A graph replays the momentum that it was recorded with.
        return self.optimizer != "adagrad" and not self.momentum_steps

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of step `step` (from 0) of `steps`.

        Example:
            >>> decay = OptimizerSettings(learning_rate=1.0, learning_rate_warmup=2)
            >>> [decay.rate(step, 8) for step in (0, 1, 4, 7)]
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
        way = min(1.0, step / self.momentum_steps)
        return self.momentum + way * (self.final_momentum - self.momentum)


@dataclass(frozen=True)
class Player:
    """One side of the game.

    Args:
        name: Shown in logs where a game has several players.
        parameters: What this player moves; no two players share a parameter.
        objective: What it minimises.
        optimizer: How it moves.
        turns: Steps it makes in one step of the game, each on a batch of its own (the k of
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
        model: Holds every player's parameters; what the run folder keeps.
        players: In the order in which they move. The first one's terms are looked at on the
            validation split; its loss decides early stopping where it is alone.
        binarize: How the data are made binary before they are used: none, dynamic, static or
            threshold.
        check: Raises a `UserError` where examples are not what the model is for.
        updates: alternating, each player's gradient taken where the moves before it have led; or
            simultaneous, all gradients taken at the same parameters and on the same batch.
        begin: Given the training split before the first step of all, to set what a model takes
            from the data, such as an output's bias.
        batch_size: Examples a step where none is asked for, or all where there are fewer.
        multiple: What a batch size must be divisible by: examples that are seen together.
        ema: Decay of the average of the weights where none is asked for; 0 keeps none.
        mirror: Whether images are trained on with left and right turned round half of the time.
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
        """Refuse what means nothing, or contradicts itself."""
        check_choice("order of updates", self.updates, ("alternating", "simultaneous"))
        if self.updates == "simultaneous" and any(player.turns > 1 for player in self.players):
            raise UserError(
                "simultaneous updates give each player one move a step",
                "alternating updates for several",
                ", ".join(f"{player.turns} of the {player.name}" for player in self.players),
            )
