"""The command line: exit codes, one sentence a mistake, JSON as the last line, help at once."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from immersion.cli import COMMANDS, main
from immersion.run_folder import RunFolder

SMALL = ["--data", "digits", "--steps", "10", "--batch-size", "50"]


def run(capsys, *argv: str) -> tuple[int, str, str]:
    """Return exit status, standard output and standard error of one command."""
    try:
        main(list(argv))
        status = 0
    except SystemExit as stop:
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def result(capsys, *argv: str) -> dict:
    status, out, err = run(capsys, *argv, "--json")
    assert status == 0, err
    return json.loads(out.splitlines()[-1])


def refused(capsys, *argv: str) -> str:
    """Return the one sentence that states a user's mistake."""
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
    trained = result(capsys, "train", "vae", *SMALL, "--latent-dim", "3", "--out", out)
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


def test_several_pictures_and_folders_are_reconstructed_at_once(capsys, tmp_path, trained):
    (tmp_path / "folder").mkdir()
    names = [str(tmp_path / name) for name in ("b.png", "a.png", "folder/c.png", "folder/d.png")]
    for level, name in enumerate(names):
        Image.new("L", (8, 8), 60 * level).save(name)
    argv = ["reconstruct", str(trained), *names[:2], str(tmp_path / "folder")]
    together = result(capsys, *argv, "--refine", "1")
    alone = [
        result(capsys, "reconstruct", str(trained), name, "--refine", "1")["squared_error"]
        for name in names
    ]
    assert together["examples"] == 4
    assert together["squared_error"] == pytest.approx(sum(alone) / 4, rel=1e-4)
    (tmp_path / "empty").mkdir()
    assert "no picture in" in refused(capsys, *argv, str(tmp_path / "empty"))


def test_the_same_command_resumes_and_another_is_refused(capsys, tmp_path):
    out = ["--out", str(tmp_path / "run")]
    result(capsys, "train", "vae", *SMALL, *out)
    longer = [*SMALL[:2], "--steps", "20", *SMALL[4:]]
    assert result(capsys, "train", "vae", *longer, *out)["step"] == 20
    error = refused(capsys, "train", "vae", *SMALL, "--latent-dim", "5", *out)
    assert "latent_dim" in error and "--out" in error
    assert "recipe" in refused(capsys, "train", "ae", *SMALL, *out)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_a_signal_ends_can_be_resumed(capsys, tmp_path, monkeypatch, number):
    def raised(folder, row):
        signal.raise_signal(number)

    argv = ["train", "vae", *SMALL, "--log-every", "4", "--out", str(tmp_path / "run")]
    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "append_metrics", raised)
        status, out, err = run(capsys, *argv, "--json")
    printed = json.loads(out.splitlines()[-1])
    assert status == 128 + number and "give the same command to resume" in err
    assert (printed["reason"], printed["step"]) == ("interrupted", 4)
    done = result(capsys, *argv)
    assert done["step"] == 10 and "signal" not in done


