"""One test body for every objective: what an objective promises, whatever the member."""

import dataclasses
import importlib
import inspect
import pkgutil
import re
import sys
import typing

import pytest
import torch
from torch import nn

from immersion import objectives
from immersion.batch import Batch
from immersion.models import GAN
from immersion.objectives import Reconstruction, TranslationLoss
from immersion.objectives.games import Game, NonSaturating
from immersion.random import use_seed
from immersion.recipes import RECIPES
from immersion.recipes.adversary import Adversary
from immersion.spec import Spec

TABLE = Spec("table", (6,), "real")
PATCHES = Spec("patches", (3, 48, 48), "unit", ("thing", "ground"))
MODELS = [
    ("vae", TABLE, {}),
    ("ae", TABLE, {}),
    ("gan", TABLE, {}),
    ("aae", TABLE, {}),
    ("vae-gan", TABLE, {}),
    ("denoise", PATCHES, {"latent_dim": 2, "adversary": Adversary(adversarial=True)}),
]
"""Recipes whose models objectives are tried on: the first model that suits the annotation."""


def is_objective(member: object) -> bool:
    return inspect.isclass(member) and {"model", "batch"} <= set(
        inspect.signature(member.__call__).parameters
    )


def find_objectives() -> dict[str, type]:
    """Every class of the package that is called with a model and a batch, by its name."""
    found = {}
    for entry in pkgutil.iter_modules(objectives.__path__):
        module = importlib.import_module(f"{objectives.__name__}.{entry.name}")
        found |= {n: m for n, m in vars(module).items() if is_objective(m)}
    return found


OBJECTIVES = find_objectives()
every = pytest.mark.parametrize("name", sorted(OBJECTIVES))


def build(recipe: str, spec: Spec, arguments: dict) -> nn.Module:
    with use_seed(0, "weights"):
        return RECIPES[recipe](spec, **arguments).model


def model_for(name: str) -> tuple[nn.Module, Spec]:
    """The model that an objective is for, and the data of the model."""
    if name == "ClassesLoss":
        return build("segment", PATCHES, {}), PATCHES
    if name == "Inversion":
        with use_seed(0, "encoder"):
            return nn.Linear(*TABLE.shape, build("gan", TABLE, {}).latent_dim), TABLE
    wanted = typing.get_type_hints(OBJECTIVES[name].__call__)["model"]
    for recipe, spec, arguments in MODELS:
        model = build(recipe, spec, arguments)
        if isinstance(model, wanted):
            return model, spec
    raise LookupError(f"MODELS has no recipe with a {wanted.__name__}")


def example_of(name: str) -> object:
    """An objective with its defaults; what has none is filled in by its type."""
    values = {
        Game: NonSaturating(),
        Reconstruction: Reconstruction(),
        TranslationLoss: TranslationLoss(),
        float: 1.0,
    }
    hints = typing.get_type_hints(OBJECTIVES[name])
    missing = (dataclasses.MISSING, dataclasses.MISSING)
    given = {}
    for field in dataclasses.fields(OBJECTIVES[name]):
        if (field.default, field.default_factory) == missing:
            first = (typing.get_args(hints[field.name]) or (hints[field.name],))[0]
            given[field.name] = build("gan", TABLE, {}) if first is GAN else values[first]
    return OBJECTIVES[name](**given)


def batch_of(spec: Spec) -> Batch:
    with use_seed(0, "batch"):
        x = torch.rand(4, *spec.shape)
        y = torch.randint(0, 2, (4, *spec.shape[1:])) if spec.is_image else None
        return Batch(x, y, torch.tensor(0))


def call(name: str) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    model, spec = model_for(name)
    with use_seed(0, "objective"):
        return model, example_of(name)(model, batch_of(spec))


@every
def test_docstring_has_formula_shapes_and_source(name):
    member = OBJECTIVES[name]
    text = f"{member.__doc__}{member.__call__.__doc__}"
    assert re.search(r"log |\|\||\^| [=+] |KL\(|equation \(", text), "the formula of the loss"
    assert "(B,)" in text, "the shape of the terms"
    source = text + (sys.modules[member.__module__].__doc__ or "")
    assert "https://" in source, "a reference with its link"


@every
def test_settings_are_a_frozen_dataclass(name):
    assert dataclasses.is_dataclass(OBJECTIVES[name])
    assert OBJECTIVES[name].__dataclass_params__.frozen


@every
def test_terms_are_one_finite_number_an_example(name):
    _, terms = call(name)
    assert "loss" in terms
    assert all(term.shape == (4,) for term in terms.values())
    assert all(term.isfinite().all() for term in terms.values())


@every
def test_loss_has_a_gradient_in_the_model(name):
    model, terms = call(name)
    terms["loss"].mean().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert gradients and all(gradient.isfinite().all() for gradient in gradients)
    assert any(gradient.any() for gradient in gradients)


@every
def test_the_same_seed_gives_the_same_terms(name):
    (_, first), (_, again) = call(name), call(name)
    assert all(torch.equal(first[term], again[term]) for term in first)
