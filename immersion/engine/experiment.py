"""What is trained: players, each with parameters of its own, an objective and an optimiser."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from immersion.batch import Batch
from immersion.check import at_least

Objective = Callable[[Any, Batch], dict[str, Tensor]]
"""(model, batch) -> named terms, each (B,), unreduced; `loss` is minimised."""


@dataclass(frozen=True)
class Optimiser:
    """How a player moves.

    Args:
        optimiser: adam, adagrad (the VAE paper's) or sgd (with momentum).
        learning_rate: Largest step size.
        schedule: linear or cosine decay to 0 at the last step, or constant. A run that is told to
            run longer follows the longer schedule from where it stands.
        learning_rate_warmup: Steps over which the learning rate rises linearly from 0.
        momentum: Momentum of sgd.
        clip: Largest norm of the player's whole gradient; 0 does not clip.
    """

    optimiser: Literal["adam", "adagrad", "sgd"] = "adam"
    learning_rate: float = 1e-3
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    learning_rate_warmup: int = 0
    momentum: float = 0.9
    clip: float = 0.0

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        at_least(0, learning_rate=self.learning_rate, clip=self.clip, momentum=self.momentum)
        at_least(0, learning_rate_warmup=self.learning_rate_warmup)

    def build(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimiser; one kernel updates all tensors where the device has such."""
        device = parameters[0].device.type
        captured = device == "cuda" and self.capturable
        fused = device in ("cpu", "cuda")
        # A captured CUDA graph reads the learning rate from a tensor that it cannot replace.
        rate = self.learning_rate
        lr = torch.tensor(rate, device=device) if captured else rate
        if self.optimiser == "adam":
            return torch.optim.Adam(parameters, lr=lr, fused=fused, capturable=captured)
        if self.optimiser == "adagrad":
            return torch.optim.Adagrad(parameters, lr=lr, fused=device == "cpu")
        return torch.optim.SGD(parameters, lr=lr, momentum=self.momentum, fused=fused)

    @property
    def capturable(self) -> bool:
        """Return whether PyTorch can put the optimiser's step into a CUDA graph."""
        return self.optimiser != "adagrad"

    def rate(self, step: int, steps: int) -> float:
        """Return the learning rate of step `step` (from 0) of `steps`.

        Example:
            >>> decay = Optimiser(learning_rate=1.0, schedule="linear", learning_rate_warmup=2)
            >>> [decay.rate(step, 8) for step in (0, 1, 4, 7)]
            [0.5, 0.875, 0.5, 0.125]
        """
        left = max(0.0, 1 - step / steps)
        shape = {
            "constant": 1.0,
            "linear": left,
            "cosine": 0.5 - 0.5 * math.cos(math.pi * left),
        }[self.schedule]
        warmup = self.learning_rate_warmup
        return self.learning_rate * min(shape, (step + 1) / warmup if warmup else 1.0)


@dataclass(frozen=True)
class Player:
    """One side of the game.

    Args:
        name: Shown in logs where a game has several players.
        parameters: What this player moves; no two players share a parameter.
        objective: What it minimises.
        optimiser: How it moves.
        turns: Steps it makes in one step of the game, each on a batch of its own (the k of
            Goodfellow et al. 2014, algorithm 1, https://arxiv.org/abs/1406.2661).
    """

    name: str
    parameters: list[nn.Parameter]
    objective: Objective
    optimiser: Optimiser = Optimiser()
    turns: int = 1


@dataclass(frozen=True)
class Experiment:
    """A model, and the players whose game trains it.

    Args:
        model: Holds every player's parameters; what the run folder keeps.
        players: In the order in which they move. The first one's loss on the validation split
            decides early stopping.
        binarize: How the data are made binary before they are used: none, dynamic, static or
            threshold.
        check: Raises a `UserError` where examples are not what the model is for.
    """

    model: nn.Module
    players: tuple[Player, ...]
    binarize: str = "none"
    check: Callable[[Tensor], None] = lambda x: None
