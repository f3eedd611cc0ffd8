"""`immersion evaluate`: likelihoods where there are some, and the quality of all samples."""

import json
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from immersion.check import UserError
from immersion.commands.evaluate import evaluate, evaluate_run
from immersion.commands.train import train
from immersion.data import load
from immersion.data.dataset import Dataset
from immersion.engine import Experiment, Options
from immersion.evaluation.samples import QUICK, SampleProtocol, compute_logits, evaluate_samples
from immersion.models import GAN, Discriminator, Generative, LatentVariableModel
from immersion.posteriors import PointMass
from immersion.priors import StandardNormal
from immersion.recipes.call import RecipeCall
from immersion.run_folder import RunFolder
from immersion.run_record import DataRecord, RunRecord
from immersion.runs.load import Run, load_run, read_data

QUALITY = {
    *("frechet", "frechet_unbiased", "kernel_distance", "precision", "recall", "density"),
    *("coverage", "two_sample_accuracy", "nearest_drawn", "nearest_held_out"),
    "nearer_than_held_out",
}
SHORT = Options(steps=20, batch_size=50, validate_every=20)
STORE = Path(os.environ.get("IMMERSION_DATA", "/nowhere"))


class Copier(Generative):
    """Draws examples of a split, evenly: what a model is that learned them by heart."""

    def __init__(self, examples):
        super().__init__(1, StandardNormal(1))
        self.examples = examples

    def encode(self, x):
        raise NotImplementedError

    def decode(self, z):
        share = Normal(0.0, 1.0).cdf(z[..., 0])
        index = (share * len(self.examples)).long().clamp(max=len(self.examples) - 1)
        return PointMass(self.examples[index], event=self.examples.ndim - 1)


class Noisy(LatentVariableModel):
    """x ~ N(0, I) in 64 dimensions, whatever the code: its mean is nothing like a sample."""

    def __init__(self):
        super().__init__(1, StandardNormal(1))

    def encode(self, x):
        raise NotImplementedError

    def decode(self, z):
        return Independent(Normal(torch.zeros(*z.shape[:-1], 1, 8, 8), 1.0), 3)


def run_of(data: Dataset, model: Generative, folder: Path) -> Run:
    record = RunRecord(data=DataRecord(spec=asdict(data.spec)))
    return Run(RunFolder(folder), record, Experiment(model, ()), data)


def copied(name: str, part: str, folder: Path, most: int = 100_000) -> Run:
    """Return a run whose model draws examples of one split."""
    data = read_data(RecipeCall("gan").recipe, name, None)
    split = getattr(data, part)
    x, _ = split.batch(torch.arange(min(most, len(split))))
    return run_of(data, Copier(x), folder)


@pytest.fixture
def vae(trained, tmp_path) -> Path:
    return shutil.copytree(trained, tmp_path / "vae")


