"""One file holds a model: the same outputs bit for bit, nothing of the machine, no code."""

import getpass
import json
import platform
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import immersion as im
from immersion.check import UserError
from immersion.cli import main
from immersion.commands.apply import apply
from immersion.commands.doctor import doctor
from immersion.commands.draw import manifold
from immersion.commands.evaluate import evaluate
from immersion.commands.invert import invert
from immersion.commands.report import report
from immersion.commands.sample import sample
from immersion.commands.train import train
from immersion.engine import Options
from immersion.models import Generative
from immersion.nn import Architecture
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.random import use_seed
from immersion.recipes import RECIPES, own
from immersion.recipes.image_to_image import get_patches
from immersion.run_folder import RunFolder
from immersion.runs.load import load_run
from immersion.runs.public_record import publish_record
from immersion.runs.save import save

FEW = Options(steps=3, batch_size=20, validate_every=0, device="cpu")
SMALL = {"latent_dim": 2, "architecture": Architecture("dense", 8, 1)}


def outputs(run):
    """Return codes and decoded examples of a run, and samples where it has a prior."""
    model, x = run.decoder, torch.rand(5, *run.spec.shape, generator=torch.Generator())
    with torch.no_grad(), use_seed(0, "codes"):
        z = model.encode(x).mean if model.encodes else model.prior().sample((5,))
        drawn = [model.prior().sample((3,))] if isinstance(model, Generative) else []
        return [z, model.decode(z).mean, *drawn]


def assert_same(one, other):
    assert type(one.model) is type(other.model)
    for a, b in zip(outputs(one), outputs(other), strict=True):
        assert torch.equal(a, b)


def read_metadata(path):
    with safe_open(path, framework="pt") as file:
        return file.metadata()


@pytest.mark.parametrize("recipe", [n for n, r in RECIPES.items() if not get_patches(r)])
def test_every_recipe_gives_its_model_back(recipe, tmp_path):
    small = {"latent_dim": 2}
    train(recipe, data="digits", out=tmp_path / "run", options=FEW, arguments=small)
    path = save(tmp_path / "run", tmp_path / "model.safetensors")
    assert_same(load_run(tmp_path / "run"), load_run(path))


def test_the_state_of_the_optimizer_is_left_out(trained, tmp_path):
    """Adam keeps two numbers for each weight: the file is a third of a checkpoint."""
    (checkpoint,) = (trained / "checkpoints").iterdir()
    size = save(trained, tmp_path / "model.safetensors").stat().st_size
    assert size < 0.36 * checkpoint.stat().st_size


def test_the_encoder_of_a_generator_comes_with_it(tmp_path):
    run = tmp_path / "run"
    train("gan", data="digits", out=run, options=FEW, arguments=SMALL)
    assert not load_run(save(run, tmp_path / "without.safetensors")).decoder.encodes
    invert(run, architecture=Architecture("dense", 8, 1), options=FEW)
    again = load_run(save(load_run(run), tmp_path / "with.safetensors"))
    assert again.decoder.encodes
    assert_same(load_run(run), again)


def test_nothing_of_the_machine_is_in_the_file(tmp_path, monkeypatch):
    """Neither a table's path nor the machine, as records of earlier versions have them."""
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(100, 3))
    np.savetxt("people.csv", x, delimiter=",", header="/a,/b,c", comments="")
    train("vae", data="people.csv", out=tmp_path / "run", options=FEW, arguments=SMALL)
    folder = RunFolder(tmp_path / "run")
    record = json.loads((folder.path / "run.json").read_text())
    record["data"]["source"] = record["data"]["spec"]["name"] = str(tmp_path / "people.csv")
    record["data"]["note"] = f"100 examples from {tmp_path}/people.csv"
    record["command"] = f"immersion train vae --data {tmp_path}/people.csv"
    record["unknown"] = {"host": platform.node()}
    record["arguments"]["likelihood"] = "auto"
    folder.write_json("run.json", record)
    path = save(folder.path, "model.safetensors")
    metadata = read_metadata(path)
    shared = json.loads(metadata["run.json"])
    names = [name for name in (platform.node(), getpass.getuser()) if len(name) > 4]
    for secret in (str(tmp_path), str(Path.home()), record["machine"], *names):
        assert secret not in json.dumps(metadata)
    assert shared["data"]["source"] == "people.csv" == shared["data"]["spec"]["name"]
    assert shared["data"]["spec"]["columns"] == ["/a", "/b", "c"]
    assert not {"machine", "threads", "device", "unknown"} & set(shared)
    assert shared["command"].startswith("immersion train vae --data people.csv ")
    assert shared["data"]["checksums"] == record["data"]["checksums"]
    assert_same(load_run(folder.path), load_run(path))


