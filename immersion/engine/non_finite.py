"""A loss that is not finite is explained: which term, which tensor, which batch."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from immersion.batch import Batch
from immersion.engine.turn import Turn


def are_finite(tensors: Iterable[Tensor]) -> bool:
    """Return whether every value of every floating-point tensor is finite."""
    return all(bool(t.isfinite().all()) for t in tensors if t.is_floating_point())


def explain(turn: Turn, batch: Batch, indices: Tensor) -> str:
    """Return one sentence that names the term, the tensor and the examples.

    The turn's forward pass is made once more, watching every module's output; the first tensor
    that is not finite is the one named: the data, then a parameter, then an output.

    Args:
        turn: The turn whose loss was not finite.
        batch: Its batch.
        indices: The examples' places in the training split, (B,).
    """
    with torch.no_grad(), _Watch(turn.model) as watch:
        terms = {name: t for own in turn.terms(batch).values() for name, t in own.items()}
    broken = {name: ~term.isfinite() for name, term in terms.items() if not are_finite([term])}
    if not broken:
        return "the loss was not finite, but is finite when the step is made again"
    # `loss` is the last to say something of its own.
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
    """Notes the first module, in the order of execution, whose output is not finite."""

    def __init__(self, model: nn.Module) -> None:
        self.model, self.first = model, ""

    def __enter__(self) -> "_Watch":
        self.hooks = [
            module.register_forward_hook(self._hook(name))
            for name, module in self.model.named_modules()
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def _hook(self, name: str):
        def look(module: nn.Module, inputs: object, output: object) -> None:
            if not self.first and isinstance(output, Tensor) and not are_finite([output]):
                self.first = f"output of '{name}' ({type(module).__name__})"

        return look
