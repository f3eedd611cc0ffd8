"""Options of the training loop, which do not depend on the model."""

from dataclasses import dataclass
from typing import Literal

import torch

from immersion.check import UserError, check_at_least, check_choice
from immersion.precision import resolve_device, resolve_precision


@dataclass(frozen=True)
class Options:
    """Settings of the training loop.

    Args:
        steps: Total steps of the game; a larger number resumes a finished run.
        batch_size: Examples a step; by default the model's usual number (200 for a VAE, 64 for a
            GAN of images), or all if there are fewer.
        seed: Seed of all random numbers, of the data order and of the initialization.
        device: auto (CUDA if there is a device), cpu or cuda.
        precision: auto (bfloat16 networks if the processor has it natively), bfloat16 or
            float32. Likelihoods and KL are always in float32.
        ema: Decay of the exponential moving average of the weights, such as 0.999; 0 keeps none;
            by default the model's usual decay. The average is evaluated and sampled from.
        ema_from: Step after which weights are averaged; 0 averages from the first. The average
            is their plain mean until it spans as many steps as the decay, 1 / (1 - ema). Means
            over a third of the steps or more suit games whose players do not converge.
        validate_every: Steps between validation passes; 0 never validates.
        patience: Validation passes without a better loss after which training stops and keeps the
            weights of the best pass; 0 never stops early. For a single player only.
        log_every: Steps averaged into one line of the metrics.
        checkpoint_seconds: Seconds between checkpoints; the last step always writes one.
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
        """Validate."""
        check_choice("device", self.device, ("auto", "cpu", "cuda"))
        check_choice("precision", self.precision, ("auto", "bfloat16", "float32"))
        check_at_least(1, steps=self.steps, log_every=self.log_every)
        if self.batch_size is not None:
            check_at_least(1, batch_size=self.batch_size)
        check_at_least(0, checkpoint_seconds=self.checkpoint_seconds)
        check_at_least(0, validate_every=self.validate_every, patience=self.patience)
        if self.ema is not None and not 0 <= self.ema < 1:
            raise UserError("the decay must be below one", "--ema from 0 to 0.99999", self.ema)
        check_at_least(0, ema_from=self.ema_from)
        if self.ema_from and not self.ema:
            raise UserError("--ema-from needs an average of the weights", remedy="pass --ema too")
        if self.patience and not self.validate_every:
            remedy = "pass --validate-every too"
            raise UserError("early stopping needs validation passes", remedy=remedy)

    def check_players(self, count: int) -> None:
        """Raise UserError if early stopping is set in a game of several players."""
        if self.patience and count > 1:
            raise UserError(
                "a game of several players cannot stop early: one player's loss falls where "
                "another's rises, and neither measures how good the model is",
                "--patience 0",
                f"--patience {self.patience}",
                "leave --patience out, and give --steps",
            )

    def resolve_batch_size(self, length: int, usual: int, multiple: int = 1) -> int:
        """Return the number of examples a step, of `length` training examples in all.

        Args:
            length: Training examples.
            usual: Default batch size; `Experiment.batch_size`.
            multiple: Divisor of the batch size; `Experiment.multiple`.

        Raises:
            UserError: The batch size is larger than the data, or not divisible.
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
