"""Every mistake on every command line is one sentence; valid command lines stay valid."""

import random
from pathlib import Path

import pytest

from immersion.check import UserError
from immersion.cli import COMMANDS, main
from immersion.cli.command import load_command
from immersion.cli.flags import REQUIRED
from immersion.cli.help_pages import load_all
from immersion.cli.parse import parse
from immersion.cli.values import format_words
from immersion.recipes import RECIPES

NAMES = [*(name for name in COMMANDS if name != "train"), *(f"train {name}" for name in RECIPES)]
ALL = load_all()


def necessary(name: str) -> list[str]:
    """The words that a command cannot do without."""
    words = []
    for flag in ALL[name].flags.values():
        if flag.default is REQUIRED:
            words += [] if flag.positional else [flag.word]
            words += ["bash" if name == "completion" else "x"]
    return words


def refuse(name: str, *words: str) -> str:
    """The sentence that refuses a command line, checked for its form."""
    with pytest.raises(UserError) as caught:
        parse(ALL[name], [*necessary(name), *words])
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and "│" not in sentence
    assert ": expected " in sentence and ", received " in sentence and "; " in sentence
    return sentence


@pytest.mark.parametrize("name", NAMES)
def test_each_kind_of_mistake_is_one_sentence(capsys, monkeypatch, tmp_path, name):
    """Through `main`: exit status 2, nothing on standard output, nothing written."""
    monkeypatch.chdir(tmp_path)
    words = [name, *necessary(name)]
    lines = {"--nosuch": [*words, "--nosuch", "3"], "surplus": [*words, "surplus", "surplus"]}
    if any(flag.default is REQUIRED for flag in ALL[name].flags.values()):
        lines["is missing"] = [name]
    if any(flag.count is None for flag in ALL[name].positional):
        del lines["surplus"]
    for words_of_sentence, line in lines.items():
        with pytest.raises(SystemExit) as stop:
            main([*line[0].split(), *line[1:]])
        out, error = capsys.readouterr()
        assert stop.value.code == 2 and out == ""
        assert error.startswith("immersion: ") and error.count("\n") == 1
        assert words_of_sentence in error and "; " in error and error.endswith(".\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_mistyped_flag_is_answered_with_the_nearest(name):
    for flag in ALL[name].flags.values():
        if not flag.positional and len(flag.name) > 3:
            mistyped = flag.word[:4] + flag.word[5:]
            if mistyped[2:].replace("-", "_") not in ALL[name].flags:
                sentence = refuse(name, mistyped, "1")
                assert mistyped in sentence and "did you mean" in sentence
                assert flag.word in sentence.partition("did you mean")[2], sentence


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_or_missing_value_is_answered_with_what_was_expected(name):
    for flag in ALL[name].flags.values():
        if flag.positional:
            continue
        if not flag.switch:
            assert f"{flag.word} needs a value" in refuse(name, flag.word)
            assert f"{flag.word} needs a value" in refuse(name, flag.word, "--json")
        if str not in (flag.kind, *getattr(flag.kind, "__args__", ())) and "Path" not in str(
            flag.kind
        ):
            wrong = refuse(name, f"{flag.word}=not-one")
            assert f"{flag.word} is not valid" in wrong and "'not-one'" in wrong


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("train ")])
def test_a_flag_of_another_recipe_is_answered_with_that_recipe(name):
    own = {flag.word for flag in ALL[name].flags.values()}
    for other, command in ALL.items():
        for flag in command.flags.values():
            if other.startswith("train ") and flag.word not in own:
                sentence = refuse(name, flag.word, "1")
                recipes = sentence.rpartition("; it is a flag of immersion train ")[2]
                near = "did you mean" in sentence
                assert near or other.removeprefix("train ") in recipes.rstrip(".").split(" | ")