def test_two_trainings_do_not_share_a_folder(capsys, tmp_path):
    pytest.importorskip("fcntl", reason="there are no such locks here")
    out = ["--out", str(tmp_path / "run")]
    result(capsys, "train", "vae", *SMALL, *out)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    longer = [*SMALL[:2], "--steps", "20", *SMALL[4:]]
    with RunFolder(tmp_path / "run").lock():
        assert "another training is under way" in refused(capsys, "train", "vae", *longer, *out)
    assert before == {path: path.read_bytes() for path in before}
    assert result(capsys, "train", "vae", *longer, *out)["step"] == 20


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
    assert trained["data"] == record["data"]["note"] and "20 images" in trained["data"]
    assert trained["estimates"]["elbo"]["examples"] == 2
    (tmp_path / "pets" / "cats" / "0.jpg").write_bytes(b"no image")
    assert "0.jpg" in refused(capsys, "train", "vae", *data, "--out", str(tmp_path / "other"))


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("trian", "did you mean 'train'"),
        ("train vea", "did you mean 'vae'"),
        ("train vae --data mnits", "'mnist'"),
        ("train vae --data digits --latnt-dim 3", "--latent-dim"),
        ("train vae --data digits --latent-dim x", "--latent-dim"),
        ("train vae --data digits --latent-dim 64", "--latent-dim from 1 to 63"),
        ("train vae --data digits --latent-dim 0", "--latent-dim from 1 to 63"),
        ("train vae --data digits --batch-size 5000", "--batch-size 1437"),
        ("train vae --data digits --steps 0", "--steps is too small"),
        ("train vae --data digits --likelihood bernoulli", "--binarize"),
        ("train vae --data digits --likelihood bernuli", "'bernoulli'"),
        ("train vae --data digits --likelihood poisson", "--likelihood gaussian-optimal"),
        ("train vae --data digits --network cnn", "conv"),
        ("train vae --data two-moons --latent-dim 1 --network conv", "--network dense"),
        ("train vae --data two-moons --latent-dim 1 --binarize dynamic", "--binarize"),
        ("train vae --data digits --activation rellu", "'relu'"),
        ("train vae --data digits --form joint --free-bits 1", "--form kl"),
        ("train vae --data digits --samples 0", "--samples is too small"),
        ("train vae --data ring --size 16", "--size is for images"),
        ("train vae --data digits --device cuda", "cuda"),
        ("train gan --data digits --conditional --pack 2", "a pack of several classes"),
        ("train gan --data linear-gaussian --conditional", "needs classes"),
        ("train gan --data ring --augmentation differentiable", "only images"),
        ("train gan --data ring --mirror", "only images can be mirrored"),
        ("train gan --data digits --r1 inf", "--r1 is not finite"),
        ("train gan --data digits --augmentation adaptive", "--game non-saturating"),
        ("train gan --data digits --pack 3 --batch-size 64", "--batch-size 66"),
        ("train gan --data digits --batch-size 100000", "training examples"),
        ("train gan --data digits --game hing", "'hinge'"),
        ("train gan --data digits --latent-dim -3", "--latent-dim is too small"),
        ("train gan --data digits --share 0", "share"),
        ("train gan --data ring --network dcgan", "--network dense"),
        ("train gan --data digits --size 4", "8 to 128"),
        ("train gan2014 --data digits --patience 3 --validate-every 5", "--patience"),
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
def test_mistakes_are_stated_in_one_sentence(capsys, tmp_path, monkeypatch, argv, words):
    import torch

    if "cuda" in argv and torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    monkeypatch.chdir(tmp_path)
    assert words in refused(capsys, *argv.split())
    assert not list(tmp_path.iterdir()), "a refused command leaves nothing behind"


