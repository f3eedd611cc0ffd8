"""What identifies an experiment: what it is built from, and with which settings."""

import functools

import pytest
from torch import nn

import immersion as im
from immersion.recipes.identity import find_difference, identify


def loss(model, batch, weight=1.0):
    return {"loss": weight * model(batch.x).sum(1)}


def other(model, batch):
    return loss(model, batch)


class Weighted:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, model, batch):
        return loss(model, batch, self.weight)


def build(objective=loss, model=None, **settings):
    model = model or nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1))
    player = im.Player("model", list(model.parameters()), objective, **settings)
    return identify(im.Experiment(model, (player,)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: build(),
        lambda: build(Weighted(2.0)),
        lambda: build(functools.partial(loss, weight=2.0)),
        lambda: build(im.ELBO(beta=2.0)),
    ],
)
def test_the_same_experiment_built_again_is_the_same(make):
    assert find_difference(make(), make()) is None


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        (build(), build(other), "objective"),
        (build(Weighted(2.0)), build(Weighted(3.0)), "objective"),
        (build(im.ELBO(beta=2.0)), build(im.ELBO(beta=3.0)), "objective"),
        (build(functools.partial(loss, weight=2.0)), build(), "objective"),
        (build(model=nn.Linear(2, 2)), build(model=nn.Linear(2, 3)), "model"),
        (build(model=nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.2))), build(), "model"),
        (build(turns=2), build(), "optimizer"),
        (build(optimizer=im.OptimizerSettings("sgd")), build(), "optimizer"),
    ],
)
def test_another_experiment_is_another(first, second, name):
    assert find_difference(first, second)[0] == name


def test_nothing_is_known_of_earlier_runs():
    new = build()
    assert find_difference({}, new) is None
    assert find_difference(new | {"game's objective": "abc"}, new)[0] == "game's objective"