def test_own_data_with_the_name_of_a_set_do_not_become_it(tmp_path, trained):
    record = load_run(trained).record
    for source in ("./mnist", str(tmp_path / "mnist")):
        own = replace(record.data, source=source, spec=record.data.spec | {"name": source})
        data = publish_record(replace(record, data=own)).data
        assert data.source == data.spec["name"] == "./mnist" and not data.note
    assert publish_record(record).data.source == "digits"


def test_a_file_is_only_read(trained, tmp_path, capsys):
    """Commands that write to a run folder need --out; an evaluation returns its numbers."""
    path = save(trained, tmp_path / "model.safetensors")
    before = path.read_bytes()
    for command in (sample, manifold, doctor, report):
        with pytest.raises(UserError, match=r"the model's file '.*' is only read"):
            command(path)
    with pytest.raises(UserError, match="is a file"):
        train("vae", data="digits", out=path, options=FEW, arguments=SMALL)
    sample(path, count=7, out=tmp_path / "x.npz")
    sample(trained, count=7, out=tmp_path / "y.npz")
    with np.load(tmp_path / "x.npz") as ours, np.load(tmp_path / "y.npz") as theirs:
        assert ours["x"].shape == (7, 1, 8, 8) and np.array_equal(ours["x"], theirs["x"])
    manifold(path, side=2, out=tmp_path / "manifold.png")
    small = {"importance_samples": 0, "samples": 0}
    assert evaluate(path, **small)["estimates"] == evaluate(trained, **small)["estimates"]
    assert path.read_bytes() == before and sorted(file.name for file in tmp_path.iterdir()) == [
        "manifold.png",
        "model.safetensors",
        "x.npz",
        "y.npz",
    ]


def test_a_file_holds_no_data(tmp_path):
    x = np.random.default_rng(0).random((60, 3))
    run = im.train("vae", x, out=tmp_path / "run", options=FEW, progress=False, verbose=False)
    path = save(run, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=r"does not hold the training data; .*data="):
        im.load(path).data  # noqa: B018
    assert np.array_equal(im.load(path, data=x).data.test.x, run.data.test.x)
    with pytest.raises(UserError, match=r"another name, or pass overwrite=True\."):
        save(run, path)


def test_the_command_line_reads_a_file(trained, tmp_path):
    path = save(trained, tmp_path / "model.safetensors")
    main(["sample", str(path), "-o", str(tmp_path / "x.npz"), "--count", "3", "--json"])
    main(["evaluate", str(path), "--samples", "0", "--importance-samples", "0", "--json"])
    assert (tmp_path / "x.npz").is_file()


