"""Pictures of a training: the same codes or inputs at every step, of every kind of model."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from PIL import Image

from immersion.check import UserError
from immersion.data import Dataset, Spec, standardise
from immersion.data import load as load_data
from immersion.data.dataset import MemorySplit
from immersion.data.patches import PatchSplit
from immersion.image_io.film import has_encoder
from immersion.random import make_generator
from immersion.recipes.call import RecipeCall
from immersion.run_folder import RunFolder
from immersion.run_record import DataRecord, RunRecord
from immersion.runs.run import Run
from immersion.runs.training_pictures import SIDE, TrainingPictures


def patches() -> Dataset:
    draws = make_generator(0, "test/patches")
    pictures = tuple(
        torch.randint(0, 256, (1, 32, 32), generator=draws, dtype=torch.uint8) for _ in range(6)
    )
    split = PatchSplit(pictures, 32)
    return Dataset(Spec("patches", (1, 32, 32), "unit"), split, split, split, {})


def open_run(recipe: str, data: Dataset, folder) -> Run:
    experiment = RecipeCall(recipe).build(data.spec)
    experiment.model.eval()
    record = RunRecord(recipe=recipe, data=DataRecord(spec=asdict(data.spec)))
    return Run(RunFolder(folder), record, experiment, data)


def read(run: Run, step: int) -> np.ndarray:
    with Image.open(run.folder.samples / "progress" / f"{step:08d}.png") as picture:
        return np.asarray(picture)


@pytest.mark.parametrize(
    ("recipe", "name"),
    [
        ("vae", "digits"),
        ("gan", "digits"),
        ("ae", "digits"),
        ("gan", "ring"),
        ("vae", "swiss-roll"),
        ("denoise", "patches"),
    ],
)
def test_equal_models_give_equal_pictures_and_others_do_not(recipe, name, tmp_path):
    data = patches() if name == "patches" else standardise(load_data(name))
    run = open_run(recipe, data, tmp_path)
    draw = TrainingPictures(run)
    for step in (0, 10):
        draw(step, run.model)
    with torch.no_grad():
        for parameter in run.model.parameters():
            parameter.add_(0.1)
    draw(20, run.model)
    assert np.array_equal(read(run, 0), read(run, 10))
    assert not np.array_equal(read(run, 0), read(run, 20))
    files = draw.write_film()
    assert [file.suffix for file in files] == [".gif", *([".mp4"] if has_encoder() else [])]
    with Image.open(files[0]) as film:
        assert film.size == read(run, 0).shape[1::-1]
    names = {path.name for path in run.folder.samples.iterdir()}
    assert names == {"progress", *(file.name for file in files)}  # nothing partial is left


def test_rows_are_drawn_where_they_are(tmp_path):
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    split = MemorySplit(corners, None, "real")
    run = open_run("vae", Dataset(Spec("square", (2,), "real"), split, split, split, {}), tmp_path)
    plane = TrainingPictures(run).plane
    drawn = np.asarray(plane.draw(torch.tensor([[1.0, 0.0], [0.5, 0.5], [9.0, 9.0]])))
    marked = (drawn == (213, 94, 0)).all(-1)
    assert marked.sum() == 8  # two points of two by two pixels, the third is outside
    rows, columns = np.nonzero(marked)
    assert rows.mean() > SIDE / 2 and columns.mean() > SIDE / 2  # right, and down


def test_a_single_picture_makes_no_film(tmp_path):
    run = open_run("ae", load_data("digits"), tmp_path)
    draw = TrainingPictures(run)
    draw(0, run.model)
    assert draw.write_film() == []


def test_a_column_alone_has_no_plane(tmp_path):
    split = MemorySplit(torch.arange(4.0)[:, None], None, "real")
    data = Dataset(Spec("line", (1,), "real"), split, split, split, {})
    experiment = RecipeCall("gan").build(data.spec)
    record = RunRecord(recipe="gan", data=DataRecord(spec=asdict(data.spec)))
    with pytest.raises(UserError, match="one column has no plane"):
        TrainingPictures(Run(RunFolder(tmp_path), record, experiment, data))
