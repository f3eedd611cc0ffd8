"""Functions that take a run: its folder, as a path or a text, or a run object."""

import inspect
from pathlib import Path

import pytest

import immersion as im
from immersion.check import UserError

SMALL = {"steps": 3, "batch_size": 20, "progress": False, "verbose": False}

CALLS = {
    "evaluate": lambda run, out: im.evaluate(run, importance_samples=2, samples=0),
    "export": lambda run, out: im.export(run, out / "model.onnx"),
    "interpolate": lambda run, out: im.interpolate(run, pairs=2, steps=3),
    "invert": lambda run, out: im.invert(run, options=im.Options(steps=3, batch_size=20)),
    "load": lambda run, out: im.load(run),
    "manifold": lambda run, out: im.manifold(run, side=2, out=str(out / "manifold.png")),
    "reconstruct": lambda run, out: im.reconstruct(run),
    "sample": lambda run, out: im.sample(run, count=3, out=str(out / "samples.npz")),
    "save": lambda run, out: im.save(run, str(out / "model.safetensors")),
}


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    return im.train("gan", "digits", out=tmp_path_factory.mktemp("gan") / "run", **SMALL).path


def test_every_function_that_takes_a_run_is_called():
    takes = {
        name
        for name in im.__all__
        if inspect.isfunction(found := getattr(im, name))
        and next(iter(inspect.signature(found).parameters)) in ("run", "path")
    }
    assert takes | {"export"} == set(CALLS)


@pytest.mark.parametrize("form", [Path, str, im.load], ids=["path", "text", "run"])
@pytest.mark.parametrize("name", CALLS)
def test_a_run_may_be_given_in_every_form(name, form, trained, generator, tmp_path):
    if name == "export":
        pytest.importorskip("onnx")
    folder = generator if name == "invert" else trained
    result = CALLS[name](form(folder), tmp_path)
    if isinstance(result, dict) and "run" in result:
        assert result["run"] == str(folder)
    if isinstance(result, im.Run):
        assert result.path == folder
    if isinstance(result, Path):
        assert result.is_file()


@pytest.mark.parametrize("name", ["load", "sample", "evaluate", "save"])
def test_a_run_that_is_gone_is_named_by_its_path(name, tmp_path):
    run = im.train("vae", "digits", out=tmp_path / "run", **SMALL)
    (tmp_path / "run").rename(tmp_path / "moved")
    if name == "save":
        run = run.path
    with pytest.raises(UserError, match="there is no run") as caught:
        CALLS[name](run, tmp_path)
    assert f"'{tmp_path / 'run'}'" in str(caught.value)