def test_an_empty_folder_and_a_missing_extra_are_errors(capsys, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    assert "too few images" in refused(capsys, "train", "vae", "--data", str(tmp_path / "empty"))
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    assert "pip install '.[demo]'" in refused(capsys, "train", "vae", "--data", "mnist-5k")


def test_an_autoencoder_is_sampled_from_a_density_of_its_codes(capsys, tmp_path):
    out = str(tmp_path / "ae")
    result(capsys, "train", "ae", *SMALL, "--out", out)
    drawn = result(capsys, "sample", out, "--count", "5")
    assert "fitted" in drawn["codes"] and drawn["shape"] == [5, 1, 8, 8]
    assert "truncated" in refused(capsys, "sample", out, "--truncation", "0.5")
    assert "Not a generative model" in (tmp_path / "ae" / "report.html").read_text()


def test_a_table_comes_back_in_its_own_units(capsys, tmp_path):
    random = np.random.default_rng(0)
    table = random.normal([1000.0, -5.0, 0.1], [50.0, 1.0, 0.01], (400, 3))
    np.save(tmp_path / "table.npy", table)
    data = ["--data", str(tmp_path / "table.npy"), "--batch-size", "50", "--steps", "300"]
    out = str(tmp_path / "run")
    result(capsys, "train", "vae", *data, "--latent-dim", "1", "--out", out)
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


def test_fewer_steps_are_refused_and_change_nothing(capsys, tmp_path):
    out = tmp_path / "run"
    result(capsys, "train", "vae", *SMALL, "--out", str(out))
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    fewer = ["--data", "digits", "--steps", "4", "--batch-size", "50", "--out", str(out)]
    assert "--steps 10 or more" in refused(capsys, "train", "vae", *fewer)
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_a_finished_run_keeps_its_evaluation(capsys, tmp_path):
    out = str(tmp_path / "run")
    result(capsys, "train", "vae", *SMALL, "--out", out)
    evaluated = result(capsys, "evaluate", out, "--importance-samples", "3")
    assert "importance_weighted_bound" in evaluated["estimates"]
    again = result(capsys, "train", "vae", *SMALL, "--out", out)
    assert again["estimates"] == evaluated["estimates"]


def test_what_a_run_draws_is_no_data(capsys, tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    for kind in ("a", "b"):
        (tmp_path / kind).mkdir()
        for i in range(10):
            levels = random.integers(0, 256, (16, 16), dtype=np.uint8)
            Image.fromarray(levels).save(tmp_path / kind / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    for latent_dim in ("2", "3"):
        out = result(
            capsys, "train", "vae", "--data", ".", "--steps", "2", "--latent-dim", latent_dim
        )
        spec = json.loads((Path(out["run"]) / "run.json").read_text())["data"]
        assert sum(spec["examples"]) == 20 and spec["spec"]["classes"] == ["a", "b"]


def test_data_that_changed_are_not_evaluated(capsys, tmp_path):
    table = np.random.default_rng(0).normal(size=(100, 4))
    np.save(tmp_path / "x.npy", table)
    out = str(tmp_path / "run")
    result(capsys, "train", "vae", "--data", str(tmp_path / "x.npy"), "--steps", "5", "--out", out)
    np.save(tmp_path / "x.npy", 50 * table)
    assert "not those that the model was trained on" in refused(capsys, "evaluate", out)
    (tmp_path / "x.npy").unlink()
    assert "not where they were" in refused(capsys, "evaluate", out)


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]"])
def test_a_damaged_record_is_an_error(capsys, tmp_path, content):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(content)
    for command in (["evaluate"], ["manifold"], ["train", "vae", *SMALL, "--out"]):
        assert "run.json" in refused(capsys, *command, str(tmp_path / "run"))
    assert (tmp_path / "run" / "run.json").read_text() == content


def test_a_folder_or_file_of_the_users_is_not_trained_into(capsys, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for out in ("mine", "mine/thesis.txt"):
        assert "--out" in refused(capsys, "train", "vae", *SMALL, "--out", str(tmp_path / out))
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("sample RUN --count 0", "--count is too small"),
        ("sample RUN --out s.csv", ".npz"),
        ("sample RUN --label 3", "not class-conditional"),
        ("sample RUN --label three", "is not class-conditional"),
        ("sample RUN --truncation -1", "--truncation is too small"),
        ("manifold RUN --side 0", "--side is too small"),
        ("manifold RUN --units 0 7", "from 0 to 1"),
        ("manifold RUN --out m.txt", ".png"),
        ("interpolate RUN --pairs 0", "--pairs is too small"),
        ("evaluate RUN --importance-samples -1", "--importance-samples is too small"),
        ("reconstruct RUN nosuch.png", "nosuch.png"),
        ("report RUN --beside nowhere", "no run"),
    ],
)
def test_mistakes_with_a_run_are_errors(capsys, tmp_path, monkeypatch, trained, argv, words):
    monkeypatch.chdir(tmp_path)
    assert words in refused(capsys, *argv.replace("RUN", str(trained)).split())


def test_an_error_is_json_too(capsys):
    status, out, _ = run(capsys, "evaluate", "nowhere", "--json")
    printed = json.loads(out.splitlines()[-1])
    assert status == printed["status"] == 2 and "no run" in printed["error"]


def test_pictures_are_the_same_every_time(capsys, trained):
    first, again = (result(capsys, "interpolate", str(trained))["picture"] for _ in range(2))
    assert Path(first).read_bytes() == Path(again).read_bytes()


def test_a_reader_that_has_seen_enough_is_no_error(trained):
    code = "from immersion.cli import main; main(['data'])"
    command = f'"{sys.executable}" -c "{code}" | true; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == 0 and "Traceback" not in done.stderr
