"""A step on a CUDA device can be recorded: no branch on values, no copy from the host.

PyTorch's meta device stands in for one. Its tensors hold no values, so that every branch on them
fails, and what comes to it from the host is seen.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from immersion.batch import Batch
from immersion.recipes.adversary import Adversary
from immersion.recipes.call import RecipeCall
from immersion.spec import Spec
from immersion.tasks import TASKS
from immersion.tasks.denoise import Denoise
from immersion.tasks.noises import NOISES

ALL = {name: task() for name, task in TASKS.items()}
ALL |= {f"denoise {noise}": Denoise(noise, level_map=True) for noise in NOISES}
ALL |= {"denoise from noisy": Denoise(targets="noisy")}

COPIES = {torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default}
FRESH = {torch.tensor, torch.as_tensor, torch.asarray, torch.from_numpy}
FRESH |= {torch.Tensor.new_tensor}
"""Their copies to a device are made below what a dispatch mode sees."""


class NoFreshTensors(TorchFunctionMode):
    """Raise where a tensor is made of Python's numbers."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in FRESH:
            raise AssertionError(f"{func} makes a tensor of numbers")
        return func(*args, **(kwargs or {}))


class NoCopies(TorchDispatchMode):
    """Raise where a tensor is copied from the host to the device."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if func in COPIES and made.is_meta:
            tensors = [leaf for leaf in tree_leaves(args) if isinstance(leaf, Tensor)]
            if any(not tensor.is_meta for tensor in tensors):
                raise AssertionError(f"{func} from the host")
        return made


@contextmanager
def recording() -> Iterator[None]:
    """Run a block as if it were recorded."""
    with NoFreshTensors(), NoCopies():
        yield


@pytest.fixture(autouse=True)
def no_autocast(monkeypatch):
    """Disable autocast, which does not know the meta device."""
    monkeypatch.setattr(torch, "autocast", lambda *settings, **more: nullcontext())


def batch(classes: bool) -> Batch:
    """Return pictures on a device without values."""
    x = torch.empty(2, 3, 48, 48, device="meta")
    y = torch.empty(2, 48, 48, dtype=torch.int64, device="meta") if classes else None
    return Batch(x, y, torch.empty((), dtype=torch.int64, device="meta"))


FORBIDDEN = {
    "a fresh tensor": lambda x: torch.tensor([1.0, 2.0], device=x.device),
    "a fresh number": lambda x: torch.as_tensor(1.0, device=x.device),
    "a move": lambda x: torch.arange(3.0).to(x),
    "a branch": lambda x: 1 if x > 0 else 2,
    "a number": float,
    "a search": torch.nonzero,
}


@pytest.mark.parametrize("act", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_guard_detects_copies_and_branches(act):
    with pytest.raises((AssertionError, RuntimeError)), recording():
        act(torch.empty((), device="meta"))


@pytest.mark.parametrize("name", ALL)
def test_pairs_are_made_on_the_device(name):
    task, (x, y, _) = ALL[name], batch(name == "segment")
    task.pair(x, y)  # as the turns before the capture: constants reach the device
    with recording():
        pair = task.pair(x, y)
    assert pair.input.is_meta and pair.target.is_meta
    assert pair.weight is None or pair.weight.is_meta


SETTINGS = {
    "one answer": {},
    "a code": {"latent_dim": 2},
    "a game": {"adversary": Adversary(0.01)},
}
STEPS = [(recipe, case) for recipe in sorted(set(TASKS) - {"segment"}) for case in SETTINGS]
STEPS += [("segment", "one answer"), ("denoise", "from noisy")]


@pytest.mark.parametrize("recipe, case", STEPS)
def test_terms_and_gradients_are_computed_on_the_device(recipe, case):
    spec = Spec("photos", (3, 48, 48), "unit", classes=("a", "b") if recipe == "segment" else ())
    settings = {"task": Denoise(targets="noisy")} if case == "from noisy" else SETTINGS[case]
    usual = RecipeCall(recipe).parameters["translation"].default
    small = {"translation": replace(usual, width=4, depth=1)}
    experiment = RecipeCall(recipe, small | settings).build(spec)
    model = experiment.model.to("meta")

    def turn() -> None:
        for player in experiment.players:
            terms = player.objective(model, batch(recipe == "segment"))
            terms["loss"].mean().backward()

    turn()
    with recording():
        turn()
