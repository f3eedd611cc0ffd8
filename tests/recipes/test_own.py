"""Recipes outside the package: found by name, trained, loaded again, and never run unasked."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

import immersion as im
from immersion.check import UserError
from immersion.recipes import own
from immersion.recipes.call import RecipeCall
from immersion.runs.load import load_run

CODE = '''
from pathlib import Path
import immersion as im
from immersion.recipes import RECIPES

Path("ran").touch()


def my_vae(spec: im.Spec, *, hidden: int = 8):
    """Train a small VAE.

    Args:
        spec: The data.
        hidden: Units of the hidden layer.
    """
    architecture = im.Architecture("dense", width=hidden, depth=1)
    return RECIPES["vae"](spec, latent_dim=2, architecture=architecture)


def model_alone(spec: im.Spec):
    """Return a model without an experiment."""
    p = im.likelihoods.Bernoulli(spec.shape)
    return im.VAE.build(spec.shape, 2, p, im.Architecture("dense", width=4, depth=1))


def neither(spec: im.Spec):
    """Return nothing of use."""
    return 3
'''

SETTINGS = {"steps": 4, "batch_size": 20, "progress": False, "verbose": False}


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(own, "_GIVEN", {})
    monkeypatch.setattr(own, "_SOURCES", {})
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    (tmp_path / "mine.py").write_text(CODE)
    return tmp_path


def test_a_recipe_of_ones_own_trains_with_its_settings(mine):
    run = im.train("mine.py:my_vae", "digits", hidden=16, out="run", **SETTINGS)
    assert run.record.recipe == "mine.py:my_vae" and run.record.arguments == {"hidden": 16}
    assert str(mine) not in (mine / "run" / "run.json").read_text()
    assert im.load("run").encode(run.data.test.x[:3]).shape == (3, 2)
    assert RecipeCall("mine.py:my_vae").flags.keys() >= {"hidden"}


def test_a_recipe_may_be_a_function_or_return_a_model(mine):
    sys.path.insert(0, str(mine))
    try:
        import mine as module
    finally:
        sys.path.remove(str(mine))
    run = im.train(module.my_vae, "digits", out="run", **SETTINGS)
    assert run.record.recipe == "mine.py:my_vae"
    data = im.load_data("digits", binarize="threshold")
    assert isinstance(im.train(module.model_alone, data, out="b", **SETTINGS).model, im.VAE)
    with pytest.raises(UserError, match="did not build an experiment"):
        im.train(module.neither, data, out="c", **SETTINGS)


def in_another_process(mine, code):
    """Run Python elsewhere, so that nothing that this process trusts is trusted."""
    (mine / "elsewhere").mkdir(exist_ok=True)
    (mine / "ran").unlink(missing_ok=True)
    command = [sys.executable, "-c", f"import immersion as im\n{code}"]
    return subprocess.run(command, cwd=mine / "elsewhere", capture_output=True, text=True)


def test_code_of_a_run_runs_only_if_named_or_confirmed(mine):
    im.train("mine.py:my_vae", "digits", out="run", **SETTINGS)
    refused = in_another_process(mine, "im.load('../run')")
    assert "would be run" in refused.stderr and str(mine / "mine.py") in refused.stderr
    assert not (mine / "elsewhere" / "ran").exists()
    remedy = re.search(r"im\.load\(run, (recipe='.*')\)", refused.stderr)[1]
    named = in_another_process(mine, f"im.load('../run', {remedy}).sample(2)")
    assert named.returncode == 0, named.stderr
    confirmed = "from immersion.recipes import own\nwith own.trust_code(): im.load('../run')"
    assert in_another_process(mine, confirmed).returncode == 0
    assert (mine / "elsewhere" / "ran").exists()


def test_trust_in_one_file_is_not_trust_in_another_of_its_name(mine, tmp_path_factory):
    im.train("mine.py:my_vae", "digits", out="run", **SETTINGS)
    other = tmp_path_factory.mktemp("other")
    (other / "mine.py").write_text(CODE)
    (mine / "run" / "paths.json").write_text(f'{{"code": "{other / "mine.py"}"}}')
    with pytest.raises(UserError, match="would be run"):
        load_run("run")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mine.py:absent", "no such function"),
        ("absent.py:f", "there is no such file"),
        ("mine.py:", "has no function"),
        ("no_such_module:f", "cannot be imported"),
        ("broken.py:f", "ZeroDivisionError"),
    ],
)
def test_wrong_names_are_sentences(mine, name, words):
    (mine / "broken.py").write_text("1 / 0")
    with pytest.raises(UserError, match=words):
        im.train(name, "digits", **SETTINGS)


def test_entry_points_are_recipes(mine, monkeypatch):
    package = mine / "site"
    (package / "theirs-1.0.dist-info").mkdir(parents=True)
    (package / "theirs.py").write_text(CODE)
    information = package / "theirs-1.0.dist-info"
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[immersion.recipes]\ntheir-vae = theirs:my_vae\n"
    )
    code = f"import sys\nsys.path.insert(0, {str(package)!r})\n"
    code += "run = im.train('their-vae', 'digits', hidden=4, steps=2, out='run', progress=False)\n"
    code += "print(im.load('run').record.recipe)"
    done = in_another_process(mine, code)
    assert done.stdout.strip() == "their-vae", done.stderr


def test_a_model_built_in_python_is_fitted_and_loaded(tmp_path):
    x = torch.randn(60, 5)
    p = im.likelihoods.GaussianShared((5,))
    model = im.VAE(torch.nn.Linear(5, 4), torch.nn.Linear(2, 5), p, latent_dim=2)
    run = im.fit(model, x, out=tmp_path / "run", **SETTINGS)
    assert set(run.evaluation["estimates"]) >= {"elbo", "kl"} and run.report().is_file()
    with pytest.raises(UserError, match="built in Python"):
        im.load(tmp_path / "run")
    again = im.VAE(
        torch.nn.Linear(5, 4), torch.nn.Linear(2, 5), im.likelihoods.GaussianShared((5,)), 2
    )
    loaded = im.load(tmp_path / "run", model=again)
    assert torch.equal(loaded.encode(x), run.encode(x))
    assert torch.equal(loaded.data.test.x, run.data.test.x)


def test_any_objective_and_any_module(tmp_path):
    def loss(model, batch):
        return {"loss": (model(batch.x) - batch.x).square().sum(1), "size": batch.x.norm(dim=1)}

    run = im.fit(
        torch.nn.Linear(5, 5), torch.randn(60, 5), objective=loss, out=tmp_path / "run", **SETTINGS
    )
    assert set(run.evaluation["estimates"]) == {"loss", "size"}
    with pytest.raises(UserError, match="no objective is known"):
        im.fit(torch.nn.Linear(5, 5), torch.randn(60, 5), out=tmp_path / "other", **SETTINGS)


def make_vae(hidden=4):
    network = torch.nn.Sequential(torch.nn.Linear(5, hidden), torch.nn.Linear(hidden, 4))
    p = im.likelihoods.GaussianShared((5,))
    return im.VAE(network, torch.nn.Linear(2, 5), p, latent_dim=2)


def test_another_experiment_is_fitted_in_another_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    x = torch.randn(60, 5)
    first = im.fit(make_vae(), x, **SETTINGS)
    same = im.fit(make_vae(), x, **SETTINGS | {"steps": 6})
    assert same.path == first.path and same.record.step == 6
    im.fit(make_vae(), x, **SETTINGS | {"steps": 6, "progress": True})
    assert "is finished: its 6 steps were made before" in capsys.readouterr().err
    others = [
        im.fit(make_vae(), x, objective=im.ELBO(beta=4.0), **SETTINGS),
        im.fit(make_vae(8), x, **SETTINGS),
        im.fit(make_vae(), x, objective=lambda model, batch: im.ELBO()(model, batch), **SETTINGS),
    ]
    paths = [first.path, *(run.path for run in others)]
    assert [path.name.removeprefix(first.path.name) for path in paths] == ["", "-2", "-3", "-4"]
    again = im.fit(make_vae(), x, objective=im.ELBO(beta=4.0), **SETTINGS)
    assert again.path == others[0].path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"objective": im.ELBO(beta=4.0)}, r"objective 'ELBO\(.*beta=1.0.*beta=4.0.*out="),
        ({"model": make_vae(8)}, "model 'VAE .*out="),
        ({"optimizer": im.OptimizerSettings(learning_rate=0.1)}, "learning_rate 0.001"),
    ],
    ids=["objective", "model", "optimizer"],
)
def test_a_given_folder_is_not_resumed_by_another_experiment(change, words, tmp_path):
    arguments = {"model": make_vae(), "data": torch.randn(60, 5), "out": tmp_path / "run"}
    im.fit(**arguments, **SETTINGS)
    before = (tmp_path / "run" / "run.json").read_text()
    with pytest.raises(UserError, match=f"holds another run.*{words}"):
        im.fit(**arguments | change, **SETTINGS)
    assert (tmp_path / "run" / "run.json").read_text() == before
    assert im.fit(**arguments, **SETTINGS).record.step == 4


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("depth=1)", "depth=2)", "model"),
        (
            "latent_dim=2, architecture=architecture)",
            "latent_dim=2, objective=im.ELBO(beta=4.0))",
            "model|objective",
        ),
        ("p = im.likelihoods", "# the same\n    p = im.likelihoods", ""),
        ("Units of the hidden layer", "Units", ""),
    ],
)
def test_an_edited_recipe_does_not_resume(old, new, words, mine):
    name = "mine.py:my_vae"
    im.train(name, "digits", out="run", **SETTINGS)
    (mine / "mine.py").write_text(CODE.replace(old, new))
    if not words:
        assert im.train(name, "digits", out="run", **SETTINGS | {"steps": 6}).record.step == 6
        return
    with pytest.raises(UserError, match=f"holds another run.*({words}).*another folder"):
        im.train(name, "digits", out="run", **SETTINGS)


def test_a_checkpoint_of_other_weights_is_refused_in_a_sentence(tmp_path):
    x = torch.randn(60, 5)
    run = im.fit(make_vae(), x, out=tmp_path / "run", **SETTINGS)
    run.folder.write_record(replace(run.folder.record(), experiment={}))  # an earlier version's
    with pytest.raises(UserError, match="does not fit the model"):
        im.fit(make_vae(8), x, out=tmp_path / "run", **SETTINGS | {"steps": 6})


@pytest.mark.parametrize(
    "beside",
    [{"objective": im.Reconstruction()}, {"optimizer": im.OptimizerSettings()}],
    ids=["objective", "optimizer"],
)
def test_players_come_without_what_each_has_itself(beside, tmp_path):
    model = torch.nn.Linear(5, 5)
    player = im.Player("only", list(model.parameters()), im.Reconstruction())
    (name,) = beside
    with pytest.raises(UserError, match=f"each player has its own {name}.*{name}="):
        im.fit(model, torch.randn(60, 5), players=[player], out=tmp_path / "a", **beside)
    assert not (tmp_path / "a").exists()


def test_a_gan_plays_its_usual_game(tmp_path):
    generator, network = torch.nn.Linear(2, 5), torch.nn.Linear(5, 1)
    prior = im.priors.StandardNormal(2)
    model = im.GAN(generator, im.Discriminator(network), prior, latent_dim=2)
    run = im.fit(model, torch.randn(60, 5), out=tmp_path / "run", **SETTINGS)
    assert run.sample(3).shape == (3, 5) and "discriminator/value" in run.history


def test_code_that_is_gone_is_not_replaced_by_a_file_of_its_name(mine, tmp_path, monkeypatch):
    run = im.train("mine.py:my_vae", "digits", out=tmp_path / "run", **SETTINGS)
    (tmp_path / "elsewhere").mkdir()
    (mine / "mine.py").rename(tmp_path / "elsewhere" / "mine.py")
    monkeypatch.chdir(tmp_path / "elsewhere")
    own._GIVEN.clear()
    with own.trust_code(), pytest.raises(UserError, match=r"is not where it was.*mine.py"):
        im.load(run.path)
    assert im.load(run.path, recipe="mine.py:my_vae").sample(1).shape == (1, 1, 8, 8)


def test_another_model_is_not_given_the_weights(tmp_path):
    run = im.fit(make_vae(), torch.randn(60, 5), out=tmp_path / "run", **SETTINGS)
    other = make_vae()
    other.encoder.insert(1, torch.nn.Tanh())
    with pytest.raises(UserError, match="not the one that was trained"):
        im.load(run.path, model=other)
    assert im.load(run.path, model=make_vae()).path == run.path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"objective": im.ELBO}, "cannot be called.*the class ELBO"),
        ({"objective": 5}, "cannot be called"),
        ({"optimizer": "adam"}, "by its settings"),
        ({"players": ["a"]}, "players= holds something else"),
        ({"model": "vae"}, "not a module"),
        ({"model": im.VAE}, "not a module.*the class VAE"),
    ],
)
def test_arguments_of_another_type_are_refused(arguments, words, tmp_path):
    given = {"model": make_vae(), "data": torch.randn(60, 5), "out": tmp_path / "a"} | arguments
    with pytest.raises(UserError, match=words):
        im.fit(**given, **SETTINGS)
    assert not (tmp_path / "a").exists()


def test_networks_that_do_not_fit_are_refused():
    p, x = im.likelihoods.GaussianShared((5,)), torch.randn(6, 5)
    narrow = im.VAE(torch.nn.Linear(5, 3), torch.nn.Linear(2, 5), p, latent_dim=2)
    with pytest.raises(UserError, match=r"encoder does not fit .*\(4,\) for each.*\(3,\)"):
        narrow.encode(x)
    wide = im.VAE(torch.nn.Linear(5, 4), torch.nn.Linear(2, 6), p, latent_dim=2)
    with pytest.raises(UserError, match=r"decoder does not fit GaussianShared.*\(6,\)"):
        wide.decode(torch.zeros(3, 2))
    with pytest.raises(UserError, match="latent-dim"):
        im.VAE(torch.nn.Linear(5, 4), torch.nn.Linear(2, 5), p, latent_dim=0)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def f(spec, a): pass", "is no recipe"),
        ("def f(): pass", "is no recipe"),
        ("import sys; sys.exit(0)", "cannot be imported"),
    ],
)
def test_files_that_hold_no_recipe_are_refused(code, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text(code)
    with pytest.raises(UserError, match=words):
        im.train("broken.py:f", "digits", **SETTINGS)
