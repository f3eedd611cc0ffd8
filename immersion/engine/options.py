"""How long, how fast and how carefully to train: what is no matter of the model."""

from dataclasses import dataclass
from typing import Literal

import torch

from immersion.check import UserError, check_at_least, check_choice
from immersion.precision import resolve_device, resolve_precision


@dataclass(frozen=True)
class Options:
    """Settings of the training loop.

    Args:
        steps: Steps of the game in all; a larger number lets a finished run go on.
        batch_size: Examples a step; by default what is usual for the model (200 for a VAE, 64
            for a GAN of images), or all where there are fewer.
        seed: Seed of every draw, of the data order and of the first parameters.
        device: auto (CUDA where there is one), cpu or cuda.
        precision: auto (bfloat16 networks where the processor has it natively), bfloat16 or
            float32. Likelihoods and KL are in float32 either way.
        ema: Decay of the exponential moving average of the weights, such as 0.999; 0 keeps none;
            by default what is usual for the model. The average is what is evaluated and drawn
            from.
        ema_from: Step after which weights are averaged, if not from the first on: the average is
            their plain mean until that is as wide as the decay's, 1 / (1 - ema) steps. Wide
            means, of a third of a training or more, suit games whose players never rest.
        validate_every: Steps between looks at the validation split; 0 never looks.
        patience: Looks without a better validation loss after which training stops, to keep the
            weights of the best look; 0 never stops early. For one player alone.
        log_every: Steps averaged into one line of the metrics.
        checkpoint_seconds: Seconds between checkpoints; one is always written at the end.
    """

    steps: int = 20_000
    batch_size: int | None = None
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    ema: float | None = None
    ema_from: int = 0
    validate_every: int = 1000
    patience: int = 0
    log_every: int = 100
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        """Refuse words and numbers that mean nothing."""
        check_choice("device", self.device, ("auto", "cpu", "cuda"))
        check_choice("precision", self.precision, ("auto", "bfloat16", "float32"))
        check_at_least(1, steps=self.steps, log_every=self.log_every)
        if self.batch_size is not None:
            check_at_least(1, batch_size=self.batch_size)
        check_at_least(0, checkpoint_seconds=self.checkpoint_seconds)
        check_at_least(0, validate_every=self.validate_every, patience=self.patience)
        if self.ema is not None and not 0 <= self.ema < 1:
            raise UserError("a decay lies below one", "--ema from 0 to 0.99999", self.ema)
        check_at_least(0, ema_from=self.ema_from)
        if self.ema_from and not self.ema:
            raise UserError("there is no average to begin later", remedy="pass --ema too")
        if self.patience and not self.validate_every:
            remedy = "pass --validate-every too"
            raise UserError("early stopping looks at the validation split", remedy=remedy)

    def check_players(self, count: int) -> None:
        """Refuse early stopping in a game of several players.

        Raises:
            UserError: `patience` is set and there is more than one player.
        """
        if self.patience and count > 1:
            raise UserError(
                "a game of several players cannot stop early: one player's loss falls where "
                "another's rises, and neither says how good the model is",
                "--patience 0",
                f"--patience {self.patience}",
                "leave --patience out, and give --steps",
            )

    def resolve_batch_size(self, length: int, usual: int, multiple: int = 1) -> int:
        """Return the number of examples a step, of `length` training examples in all.

        Args:
            length: Training examples.
            usual: The number where none is asked for; `Experiment.batch_size`.
            multiple: What it must be divisible by; `Experiment.multiple`.

        Raises:
            UserError: It is larger than the data, or not divisible.
        """
        size = min(usual, length) if self.batch_size is None else self.batch_size
        if self.batch_size is None:
            size = max(size // multiple, 1) * multiple
        if size % multiple:
            raise UserError(
                "the batch cannot be divided into packs",
                f"a batch size that {multiple} divides",
                size,
                f"pass --batch-size {(size // multiple + 1) * multiple}",
            )
        if size > length:
            raise UserError(
                "the batch is larger than the data",
                f"at most {length} training examples",
                f"a batch of {size}",
                f"pass --batch-size {length} or less",
            )
        return size

    def resolve_device(self) -> torch.device:
        """Return the device to train on.

        Raises:
            UserError: CUDA is requested and there is none.
        """
        return resolve_device(self.device)

    def resolve_precision(self, device: torch.device) -> torch.dtype:
        """Return the precision of the networks on a device."""
        return resolve_precision(self.precision, device)
