"""A shared folder has what others need, runs as it stands, and holds nothing of the machine."""

import getpass
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import immersion
from immersion.check import UserError
from immersion.commands.share import share
from immersion.commands.train import train
from immersion.engine import Options
from immersion.nn import Architecture
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.run_folder import RunFolder
from immersion.runs.load import load_run

FEW = Options(steps=3, batch_size=20, validate_every=0, device="cpu")
SMALL = {"latent_dim": 2, "architecture": Architecture("dense", 8, 1)}


def read_card(folder):
    """Return the front matter of a card as a dictionary of its lines, and its text."""
    card = (folder / "README.md").read_text("utf-8")
    begin, matter, text = card.split("---\n", 2)
    assert not begin
    entries = dict(line.split(": ") for line in matter.splitlines() if ": " in line)
    return entries | {"tags": re.findall(r'^- "(.*)"$', matter, flags=re.M)}, text


def run_example(folder, *words):
    """Run a folder's example as a program, from another folder."""
    sources = {"PYTHONPATH": str(Path(immersion.__file__).parents[1])}
    command = [sys.executable, str(folder.resolve() / "example.py"), *map(str, words)]
    place = folder.parent
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | sources, cwd=place
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_no_secrets(folder, *secrets):
    names = [name for name in (platform.node(), getpass.getuser()) if len(name) > 4]
    for file in folder.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        for secret in (*secrets, str(Path.home()), *names):
            assert str(secret).encode() not in content, (file, secret)


