"""Options of the training loop, which do not depend on the model."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, Self, get_args, get_type_hints

import torch

from immersion.argument_types import convert_settings
from immersion.check import UserError, check_at_least, check_choice
from immersion.precision import parse_device, resolve_device, resolve_precision


@dataclass(frozen=True)
class Options:
    """Settings of the training loop.

    Args:
        steps: Training steps in all; a larger number resumes a finished run. By default as many
            epochs as make a useful model, but no more steps than fit into five minutes in all on
            this machine; the number is recorded, so that the same command resumes the same run.
        minutes: Minutes for the whole command, in place of `steps`: the learning rate's decay, the
            average and all warm-ups are fitted to the steps that this machine makes in that time.
            On resuming, other minutes plan the rest of the run again.
        batch_size: Examples a step; by default the model's usual number (200 for a VAE, 64 for a
            GAN of images), or all if there are fewer.
        seed: Seed of all random numbers, of the data order and of the initialization.
        device: auto (CUDA if there is a device), cpu, cuda, cuda:1, mps, or any other of PyTorch.
        precision: auto (bfloat16 networks if the processor has it natively), bfloat16 or
            float32. Likelihoods and KL are always in float32.
        ema: Decay of the exponential moving average of the weights, such as 0.999; 0 keeps none;
            by default the model's usual decay. The average is evaluated and sampled from.
        ema_from: Step after which weights are averaged; 0 averages from the first. The average
            is their plain mean until it spans as many steps as the decay, 1 / (1 - ema). Means
            over a third of the steps or more suit adversarial training that does not converge.
        validate_every: Steps between validation passes; 0 never validates; by default about one
            epoch, and at most a hundred passes.
        patience: Validation passes without a better loss after which training stops and keeps the
            weights of the best pass; 0 never stops early. Not for adversarial training; by
            default 10 if there are fewer than 20,000 training examples and `steps` is left out.
        log_every: Steps averaged into one line of the metrics.
        checkpoint_seconds: Seconds between checkpoints; the last step always writes one.
        keep_weights: last, the weights of the last step, or of the best validation pass with a
            patience; best, those of the best validation pass in any case; or a number of steps
            after which a snapshot of the evaluated weights is kept as well, at most 100 of them.
        draw_every: Steps between drawings of the same samples, reconstructions or outputs, which
            become a film at the end; 0 for none.
        track: Tracker that the metrics are logged to as well: tensorboard, wandb, mlflow, trackio,
            or none. Its own environment variables say where, and whether it uses the network.
    """

    steps: int | None = None
    batch_size: int | None = None
    seed: int = 0
    device: str = "auto"
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    ema: float | None = None
    ema_from: int = 0
    validate_every: int | None = None
    patience: int | None = None
    log_every: int = 100
    checkpoint_seconds: float = 60.0
    minutes: float | None = None
    keep_weights: int | Literal["last", "best"] = "last"
    draw_every: int = 0
    track: Literal["none", "tensorboard", "wandb", "mlflow", "trackio"] = "none"

    def __post_init__(self) -> None:
        """Validate."""
        for name, value in convert_settings(vars(self), _read_hints()).items():
            object.__setattr__(self, name, value)
        parse_device(self.device)
        check_choice("precision", self.precision, ("auto", "bfloat16", "float32"))
        for name in ("steps", "batch_size", "log_every"):
            if (value := getattr(self, name)) is not None:
                check_at_least(1, **{name: value})
        for name in ("checkpoint_seconds", "validate_every", "patience", "ema_from"):
            if (value := getattr(self, name)) is not None:
                check_at_least(0, **{name: value})
        if isinstance(self.keep_weights, str):
            check_choice(
                "weights to keep", self.keep_weights, ("last", "best", "a number of steps")
            )
        else:
            check_at_least(1, keep_weights=self.keep_weights)
        check_at_least(0, draw_every=self.draw_every)
        check_choice("tracker", self.track, get_args(_read_hints()["track"]))
        if self.steps is not None and self.minutes is not None:
            raise UserError(
                "the length of a training is given twice",
                "--steps or --minutes",
                f"--steps {self.steps} --minutes {self.minutes:g}",
                "leave one of them out",
            )
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise UserError("there is no time to train", "--minutes above 0", self.minutes)
        if self.ema is not None and not 0 <= self.ema < 1:
            raise UserError("the decay must be below one", "--ema from 0 to 0.99999", self.ema)
        if self.ema_from and not self.ema:
            raise UserError("--ema-from needs an average of the weights", remedy="pass --ema too")
        if self.keeps_best and self.validate_every == 0:
            what = "early stopping needs" if self.patience else "the best weights are those of"
            remedy = "pass another --validate-every, or leave it out"
            raise UserError(f"{what} validation passes", remedy=remedy)

    @property
    def keeps_best(self) -> bool:
        """Return whether the weights of the best validation pass are kept."""
        return bool(self.patience) or self.keep_weights == "best"

    def adopt(self, recorded: Mapping[str, Any], minutes: float | None = None) -> Self:
        """Return the options with the recorded numbers of a run in place of those left out.

        The recorded steps are kept, unless there are others or other minutes.

        Args:
            recorded: The options in the record of the run.
            minutes: The minutes for which it was planned, or None.

        Example:
            >>> Options(minutes=5.0).adopt({"steps": 700, "patience": 10}, minutes=5.0).steps
            700
        """
        names = ("batch_size", "validate_every", "patience")
        changes: dict[str, Any] = {n: recorded.get(n) for n in names if getattr(self, n) is None}
        if self.steps is None and self.minutes in (None, minutes):
            changes |= {"steps": recorded["steps"], "minutes": None}
        return replace(self, **changes)

    def limit_average(self, most: int) -> Self:
        """Return the options with at most `most` steps left out of the average."""
        return replace(self, ema_from=min(self.ema_from, most))

    def check_players(self, count: int) -> None:
        """Raise UserError if the best weights are to be kept in a game of several players."""
        if self.keeps_best and count > 1:
            flag = f"--patience {self.patience}" if self.patience else "--keep-weights best"
            what = "stop early" if self.patience else "tell which weights are best"
            raise UserError(
                f"a game of several players cannot {what}: one player's loss falls where "
                "another's rises, and neither measures how good the model is",
                "--patience 0" if self.patience else "--keep-weights with a number of steps",
                flag,
                f"leave {flag.split()[0]} out" + (", and give --steps" if self.patience else ""),
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


@cache
def _read_hints() -> dict[str, Any]:
    return get_type_hints(Options)