def test_an_image_to_image_network_is_applied_from_its_file(tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, (4, 30, 40), dtype=np.uint8)
    (tmp_path / "photos").mkdir()
    for number, grey in enumerate(levels):
        Image.fromarray(grey).save(tmp_path / "photos" / f"{number}.png")
    small = {"translation": ImageToImageArchitecture("dncnn", width=4, depth=2)}
    options = Options(steps=2, batch_size=2, validate_every=0, device="cpu")
    run = tmp_path / "run"
    train(
        "denoise",
        data=str(tmp_path / "photos"),
        out=run,
        size=16,
        options=options,
        arguments=small,
    )
    path = save(run, tmp_path / "model.safetensors")
    photo = (tmp_path / "photos" / "0.png",)
    apply(str(run), photo, out=tmp_path / "a.png")
    apply(str(path), photo, out=tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_table_keeps_its_columns_and_units(tmp_path):
    frame = pd.DataFrame({"year": [1990, 2000, 2010] * 40, "income": np.linspace(1, 9e4, 120)})
    run = im.train("vae", frame, out=tmp_path / "run", steps=5, latent_dim=1, progress=False)
    again = im.load(save(run, tmp_path / "model.safetensors"))
    pd.testing.assert_frame_equal(again.sample(6), run.sample(6))
    pd.testing.assert_frame_equal(again.encode(frame), run.encode(frame))
    with pytest.raises(UserError, match="does not hold the training data"):
        _ = again.data


def test_estimates_and_the_end_of_training_come_with_the_model(trained, tmp_path):
    folder = RunFolder.open(save(trained, tmp_path / "model.safetensors"))
    original = RunFolder(trained)
    assert folder.evaluation()["estimates"] == original.evaluation()["estimates"]
    assert folder.record().outcome == original.record().outcome
    assert json.loads(read_metadata(folder.path)["data.json"])["licence"].startswith("CC BY 4.0")
    assert folder.checkpoint_step() == 300 and folder.metrics() == [] and folder.read_only
    assert set(load_file(folder.path)) == set(load_run(trained).model.state_dict())


def test_code_that_a_file_names_is_not_run(trained, tmp_path, monkeypatch):
    """Not even when the caller trusts the code of run folders: the file may be a stranger's."""
    monkeypatch.chdir(tmp_path)
    marker = tmp_path / "ran"
    Path("mine.py").write_text(
        f"from pathlib import Path\nPath({str(marker)!r}).touch()\n"
        "from immersion.recipes.vae import vae\n"
    )
    content = load_file(save(trained, tmp_path / "model.safetensors"))
    documents = read_metadata(tmp_path / "model.safetensors")
    for name in ("mine.py:vae", "mine:vae", "subprocess:run"):
        record = json.loads(documents["run.json"]) | {"recipe": name}
        path = tmp_path / "stranger.safetensors"
        save_file(content, path, documents | {"run.json": json.dumps(record)})
        for context in (nullcontext(), own.trust_code()):
            with context, pytest.raises(UserError, match="does not hold and may not name"):
                load_run(path)
    assert not marker.exists()
    record["recipe"] = "mine.py:vae"
    save_file(content, path, documents | {"run.json": json.dumps(record)})
    assert_same(load_run(path, recipe="mine.py:vae"), load_run(trained))
    assert marker.exists()


def test_other_files_are_refused(trained, tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing of the kind")
    save_file({"w": torch.ones(2)}, tmp_path / "weights.safetensors")
    with pytest.raises(UserError, match="cannot be read as a model"):
        load_run(tmp_path / "x.safetensors")
    with pytest.raises(UserError, match="there is no run in that file"):
        load_run(tmp_path / "weights.safetensors")
    path = save(trained, tmp_path / "model.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="cannot be read as a model"):
        load_run(path)
    metadata = {"run.json": "{not JSON"}
    save_file({"w": torch.ones(2)}, path, metadata)
    with pytest.raises(UserError, match="is damaged: expected JSON"):
        load_run(path)


def test_weights_that_are_not_finite_are_refused(trained, tmp_path):
    file = im.save(trained, tmp_path / "model.safetensors")
    with safe_open(file, "pt") as source:
        metadata = source.metadata()
        tensors = {name: source.get_tensor(name) for name in source.keys()}  # noqa: SIM118
    name = sorted(tensors)[0]
    tensors[name] = torch.full_like(tensors[name], torch.nan)
    save_file(tensors, tmp_path / "broken.safetensors", metadata)
    with pytest.raises(UserError, match=f"'{name}' in .* is damaged"):
        im.load(tmp_path / "broken.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match="cannot be read as a model"):
        im.load(tmp_path / "cut.safetensors")


def test_nothing_is_overwritten(trained, tmp_path):
    for name, words in (("model.pt", r"ends in \.safetensors"), ("x.safetensors", "exists")):
        (tmp_path / name).write_text("mine")
        with pytest.raises(UserError, match=words):
            save(trained, tmp_path / name)
        assert (tmp_path / name).read_text() == "mine"
    save(trained, tmp_path / "x.safetensors", overwrite=True)
    assert load_run(tmp_path / "x.safetensors").record.recipe == "vae"
