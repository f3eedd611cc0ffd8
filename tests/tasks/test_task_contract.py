"""What every task keeps to, whatever it derives: new members meet this by themselves."""

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
    """Pictures that a task can take: colour, and classes where it wants them."""
    with use_seed(0, "pictures"):
        x = torch.rand(3, 3, side, side)
        return x, torch.randint(0, 2, (3, side, side)) if name in WITH_CLASSES else None


@pytest.mark.parametrize("name", TASKS)
def test_pairs_have_the_channels_and_the_scale_that_are_said(name):
    task = TASKS[name]()
    x, y = clean(name)
    pair = task.pair(x, y)
    inward, outward = task.channels(3)
    assert pair.input.shape[:2] == (3, inward)
    assert pair.target.shape[:2] == (3, outward if y is None else 1)
    assert pair.target.shape[2:] == tuple(
        task.presentation.scale * side for side in pair.input.shape[2:]
    )
    assert pair.input.isfinite().all() and pair.input.dtype == torch.float32
    if pair.weight is not None:
        assert torch.broadcast_shapes(pair.weight.shape, pair.target.shape) == pair.target.shape
        assert (pair.weight >= 0).all()


@pytest.mark.parametrize("name", TASKS)
def test_draws_are_the_global_generators_and_clean_pictures_stay_as_they_are(name):
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
def test_what_is_finished_is_a_picture(name):
    task = TASKS[name]()
    pair = task.pair(*clean(name))
    outward = task.channels(3)[1]
    output = torch.rand(3, outward, *pair.target.shape[2:])
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
def test_a_users_picture_is_prepared_as_inputs_are(name):
    task = TASKS[name]()
    x, y = clean(name)
    assert task.presentation.prepare(x).shape[1] == task.pair(x, y).input.shape[1]


@pytest.mark.parametrize("name", TASKS)
def test_docstring_says_how_pairs_are_made_and_has_a_source(name):
    text = TASKS[name].__doc__ or ""
    assert re.search(r"\b(y|[Ii]nput|target|picture)\b", text), "how a pair is made"
    assert re.search(r"Reference:", text), "a reference"


@pytest.mark.parametrize("name", TASKS)
def test_settings_survive_the_run_folder(name):
    task = TASKS[name]()
    recorded = json.loads(json.dumps(dataclasses.asdict(task)))
    assert TASKS[name](**recorded) == task


@pytest.mark.parametrize("name", TASKS)
def test_protocols_are_tasks_of_the_same_kind_that_a_judge_knows(name):
    task = TASKS[name]()
    fixed = task.protocols()
    assert fixed and all(type(each) is type(task) for each in fixed.values())
    assert all(key.replace("_", "").replace(".", "").isalnum() for key in fixed)
    assert task.metrics in IMAGE_METRICS


@pytest.mark.parametrize("name", TASKS)
def test_a_person_is_told_what_was_done_and_what_goes_in_and_comes_out(name):
    task = TASKS[name]()
    assert (
        task.presentation.title[0].isupper()
        and task.presentation.input_format
        and task.presentation.output_format
    )
    assert 0 in task.presentation.orientations and set(task.presentation.orientations) <= set(
        range(8)
    )