def list_files(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def test_a_model_of_a_named_set_is_shared_with_all_that_is_known_of_it(trained, tmp_path):
    out = tmp_path / "new" / "shared"
    result = share(trained, out=out, licence="cc-by-4.0")
    assert [Path(file).relative_to(out).as_posix() for file in result["files"]] == list_files(out)
    assert {"README.md", "example.py", "model.safetensors", "pictures/samples.png"} <= set(
        list_files(out)
    )
    assert "left_out" not in result and list(out.parent.iterdir()) == [out]
    matter, text = read_card(out)
    assert matter["library_name"] == "immersion" and matter["license"] == "cc-by-4.0"
    assert matter["pipeline_tag"] == "unconditional-image-generation"
    assert matter["tags"] == ["immersion", "vae", "digits"]
    for picture in re.findall(r"!\[.*\]\((.*)\)", text):
        assert (out / picture).is_file()
    evaluation = RunFolder(trained).evaluation()
    elbo = evaluation["estimates"]["elbo"]
    (row,) = re.findall(r"^\| ELBO \| (.*) ± (.*) \| nats \| (.*) \|$", text, flags=re.M)
    assert abs(float(row[0].replace("−", "-")) - elbo["value"]) < elbo["standard_error"]
    assert int(row[2]) == elbo["examples"]
    assert "Protocol: split test" in text and "CC BY 4.0; Alpaydin and Kaynak" in text
    assert "immersion train vae --data digits --latent-dim 2" in text
    assert RunFolder(trained).record().machine not in text
    assert "samples: (4, 1, 8, 8)\ntheir codes: (4, 2)" in run_example(out)
    assert_no_secrets(out, trained, tmp_path)


def test_examples_of_own_data_are_shared_on_request_alone(tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, grey in enumerate(levels):
        Image.fromarray(grey).save(photos / f"{number}.png")
    run = tmp_path / "run"
    train("vae", data=str(photos), out=run, options=FEW, arguments=SMALL)
    own = share(run, out=tmp_path / "shared")
    pictures = {name for name in list_files(tmp_path / "shared") if name.startswith("pictures/")}
    assert pictures == {"pictures/samples.png", "pictures/manifold.png"}
    assert {"reconstructions", "neighbours", "latent"} <= set(own["left_out"])
    matter, text = read_card(tmp_path / "shared")
    assert matter["license"] == "unknown" and matter["tags"] == ["immersion", "vae"]
    assert "| name | photos |" in text and "the author's own data" in text
    assert_no_secrets(tmp_path / "shared", tmp_path)
    whole = share(run, out=tmp_path / "whole", examples=True)
    assert "left_out" not in whole
    assert "pictures/reconstructions.png" in list_files(tmp_path / "whole")
    assert_no_secrets(tmp_path / "whole", tmp_path)


@pytest.mark.parametrize("recipe", ["ae", "gan"])
def test_the_example_of_a_table_runs(recipe, tmp_path):
    x = np.random.default_rng(0).normal(size=(100, 3))
    np.savetxt(tmp_path / "x.csv", x, delimiter=",", header="a,b,c", comments="")
    run = tmp_path / "run"
    train(recipe, data=str(tmp_path / "x.csv"), out=run, options=FEW, arguments=SMALL)
    share(run, out=tmp_path / "shared")
    expected = {"ae": "the example of code 0: (1, 3)", "gan": "samples: (4, 3)"}[recipe]
    assert run_example(tmp_path / "shared").strip() == expected
    matter, _ = read_card(tmp_path / "shared")
    assert "pipeline_tag" not in matter
    assert_no_secrets(tmp_path / "shared", tmp_path)


def test_the_example_of_an_image_to_image_network_runs(tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, (4, 30, 40), dtype=np.uint8)
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, grey in enumerate(levels):
        Image.fromarray(grey).save(photos / f"{number}.png")
    small = {"translation": ImageToImageArchitecture("dncnn", width=4, depth=2)}
    options = Options(steps=2, batch_size=2, validate_every=0, device="cpu")
    run = tmp_path / "run"
    train("denoise", data=str(photos), out=run, size=16, options=options, arguments=small)
    shared = share(run, out=tmp_path / "shared")
    assert shared["left_out"] == ["translations"]
    matter, text = read_card(tmp_path / "shared")
    assert matter["pipeline_tag"] == "image-to-image" and "PSNR" in text
    assert "immersion apply model.safetensors photo.png -o results" in text
    assert "pictures in results/: 1" in run_example(tmp_path / "shared", photos / "0.png")
    assert (tmp_path / "results" / "0.png").is_file()
    assert_no_secrets(tmp_path / "shared", tmp_path)


def test_private_pictures_of_an_earlier_share_are_removed(tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    run, out = tmp_path / "run", tmp_path / "shared"
    immersion.train("vae", levels, out=run, options=FEW, arguments=SMALL, progress=False)
    share(run, out=out, examples=True)
    assert "pictures/reconstructions.png" in list_files(out)
    (out / "pictures" / "mine.png").write_bytes(b"mine")
    own = share(run, out=out, overwrite=True)
    assert {"reconstructions", "neighbours", "latent"} <= set(own["left_out"])
    pictures = {name for name in list_files(out) if name.startswith("pictures/")}
    assert pictures == {"pictures/samples.png", "pictures/manifold.png", "pictures/mine.png"}


def test_nothing_is_overwritten_unless_told(trained, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(UserError, match=r"is not empty; choose another name, or pass --over"):
        share(trained, out=tmp_path)
    assert list_files(tmp_path) == ["README.md", "mine.txt"]
    share(trained, out=tmp_path, overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "README.md").read_text().startswith("---\nlibrary_name: immersion")


def test_mistakes_are_sentences_before_anything_is_written(trained, tmp_path):
    (tmp_path / "file").touch()
    for arguments, words in (
        ({}, r"no place is named; pass --out FOLDER, or --to hf://user/name"),
        ({"out": tmp_path / "file"}, "is a file"),
        ({"out": tmp_path / "x", "licence": "do as you like: yes"}, "no licence's identifier"),
        ({"out": tmp_path / "x", "to": "jane/digits"}, r"expected hf://user/name"),
    ):
        with pytest.raises(UserError, match=words):
            share(trained, **arguments)
    assert list_files(tmp_path) == ["file"]


def test_a_model_of_own_code_is_not_shared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("from immersion.recipes.vae import vae as my_vae\n")
    run = immersion.train("mine.py:my_vae", "digits", out="run", steps=3, progress=False)
    with pytest.raises(UserError, match=r"built by code outside the package.*im\.save"):
        share(run.path, out=tmp_path / "shared")
    assert not (tmp_path / "shared").exists()


def test_a_shared_model_is_shared_again_without_its_pictures(trained, tmp_path):
    share(trained, out=tmp_path / "a")
    share(tmp_path / "a" / "model.safetensors", out=tmp_path / "b")
    assert list_files(tmp_path / "b") == ["README.md", "example.py", "model.safetensors"]
    one, other = (load_run(tmp_path / name / "model.safetensors") for name in "ab")
    assert one.record == other.record and one.evaluation == other.evaluation
