"""The contract of objectives, checked at the first step rather than after a thousand."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from immersion.check import UserError

RESERVED = ("step", "split", "seconds", "examples_per_second")
"""Columns of the metrics that are no terms."""


def check_terms(player: str, terms: Any, examples: int, multiple: int = 1) -> None:
    """Raise UserError unless an objective returned named terms, one number per example each.

    Args:
        player: Name of the player whose objective it is.
        terms: The value of the objective.
        examples: B, the batch size.
        multiple: Number of examples that are processed together and share one number.

    Example:
        >>> import torch
        >>> check_terms("model", {"loss": torch.zeros(())}, examples=8)
        Traceback (most recent call last):
        ...
        immersion.check.UserError: the term 'loss' of the objective of player 'model' is not one \
number per example: expected shape (8,), received (); return it without a mean over the batch.
    """
    objective = f"the objective of player '{player}'"
    if not isinstance(terms, Mapping):
        raise UserError(
            f"{objective} does not return named terms",
            "a dict of tensors of shape (B,), one of them 'loss'",
            f"a {type(terms).__name__}",
        )
    if "loss" not in terms:
        received = ", ".join(map(str, terms)) or "no term"
        raise UserError(f"{objective} has no loss to minimise", "a term 'loss'", received)
    taken = [str(name) for name in terms if name in RESERVED or "/" in str(name)]
    if taken:
        expected = f"no slash, and none of {', '.join(RESERVED)}"
        what, received = f"a term's name of {objective} is reserved", ", ".join(taken)
        raise UserError(what, expected, received, "rename it")
    shapes = {(examples,), (examples // multiple,)}
    for name, term in terms.items():
        if not isinstance(term, Tensor) or tuple(term.shape) not in shapes:
            raise UserError(
                f"the term '{name}' of {objective} is not one number per example",
                f"shape ({examples},)",
                tuple(term.shape) if isinstance(term, Tensor) else type(term).__name__,
                "return it without a mean over the batch",
            )
    if not terms["loss"].requires_grad:
        raise UserError(
            f"the loss of player '{player}' does not depend on parameters that are trained",
            remedy="compute it from the model's outputs, without no_grad and detach",
        )
