"""Values of files and of the environment: what each gives, which one counts, what is refused."""

import json
from pathlib import Path

import pytest

from immersion.check import UserError
from immersion.cli import main
from immersion.cli.invoke import resolve_command


def resolve(line: str, file: Path | None = None) -> tuple[str, dict]:
    """The name of a command and the values of its flags."""
    name, *words = line.split()
    command, values = resolve_command(name, words, file)
    return command.name, values


def test_the_record_of_a_run_repeats_it_with_another_seed(trained, tmp_path, capsys):
    record = json.loads((trained / "run.json").read_text())
    again = tmp_path / "again"
    argv = ["train", "--config", str(trained / "run.json"), "--seed", "2", "--steps", "3"]
    main([*argv, "--out", str(again)])
    repeated = json.loads((again / "run.json").read_text())
    assert repeated["recipe"] == "vae" and repeated["arguments"] == record["arguments"]
    assert repeated["data"] == record["data"]
    assert repeated["options"] == record["options"] | {"seed": 2, "steps": 3}


def test_the_record_of_a_run_repeats_it_exactly(trained, tmp_path, capsys):
    out = tmp_path / "again"
    main(["train", "vae", f"--config={trained / 'run.json'}", "--out", str(out)])
    metrics = ["metrics.jsonl", "evaluation.json"]
    losses = [
        [json.loads(line)["loss"] for line in (run / metrics[0]).read_text().splitlines()]
        for run in (trained, out)
    ]
    assert losses[0] == losses[1]


def test_a_given_flag_wins_over_a_file_and_a_file_over_the_environment(tmp_path, monkeypatch):
    (tmp_path / "x.toml").write_text("[train]\nsteps = 20\nbatch-size = 7\n")
    monkeypatch.setenv("IMMERSION_TRAIN_STEPS", "10")
    monkeypatch.setenv("IMMERSION_TRAIN_SEED", "3")
    monkeypatch.setenv("IMMERSION_TRAIN_BATCH_SIZE", "5")
    assert resolve("train vae") == ("train vae", {"steps": 10, "seed": 3, "batch_size": 5})
    file = tmp_path / "x.toml"
    assert resolve("train vae", file)[1] == {"steps": 20, "seed": 3, "batch_size": 7}
    assert resolve("train vae --steps 30", file)[1]["steps"] == 30


def test_minutes_replace_the_steps_of_a_file_or_the_environment(trained, monkeypatch, tmp_path):
    assert resolve("train --seed 2", trained / "run.json")[1]["steps"] == 300
    assert "steps" not in (given := resolve("train --minutes 3", trained / "run.json")[1])
    assert given["minutes"] == 3.0 and given["batch_size"] == 50
    (tmp_path / "x.toml").write_text("minutes = 5")
    monkeypatch.setenv("IMMERSION_TRAIN_STEPS", "10")
    assert resolve("train vae")[1] == {"steps": 10}
    assert resolve("train vae", tmp_path / "x.toml")[1] == {"minutes": 5.0}
    assert resolve("train vae --steps 7", tmp_path / "x.toml")[1] == {"steps": 7}


def test_a_file_is_flat_or_has_a_table_for_each_command(tmp_path):
    flat, tables = tmp_path / "flat.toml", tmp_path / "tables.toml"
    flat.write_text('recipe = "gan"\ndata = "digits"\nconditional = true\nr1 = 0.5\nlatent = 3\n')
    tables.write_text(
        'seed = 4\n[train]\nrecipe = "vae"\nlatent_dim = 2\n[train.optimizer]\nlearning_rate = 1\n'
        "[manifold]\nunits = [0, 7]\n[evaluate]\nparzen = true\n"
    )
    expected = {"data": "digits", "conditional": True, "r1": 0.5, "latent_dim": 3}
    assert resolve("train", flat) == ("train gan", expected)
    assert resolve("train", tables) == (
        "train vae",
        {"seed": 4, "latent_dim": 2, "learning_rate": 1.0},
    )
    assert resolve("evaluate x", tables)[1] == {"run": Path("x"), "seed": 4, "parzen": True}
    with pytest.raises(UserError, match=r"unknown key in '.*tables.toml': .* received 'seed'"):
        resolve("manifold x", tables)


