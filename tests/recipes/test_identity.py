"""What identifies an experiment: everything that changes the result, and nothing else."""

import functools

import pytest
import torch
from torch import nn

import immersion as im
from immersion.recipes.identity import find_difference, identify

SCALE = 1.0


def square(x):
    return x.square()


def loss(model, batch):
    return {"loss": SCALE * square(model(batch.x)).sum(1)}


def weighted(model, batch, weight=1.0):
    return {"loss": weight * loss(model, batch)["loss"]}


def make_closure(weight):
    return lambda model, batch: {"loss": weight * model(batch.x).sum(1)}


class Weighted:
    def __init__(self, weight):
        self.weight = torch.tensor(weight)

    def __call__(self, model, batch):
        return {"loss": self.compute(model(batch.x))}

    def compute(self, x):
        return self.weight * x.sum(1)


class Network(nn.Module):
    def __init__(self, slope=0.1):
        super().__init__()
        self.slope, self.layer = slope, nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x) * self.slope


class Other(Network):
    def forward(self, x):
        return self.layer(x) + self.slope


Other.__qualname__ = "Network"


def build(objective=loss, model=None, **settings):
    model = model or nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1))
    player = im.Player("model", list(model.parameters()), objective, **settings)
    return identify(im.Experiment(model, (player,)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: build(),
        lambda: build(make_closure(2.0)),
        lambda: build(Weighted(2.0)),
        lambda: build(Weighted(2.0).__call__),
        lambda: build(functools.partial(weighted, weight=2.0)),
        lambda: build(model=Network()),
        lambda: build(im.ELBO(beta=2.0)),
    ],
)
def test_the_same_experiment_built_again_is_the_same(make):
    assert find_difference(make(), make()) is None


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        (build(make_closure(2.0)), build(make_closure(3.0)), "objective"),
        (build(Weighted(2.0)), build(Weighted(3.0)), "objective"),
        (build(im.ELBO(beta=2.0)), build(im.ELBO(beta=3.0)), "objective"),
        (build(functools.partial(weighted, weight=2.0)), build(weighted), "objective"),
        (build(model=Network()), build(model=Network(0.2)), "model"),
        (build(model=Network()), build(model=Other()), "functions"),
        (build(model=nn.Linear(2, 2)), build(model=nn.Linear(2, 3)), "model"),
        (build(model=nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.2))), build(), "model"),
        (build(turns=2), build(), "optimizer"),
        (build(optimizer=im.OptimizerSettings("sgd")), build(), "optimizer"),
    ],
)
def test_another_experiment_is_another(first, second, name):
    assert find_difference(first, second)[0].startswith(name)


@pytest.mark.parametrize(("what", "value"), [("SCALE", 2.0), ("square", lambda x: x.abs())])
def test_what_a_function_reads_in_its_module_belongs_to_it(what, value, monkeypatch):
    before = build()
    monkeypatch.setitem(globals(), what, value)
    assert find_difference(before, build())


def test_nothing_is_known_of_earlier_runs_and_of_another_python():
    new = build()
    old = {name: value for name, value in new.items() if not name.startswith("functions")}
    assert find_difference({}, new) is None
    assert find_difference(old | {"functions for Python 2.7": "abc"}, new) is None
    assert find_difference(old | {"game's objective": "abc"}, new)[0] == "game's objective"
