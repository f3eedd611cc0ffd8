"""A VAE with a flow as prior and as posterior: trained, resumed, evaluated, sampled, reported."""

import json

import pytest
import torch

from immersion import check
from immersion.check import UserError
from immersion.commands import draw
from immersion.commands.evaluate import evaluate
from immersion.commands.sample import sample
from immersion.commands.train import train
from immersion.engine import Options
from immersion.nn import Architecture
from immersion.objectives import ELBO
from immersion.recipes import RECIPES
from immersion.run_folder import RunFolder
from immersion.runs.load import load_run
from immersion.spec import Spec

SPEC = Spec("table", (6,), "real")
FLOWS = {"prior": "flow", "posterior": "flow"}
SMALL = {"latent_dim": 2, "architecture": Architecture("dense", 8, 1)}


class Stop(Exception):
    """The end of a training that was interrupted."""


def trained(folder, stop=0):
    def on_metrics(row):
        if row["step"] == stop:
            raise Stop

    options = Options(steps=6, batch_size=20, log_every=1, checkpoint_seconds=0.0, device="cpu")
    settings = {"data": "digits", "out": folder, "options": options, "on_metrics": on_metrics}
    return train("vae", arguments={**FLOWS, **SMALL}, **settings)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flow") / "run"
    trained(folder)
    return folder


def test_it_resumes_bit_for_bit(run, tmp_path):
    with pytest.raises(Stop):
        trained(tmp_path / "run", stop=4)
    assert RunFolder(tmp_path / "run").load_checkpoint()[1]["step"] < 6
    trained(tmp_path / "run")
    (tensors, _), (others, _) = (RunFolder(n).load_checkpoint() for n in (run, tmp_path / "run"))
    assert tensors.keys() == others.keys()
    assert not [name for name, t in tensors.items() if not torch.equal(t, others[name])]


def test_its_folder_has_what_its_distributions_have(run):
    names = {path.name for path in (run / "samples").iterdir()}
    # There is no manifold: the units of a flow have no quantiles.
    expected = {"samples.png", "reconstructions.png", "interpolation.png", "neighbours.png"}
    assert {*expected, "latent.svg"} <= names and "manifold.png" not in names
    assert (run / "report.html").exists()
    arguments = json.loads((run / "run.json").read_text())["arguments"]
    assert (arguments["prior"], arguments["posterior"]) == ("flow", "flow")


def test_it_is_evaluated_without_a_mean_or_a_divergence_in_closed_form(run):
    result = evaluate(run, importance_samples=10, samples=0, device="cpu")
    assert result["protocol"]["kl"] == "one code"
    assert "64 codes" in result["protocol"]["means"]
    assert "active_units" not in result and result["kl_per_unit"] == []
    elbo, bound = (result["estimates"][n] for n in ("elbo", "importance_weighted_bound"))
    assert bound["value"] > elbo["value"]


def test_it_is_sampled_and_reconstructs(run):
    assert sample(run, count=5)["shape"] == [5, 1, 8, 8]
    assert draw.reconstruct(run)["examples"] == 50
    assert draw.interpolate(run, pairs=2)["between"] == "test examples"
    with pytest.raises(UserError, match="no quantiles"):
        draw.manifold(run)
    assert load_run(run).decoder.encodes


@pytest.mark.parametrize(
    ("objective", "words"), [(ELBO("entropy"), "entropy"), (ELBO(free_bits=1.0), "free bits")]
)
def test_a_bound_that_needs_a_closed_form_is_refused_before_training(objective, words):
    with pytest.raises(UserError, match=words):
        RECIPES["vae"](SPEC, objective=objective, **FLOWS, **SMALL)


@pytest.mark.parametrize("name", ["prior", "posterior"])
def test_unknown_names_and_a_missing_package(name, monkeypatch):
    with pytest.raises(UserError, match=f"unknown {name}"):
        RECIPES["vae"](SPEC, **{name: "flo"}, **SMALL)
    monkeypatch.setattr(check, "find_spec", lambda module: None)
    with pytest.raises(UserError, match=r"pip install '\.\[flows\]'"):
        RECIPES["vae"](SPEC, **{name: "flow"}, **SMALL)