def test_environment_variables_are_read_as_flags_are(monkeypatch):
    for name, value in {
        "TRAIN_LATENT_DIM": "4",
        "TRAIN_CONDITIONAL": "true",  # a flag of gan: no mistake for vae
        "MANIFOLD_UNITS": "0 7",
        "APPLY_OUT": "my folder",
        "DATA": "somewhere",
    }.items():
        monkeypatch.setenv(f"IMMERSION_{name}", value)
    assert resolve("train vae")[1] == {"latent_dim": 4}
    assert resolve("train gan")[1] == {"latent_dim": 4, "conditional": True}
    assert resolve("train gan --no-conditional")[1]["conditional"] is False
    assert resolve("manifold x")[1]["units"] == (0, 7)
    assert resolve("apply denoise x.png")[1]["out"] == Path("my folder")
    assert resolve("data")[1] == {}


def test_null_in_a_record_is_the_default_of_the_recipe(tmp_path, monkeypatch):
    monkeypatch.setenv("IMMERSION_TRAIN_LATENT_DIM", "4")
    (tmp_path / "x.json").write_text('{"latent_dim": null}')
    assert resolve("train vae", tmp_path / "x.json")[1] == {"latent_dim": None}


@pytest.mark.parametrize(
    ("line", "name", "content", "words"),
    [
        ("train vae", "x.toml", "stepz = 3", "unknown key in 'x.toml'|'stepz'|did you mean steps"),
        (
            "train vae",
            "x.toml",
            "steps = 'x'",
            "steps in 'x.toml' is not valid|a whole number|'x'",
        ),
        ("train vae", "x.toml", "steps = 1.5", "a whole number, received '1.5'"),
        ("train vae", "x.toml", "steps = ", "'x.toml' is damaged: expected TOML"),
        ("train vae", "x.json", "[1]", "'x.json' has no flags|received list"),
        ("train vae", "x.json", '{"seed": null}', "seed in 'x.json' is not valid|received None"),
        ("train vae", "x.yaml", "steps: 3", "a name that ends in .toml"),
        ("train vae", "missing.toml", None, "'missing.toml' cannot be read|No such file"),
        (
            "train vae",
            "x.toml",
            'recipe = "gan"',
            "is of another recipe: expected gan|received vae",
        ),
        ("train", "x.toml", "steps = 3", "no recipe was named"),
        ("train", "x.toml", 'recipe = "vea"', "did you mean 'vae'"),
        ("evaluate x", "x.toml", "[evaluat]\nseed = 1", "unknown key|did you mean evaluate"),
        ("evaluate x", "x.toml", "[evaluate]\nsed = 1", "did you mean seed"),
    ],
)
def test_mistakes_in_a_file_are_one_sentence(
    capsys, monkeypatch, tmp_path, line, name, content, words
):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path(name).write_text(content)
    with pytest.raises(SystemExit) as stop:
        main([*line.split(), "--config", name])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.count("\n") == 1 and error.endswith(".\n")
    assert [word for word in words.split("|") if word not in error] == []


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("IMMERSION_TRAIN_STEPZ", "3", "did you mean IMMERSION_TRAIN_STEPS"),
        ("IMMERSION_TRAIN_STEPS", "x", "IMMERSION_TRAIN_STEPS is not valid|received 'x'"),
        ("IMMERSION_TRAIN_SCHEDULE", "lin", "IMMERSION_TRAIN_SCHEDULE|did you mean 'linear'"),
    ],
)
def test_mistakes_in_the_environment_are_one_sentence(monkeypatch, variable, value, words):
    monkeypatch.setenv(variable, value)
    with pytest.raises(UserError) as caught:
        resolve("train vae")
    assert [word for word in words.split("|") if word not in str(caught.value)] == []


def test_the_record_of_a_training_gives_no_flags_of_other_commands(trained):
    with pytest.raises(UserError, match="cannot give the flags of immersion evaluate"):
        resolve("evaluate x", trained / "run.json")
    with pytest.raises(UserError, match="is of another recipe"):
        resolve("train ae", trained / "run.json")