@pytest.fixture(scope="module")
def gan(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "gan"
    small = {"latent_dim": 5, "width": 40, "units": 10}
    train("gan2014", data="digits", out=out, options=SHORT, arguments=small)
    return out


def test_a_vae_has_both_parts_and_its_likelihood_does_not_depend_on_the_other(vae):
    both = evaluate(vae, importance_samples=3)
    assert set(both["estimates"]) > QUALITY | {"elbo", "importance_weighted_bound"}
    assert both["estimates"]["frechet"]["examples"] == 180
    protocol = both["sample_protocol"]
    assert protocol["compared"] == "180 draws x ~ p(x|z)"
    assert protocol["extractor"]["name"] == "pca" and "left_out" not in protocol
    assert {"neighbourhoods", "kernel_distance", "frechet_unbiased"} <= set(protocol)
    alone = evaluate(vae, importance_samples=3, samples=0)
    assert not QUALITY & set(alone["estimates"]) and "sample_protocol" not in alone
    assert all(both["estimates"][name] == value for name, value in alone["estimates"].items())
    assert {n: v for n, v in both.items() if n not in ("estimates", "sample_protocol")} == {
        n: v for n, v in alone.items() if n != "estimates"
    }


def test_the_seed_decides_the_draws(vae):
    first, again, other = (
        evaluate_run(load_run(vae), 0, seed, SampleProtocol())["estimates"] for seed in (0, 0, 1)
    )
    assert first == again
    assert all(first[name]["value"] != other[name]["value"] for name in ("frechet", "recall"))


def test_a_gan_is_judged_by_its_samples_alone(gan):
    result = evaluate(gan, parzen=True, samples=300)
    parzen = {"parzen_log_likelihood", "parzen_of_real_data"}
    assert set(result["estimates"]) - {"discriminator_overfitting"} == QUALITY | parzen
    assert result["protocol"] == {"split": "test"} and "active_units" not in result
    protocol = result["sample_protocol"]
    assert protocol["compared"] == "180 images g(z)"
    assert "windows on 300 examples" in protocol["parzen_log_likelihood"]
    assert "windows on 300 examples" in protocol["parzen_of_real_data"]
    assert "orders models of images wrongly" in protocol["parzen_warning"]
    own, real = (result["estimates"][name]["value"] for name in sorted(parzen))
    assert own < real
    page = (gan / "report.html").read_text("utf-8")
    for said in ("Frechet distance", "orders models of images wrongly", "extractor name pca"):
        assert said in page


def test_training_ends_with_a_quick_look_at_the_samples(gan, trained):
    for folder in (gan, trained):
        written = json.loads((folder / "evaluation.json").read_text())
        assert set(written["estimates"]) >= QUALITY


def test_an_autoencoder_samples_means_from_its_codes_density(tmp_path):
    out = tmp_path / "ae"
    train("ae", data="digits", out=out, options=SHORT, arguments={"latent_dim": 2})
    result = evaluate(out, extractor="pixels")
    assert set(result["estimates"]) == QUALITY | {"squared_error"}
    assert result["sample_protocol"]["compared"] == "180 means E[x|z]"
    assert result["sample_protocol"]["extractor"] == {"name": "pixels", "features": 64}


def test_a_model_that_draws_its_training_examples_is_found_out(tmp_path):
    found = evaluate_samples(copied("digits", "train", tmp_path), SampleProtocol(), 0).estimates
    assert found["nearest_drawn"].value == 0
    assert found["nearer_than_held_out"].value == 1
    assert found["two_sample_accuracy"].value < 0.65
    assert found["coverage"].value > 0.85


def test_samples_are_draws_with_their_noise_and_not_means(tmp_path):
    run = run_of(read_data(RecipeCall("gan").recipe, "digits", None), Noisy(), tmp_path)
    found = evaluate_samples(run, SampleProtocol(extractor="pixels"), 0).estimates
    assert found["nearest_drawn"].value > 7  # sqrt(64 + |x|^2) from any; a mean lies nearer


def test_fresh_examples_of_the_data_are_no_copies(tmp_path):
    found = evaluate_samples(
        copied("digits", "validation", tmp_path), SampleProtocol(), 0
    ).estimates
    share = found["nearer_than_held_out"]
    assert abs(share.value - 0.5) < 4 * share.standard_error


class Known(nn.Module):
    """A discriminator's network: 1 for what lies within a radius of known examples, else 0."""

    def __init__(self, examples, radius):
        super().__init__()
        self.examples, self.radius = examples.flatten(1), radius

    def forward(self, x):
        near = torch.cdist(x.flatten(1), self.examples).min(1).values
        return (near <= self.radius).float().unsqueeze(1)


@pytest.mark.parametrize(("radius", "share"), [(1e-3, 1.0), (6.0, 0.0)])
def test_a_discriminator_that_has_learnt_by_heart_is_found_out(radius, share, tmp_path):
    data = read_data(RecipeCall("gan").recipe, "digits", None)
    x, _ = data.train.batch(torch.arange(len(data.train)))
    generator = nn.Sequential(nn.Linear(2, 64), nn.Unflatten(1, (1, 8, 8)))
    torch.nn.init.constant_(generator[0].bias, 30.0)  # its draws are like nothing
    model = GAN(generator, Discriminator(Known(x, radius)), StandardNormal(2), 2).eval()
    result = evaluate_samples(run_of(data, model, tmp_path), replace(QUICK, samples=20_000), 0)
    assert result.estimates["discriminator_overfitting"].value == pytest.approx(share, abs=0.01)
    assert "compared on 1,437 training and 180 test" in result.protocol["discriminator"]


@pytest.mark.parametrize(("name", "modes"), [("ring", 8), ("grid", 25)])
def test_modes_are_counted_in_the_table_s_own_units(name, modes, tmp_path):
    run = copied(name, "validation", tmp_path)
    result = evaluate_samples(run, SampleProtocol(samples=2000), 0)
    assert result.estimates["modes"].value == modes
    share = result.estimates["high_quality"]
    assert abs(share.value - 0.98889) < 4 * share.standard_error
    assert result.estimates["reverse_kl"].value < 0.03
    assert result.protocol["modes"] == "of 2,000 draws"


@pytest.mark.skipif(not (STORE / "mnist").is_dir(), reason="needs mnist of IMMERSION_DATA")
def test_stacked_digits_are_told_apart_channel_by_channel(tmp_path):
    data = read_data(RecipeCall("gan").recipe, "stacked-mnist", None)
    few = torch.tensor([0, 1, 2, 3, 4])
    x, y = data.test.batch(few)
    result = evaluate_samples(run_of(data, Copier(x), tmp_path), replace(QUICK, samples=200), 0)
    assert result.estimates["modes"].value == len(y.unique())
    assert result.estimates["reverse_kl"].value == pytest.approx(5.3, abs=0.1)  # log(1000 / 5)
    assert result.protocol["extractor"]["features"] == 192


def test_draws_beside_one_split_are_not_those_beside_the_other(gan):
    run = load_run(gan)
    train, again, test = (
        compute_logits(run.model, run.data.test, torch.arange(20), 0, part)[1]
        for part in ("train", "train", "test")
    )
    assert torch.equal(train, again) and not torch.equal(train, test)


def few(run: Run, count: int) -> Run:
    """Return the run with `count` test examples."""
    part = run.data.test
    test = replace(part, x=part.x[:count], y=None)
    return replace(run, read=replace(run.data, test=test))


def test_too_few_test_examples_are_said_where_nothing_was_asked_for(trained):
    run = few(load_run(trained), 40)
    for protocol in (QUICK, SampleProtocol()):
        result = evaluate_samples(run, protocol, 0)
        assert "too few real examples: expected more than 50" in result.protocol["left_out"]
        assert "frechet" not in result.estimates and "nearest_drawn" in result.estimates
    with pytest.raises(UserError, match=r"fewer test examples than the pca .* more than 50"):
        evaluate_samples(run, SampleProtocol(extractor="pca"), 0)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"samples": -1}, "--samples is too small"),
        ({"samples": 50}, "fewer samples than the pca extractor has features.*51 or more"),
        ({"extractor": "inception"}, "unknown extractor"),
        ({"extractor": "digits"}, "is for handwritten digits"),
        ({"extractor_hash": "0" * 64}, "--extractor-hash is for your own file"),
        ({"samples": 0, "parzen": True}, "no samples are drawn"),
        ({"samples": 0, "extractor": "pca"}, "no samples are drawn"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_nothing_is_written(vae, flags, said):
    before = (vae / "evaluation.json").read_text()
    with pytest.raises(UserError, match=said):
        evaluate(vae, importance_samples=0, **flags)
    assert (vae / "evaluation.json").read_text() == before


def test_parzen_windows_are_for_images(tmp_path):
    with pytest.raises(UserError, match="are for values from 0 to 1"):
        evaluate_samples(copied("two-moons", "train", tmp_path), SampleProtocol(parzen=True), 0)


def test_what_is_made_binary_is_compared_with_binary_examples(tmp_path):
    data = load("digits", binarize="dynamic")
    x, _ = data.validation.batch(torch.arange(len(data.validation)))
    run = run_of(data, Copier(x), tmp_path)
    run = replace(run, experiment=replace(run.experiment, binarize="dynamic"))
    result = evaluate_samples(run, SampleProtocol(extractor="pixels"), 0)
    assert result.protocol["reference"].endswith("made binary as in training")
    assert result.estimates["two_sample_accuracy"].value < 0.7
