"""The contract of every registered task."""

import dataclasses
import json
import re

import pytest
import torch

from immersion.evaluation.image_metrics import IMAGE_METRICS
from immersion.random import use_seed
from immersion.tasks import TASKS

COLOUR_ONLY = {"colourise"}
WITH_CLASSES = {name for name, task in TASKS.items() if task().presentation.classes}


def clean(name: str, side: int = 48) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return pictures for a task, with classes if it needs them."""
    with use_seed(0, "pictures"):
        x = torch.rand(3, 3, side, side)
        return x, torch.randint(0, 2, (3, side, side)) if name in WITH_CLASSES else None


@pytest.mark.parametrize("name", TASKS)
def test_pairs_have_the_stated_channels_and_scale(name):
    task = TASKS[name]()
    x, y = clean(name)
    pair = task.pair(x, y)
    in_channels, out_channels = task.channels(3)
    assert pair.input.shape[:2] == (3, in_channels)
    assert pair.target.shape[:2] == (3, out_channels if y is None else 1)
    assert pair.target.shape[2:] == tuple(
        task.presentation.scale * side for side in pair.input.shape[2:]
    )
    assert pair.input.isfinite().all() and pair.input.dtype == torch.float32
    if pair.weight is not None:
        assert torch.broadcast_shapes(pair.weight.shape, pair.target.shape) == pair.target.shape
        assert (pair.weight >= 0).all()


@pytest.mark.parametrize("name", TASKS)
def test_pairs_use_the_global_generator_and_keep_their_input(name):
    task = TASKS[name]()
    x, y = clean(name)
    before = x.clone()
    with use_seed(1, "draws"):
        first = task.pair(x, y)
    with use_seed(1, "draws"):
        again = task.pair(x, y)
    assert torch.equal(first.input, again.input) and torch.equal(first.target, again.target)
    assert torch.equal(x, before)


@pytest.mark.parametrize("name", TASKS)
def test_outputs_become_pictures(name):
    task = TASKS[name]()
    pair = task.pair(*clean(name))
    out_channels = task.channels(3)[1]
    output = torch.rand(3, out_channels, *pair.target.shape[2:])
    picture = task.presentation.to_picture(pair.input, output)
    assert picture.shape[2:] == pair.target.shape[2:] and picture.shape[1] in (1, 3)
    assert picture.min() >= 0 and picture.max() <= 1
    base = task.presentation.baseline(pair.input)
    assert base is None or base.shape == output.shape


@pytest.mark.parametrize("name", TASKS)
def test_a_target_is_its_own_composition(name):
    task = TASKS[name]()
    pair = task.pair(*clean(name))
    assert torch.equal(task.presentation.compose(pair.input, pair.target), pair.target)


@pytest.mark.parametrize("name", TASKS)
def test_prepared_pictures_have_the_channels_of_inputs(name):
    task = TASKS[name]()
    x, y = clean(name)
    assert task.presentation.prepare(x).shape[1] == task.pair(x, y).input.shape[1]


@pytest.mark.parametrize("name", TASKS)
def test_docstring_says_how_pairs_are_made_and_has_a_source(name):
    text = TASKS[name].__doc__ or ""
    assert re.search(r"\b(y|[Ii]nput|target|picture)\b", text), "how a pair is made"
    assert re.search(r"Reference:", text), "a reference"


@pytest.mark.parametrize("name", TASKS)
def test_settings_survive_json(name):
    task = TASKS[name]()
    recorded = json.loads(json.dumps(dataclasses.asdict(task)))
    assert TASKS[name](**recorded) == task


@pytest.mark.parametrize("name", TASKS)
def test_protocols_are_tasks_of_the_same_class_with_known_metrics(name):
    task = TASKS[name]()
    fixed = task.protocols()
    assert fixed and all(type(each) is type(task) for each in fixed.values())
    assert all(key.replace("_", "").replace(".", "").isalnum() for key in fixed)
    assert task.metrics in IMAGE_METRICS


@pytest.mark.parametrize("name", TASKS)
def test_presentations_describe_inputs_and_outputs(name):
    task = TASKS[name]()
    assert (
        task.presentation.title[0].isupper()
        and task.presentation.input_format
        and task.presentation.output_format
    )
    assert 0 in task.presentation.orientations and set(task.presentation.orientations) <= set(
        range(8)
    )