@pytest.mark.parametrize("name", NAMES)
def test_defaults_written_out_give_the_same_values(name):
    """What help shows as the default can be given, under either spelling, and is the default."""
    words, expected = necessary(name), {}
    for flag in ALL[name].flags.values():
        if flag.positional or flag.default in (None, REQUIRED, (), ""):
            continue
        expected[flag.name] = flag.default
        if flag.switch:
            words.append(flag.word if flag.default else f"--no-{flag.word[2:]}")
        else:
            words += [random.choice([flag.word, f"--{flag.name}"]), *format_words(flag.default)]
    values = parse(ALL[name], words)
    assert {key: values[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("train vae --latent-dim 3 --latent-dim 4", {"latent_dim": 4}),
        ("train vae --latent-dim=-3", {"latent_dim": -3}),
        ("train vae --latent 3 --beta -1e-3", {"latent_dim": 3, "beta": -0.001}),
        ("train vae --optimiser sgd", {"optimizer": "sgd"}),
        ("train vae -oruns/x --size=8", {"out": Path("runs/x"), "size": 8}),
        ("train vae --baseline leave-one-out", {"baseline": "leave-one-out"}),
        ("train vae --baseline 0.5", {"baseline": 0.5}),
        ("train gan --conditional --no-mirror", {"conditional": True, "mirror": False}),
        ("train gan --conditional=false", {"conditional": False}),
        ("train denoise --data x --no-told", {"data": "x", "level_map": False}),
        ("train denoise --data x --learn noisy", {"data": "x", "targets": "noisy"}),
        ("train denoise --strength 0 55 --data x", {"data": "x", "strength": (0.0, 55.0)}),
        ("manifold --units 0 7 r", {"run": Path("r"), "units": (0, 7)}),
        (
            "reconstruct r a --refine 3 b",
            {"run": Path("r"), "images": (Path("a"), Path("b")), "refine": 3},
        ),
        (
            "reconstruct --refine 3 -- r -x.png",
            {"run": Path("r"), "images": (Path("-x.png"),), "refine": 3},
        ),
        (
            "score r x --importance 7",
            {"run": Path("r"), "data": (Path("x"),), "importance_samples": 7},
        ),
        ("sample r --label -1", {"run": Path("r"), "label": "-1"}),
        ("data", {}),
    ],
)
def test_valid_command_lines(line, expected):
    name, *words = line.split()
    if name == "train":
        name, *words = f"train {words[0]}", *words[1:]
    assert parse(ALL[name], words) == expected


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("train vae --latnt 3", "did you mean --latent-dim"),
        ("train vae --optimisr sgd", "did you mean --optimizer"),
        ("train vae --latent-dim 3.7", "expected a whole number, received '3.7'"),
        ("train vae --latent-dim None", "expected a whole number, received 'None'"),
        ("train vae --schedule lin", "did you mean 'linear'"),
        ("train vae --no-steps", "unknown flag"),
        ("train gan --no-mirror=true", "unknown flag"),
        ("train gan --game", "--game needs a value: expected text, received nothing"),
        ("train vae -x 3", "received -x"),
        ("manifold r --units 0", "expected 2 words, each a whole number, received 0"),
        ("manifold r --units 0 x", "expected 2 words, each a whole number, received '0 x'"),
        ("sample r --out=", "--out is not valid: expected a path, received ''"),
    ],
)
def test_sentences(line, part):
    name, *words = line.split()
    if name == "train":
        name, *words = f"train {words[0]}", *words[1:]
    with pytest.raises(UserError) as caught:
        parse(ALL[name], words)
    assert part in str(caught.value)


def test_a_field_keeps_the_default_of_its_recipe_if_another_is_given():
    command = ALL["train gan"]
    given = {}
    object.__setattr__(command, "function", lambda **values: given.update(values))
    command.run(parse(command, ["--momentum", "0.5", "--steps", "7"]), quiet=True)
    assert given["optimizer"].momentum == 0.5 and given["optimizer"].learning_rate == 4e-4
    assert given["options"].steps == 7 and set(given) == {"optimizer", "options"}


def test_a_command_is_imported_alone():
    assert load_command("completion").flags["shell"].word == "SHELL"
