"""Explain a loss that is not finite: the term, the tensor and the examples."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from immersion.batch import Batch
from immersion.engine.turn import Turn


def are_finite(tensors: Iterable[Tensor]) -> bool:
    """Return whether every value of every floating-point tensor is finite."""
    return all(bool(t.isfinite().all()) for t in tensors if t.is_floating_point())


def explain(turn: Turn, batch: Batch, indices: Tensor) -> str:
    """Return one sentence that names the term, the tensor and the examples of a non-finite loss.

    The turn's forward pass is repeated with a hook on every module's output. The sentence names
    the first tensor that is not finite: the data, then a parameter, then an output.

    Args:
        turn: The turn whose loss was not finite.
        batch: The batch of the turn.
        indices: Indices of the examples in the training split, (B,).
    """
    with torch.no_grad(), _Watch(turn.model) as watch:
        terms = {name: t for own in turn.terms(batch).values() for name, t in own.items()}
    broken = {name: ~term.isfinite() for name, term in terms.items() if not are_finite([term])}
    if not broken:
        return "the loss was not finite, but is finite when the step is repeated"
    # `loss` follows from the other terms, so it is named only if all of them are finite.
    name = next((name for name in broken if name != "loss"), "loss")
    examples = indices.cpu()[broken[name].cpu()][:5].tolist()
    return (
        f"term '{name}' is not finite for {int(broken[name].sum())} of {len(indices)} examples "
        f"(training examples {', '.join(map(str, examples))}); first non-finite tensor: "
        f"{_name_first(turn.model, batch, watch)}"
    )


def _name_first(model: nn.Module, batch: Batch, watch: "_Watch") -> str:
    if not are_finite([batch.x]):
        return "the data"
    for name, parameter in model.named_parameters():
        if not are_finite([parameter]):
            return f"parameter '{name}'"
    return watch.first or "the distribution made from finite network outputs"


class _Watch:
    """Records the first module, in execution order, whose output is not finite."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.first = model, ""

    def __enter__(self) -> "_Watch":
        self.hooks = [
            module.register_forward_hook(self._make_hook(name))
            for name, module in self.model.named_modules()
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def _make_hook(self, name: str) -> Callable[[nn.Module, object, object], None]:
        def check(module: nn.Module, inputs: object, output: object) -> None:
            if not self.first and isinstance(output, Tensor) and not are_finite([output]):
                self.first = f"output of '{name}' ({type(module).__name__})"

        return check
