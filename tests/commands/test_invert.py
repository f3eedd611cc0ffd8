"""Encoders for generators: exact where the generator is linear, and codes found by descent."""

import json
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
from PIL import Image
from torch import nn

from immersion import engine
from immersion.batch import Batch, Split
from immersion.check import UserError
from immersion.commands.draw import interpolate, reconstruct
from immersion.commands.invert import check_learning, invert
from immersion.commands.train import train
from immersion.data.dataset import MemorySplit
from immersion.engine import Experiment, OptimizerSettings, Options, Player
from immersion.models import GAN, Discriminator
from immersion.models.inverse import InverseGenerator, build_encoder
from immersion.models.refine import find_nearest_sample, refine_codes, squared_errors
from immersion.nn import Architecture
from immersion.objectives import Inversion
from immersion.priors import Labelled, StandardNormal, UniformCube
from immersion.run_folder import RunFolder
from immersion.runs.load import load_model, load_run

D, LATENT = 6, 2
LINEAR = Architecture("dense", depth=0)


def gan(network, prior=None, latent_dim=LATENT):
    """Return a GAN in evaluation mode of which only the generator matters."""
    discriminator = Discriminator(nn.Linear(D, 1))
    return GAN(network, discriminator, prior or StandardNormal(latent_dim), latent_dim).eval()


@pytest.fixture
def linear():
    """A linear generator g(z) = W z + b."""
    torch.manual_seed(0)
    return gan(nn.Linear(LATENT, D))


def least_squares(model, x):
    """Return the code of the point of the generator's plane that is nearest to x."""
    inverse = torch.linalg.pinv(model.generator.weight.detach())
    return (x - model.generator.bias.detach()) @ inverse.T


class Data(NamedTuple):
    train: Split
    validation: Split


def rows(n=400):
    torch.manual_seed(1)
    split = MemorySplit(torch.randn(n, D), None, "real")
    return Data(split, split)


def taught(model, encoder, folder, steps=10, weight=1.0):
    player = Player(
        "encoder",
        list(encoder.parameters()),
        Inversion(model, weight),
        OptimizerSettings("adam", 0.03),
    )
    options = Options(steps=steps, batch_size=100, precision="float32", validate_every=0)
    engine.train(Experiment(encoder, (player,)), rows(), RunFolder(folder), options)
    return encoder


class TestObjective:
    def test_the_pseudo_inverse_makes_no_error_that_can_be_avoided(self, linear):
        x = rows().train.x[:50]
        terms = Inversion(linear, 3.0)(lambda x: least_squares(linear, x), batch(x))
        assert {name: t.shape for name, t in terms.items()} == dict.fromkeys(terms, (50,))
        assert terms["code_error"].max() < 1e-10
        left = x - linear.generator(least_squares(linear, x))
        torch.testing.assert_close(terms["reconstruction_error"], left.square().mean(1))
        torch.testing.assert_close(terms["loss"], 3 * terms["reconstruction_error"])

    def test_codes_that_are_all_zero_miss_by_the_prior_variance(self, linear):
        x = torch.zeros(20_000, D)
        terms = Inversion(linear, 0.0)(lambda x: torch.zeros(len(x), LATENT), batch(x))
        assert terms["loss"].mean().item() == pytest.approx(1.0, abs=4.5 * (1 / 20_000) ** 0.5)

    @pytest.mark.parametrize("weight", [0.0, 1.0])
    def test_training_finds_the_pseudo_inverse(self, linear, weight, tmp_path):
        encoder = taught(
            linear, build_encoder(linear, (D,), LINEAR), tmp_path, steps=600, weight=weight
        )
        made = linear.generate(torch.randn(20, LATENT))
        # On examples off the plane only the reconstruction error says what to do.
        x = rows().train.x[:20] if weight else made
        torch.testing.assert_close(encoder(x), least_squares(linear, x), rtol=0, atol=0.02)


def batch(x):
    return Batch(x, None, torch.tensor(0))


def test_the_generator_does_not_move(tmp_path):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(LATENT, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, D))
    model = gan(network)
    before = {name: t.clone() for name, t in model.state_dict().items()}
    encoder = build_encoder(model, (D,), Architecture("dense", 8, 1))
    first = {name: t.clone() for name, t in encoder.state_dict().items()}
    taught(model, encoder, tmp_path)
    assert all(torch.equal(t, before[name]) for name, t in model.state_dict().items())
    assert not any(torch.equal(t, first[name]) for name, t in encoder.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    tensors, _ = RunFolder(tmp_path).load_checkpoint()
    assert {name.split("/")[0] for name in tensors} == {"model", "optimiser"}
    assert len([name for name in tensors if name.startswith("model/")]) == len(first)


class TestEncoder:
    def test_codes_lie_where_the_prior_lies(self):
        h = torch.randn(50, LATENT)
        assert torch.equal(InverseGenerator(nn.Identity(), StandardNormal(LATENT))(h), h)
        inverse = InverseGenerator(nn.Identity(), UniformCube(LATENT))
        torch.testing.assert_close(inverse(h), 3**0.5 * (2 * h.sigmoid() - 1))
        assert (inverse(100 * h).abs() <= 3**0.5 + 1e-6).all()

    def test_a_class_comes_as_probabilities(self):
        encoder = InverseGenerator(nn.Identity(), Labelled(UniformCube(LATENT), 3))
        h = torch.randn(50, LATENT + 3)
        z = encoder(h)
        torch.testing.assert_close(z[:, LATENT:], h[:, LATENT:].softmax(1))
        assert (z[:, :LATENT].abs() < 3**0.5).all()

    def test_the_class_is_learned_where_the_image_shows_it(self, tmp_path):
        torch.manual_seed(0)
        model = gan(nn.Linear(4, D), Labelled(StandardNormal(1), 3), 4)
        encoder = build_encoder(model, (D,), Architecture("dense", 32, 1))
        taught(model, encoder, tmp_path, steps=400, weight=0.0)
        z = model.sample_codes(200, None)
        found = encoder(model.generate(z))
        assert torch.equal(found[:, 1:].argmax(1), z[:, 1:].argmax(1))


class TestRefine:
    def test_it_reaches_the_least_squares(self, linear):
        linear.double()
        x = torch.randn(300, D, dtype=torch.float64)  # more than go together
        z = torch.randn(300, LATENT, dtype=torch.float64)
        found = refine_codes(linear, x, z, steps=600, prior_weight=0.0)
        torch.testing.assert_close(found, least_squares(linear, x), rtol=0, atol=1e-4)
        exact = squared_errors(linear, x, least_squares(linear, x))
        torch.testing.assert_close(squared_errors(linear, x, found), exact, rtol=1e-6, atol=1e-8)

    @pytest.mark.parametrize("prior", [StandardNormal, UniformCube])
    @pytest.mark.parametrize("steps", [0, 1, 7, 40])
    def test_no_error_ever_rises(self, prior, steps):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(3, 16), nn.SiLU(), nn.Linear(16, D))
        network[0].weight.data.mul_(20)  # rugged: a descent overshoots
        model = gan(network, prior(3), 3)
        x = torch.randn(60, D)
        z = model.sample_codes(60, None)
        found = refine_codes(model, x, z, steps)
        before, after = (squared_errors(model, x, code).detach() for code in (z, found))
        assert (after <= before).all()
        if not steps:
            torch.testing.assert_close(found, z)
        elif steps > 1:
            assert after.sum() < before.sum()
        if prior is UniformCube:
            assert (found.abs() <= 3**0.5 + 1e-6).all()
        assert all(p.grad is None for p in model.parameters())

    def test_the_code_of_a_generated_example_is_found_back(self):
        torch.manual_seed(0)
        first = nn.Linear(LATENT, 32)
        model = gan(nn.Sequential(first, nn.Tanh(), nn.Linear(32, D)))
        z = torch.randn(100, LATENT)
        x = model.generate(z).detach()
        start = find_nearest_sample(model, x)
        found = refine_codes(model, x, start, steps=300, prior_weight=0.0)
        error = (found - z).norm(dim=1)
        assert error.median() < 1e-3 < (start - z).norm(dim=1).median()
        assert squared_errors(model, x, found).median() < 1e-6

    def test_the_prior_draws_codes_in(self, linear):
        x = torch.randn(50, D)
        z = torch.randn(50, LATENT)
        codes = [refine_codes(linear, x, z, 400, weight) for weight in (0.0, 3.0, 100.0)]
        norms = [code.norm(dim=1).mean() for code in codes]
        errors = [squared_errors(linear, x, code).sum() for code in codes]
        assert norms[0] > norms[1] > norms[2] and errors[0] <= errors[1] <= errors[2]

    def test_the_class_stays(self):
        torch.manual_seed(0)
        model = gan(nn.Linear(4, D), Labelled(StandardNormal(1), 3), 4)
        z = model.sample_codes(30, None)
        found = refine_codes(model, torch.randn(30, D), z, steps=20)
        assert torch.equal(found[:, 1:], z[:, 1:])
        assert not torch.equal(found[:, :1], z[:, :1])

    def test_the_nearest_draw_is_the_nearest(self, linear):
        x = torch.randn(40, D)
        z = find_nearest_sample(linear, x, count=600, seed=3)
        error = squared_errors(linear, x, z)
        assert torch.equal(z, find_nearest_sample(linear, x, count=600, seed=3))
        torch.testing.assert_close(find_nearest_sample(linear, x[5:6], 600, 3)[0], z[5])
        # Every code that was chosen for one example is a draw that another may not improve on.
        for other in z:
            assert (squared_errors(linear, x, other.expand(40, -1)) >= error - 1e-5).all()


ARCHITECTURE = Architecture("dense", 16, 1)
OPTIONS = Options(
    steps=30, batch_size=50, precision="float32", log_every=1, checkpoint_seconds=0.0
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a GAN of digits, trained for a moment."""
    out = tmp_path_factory.mktemp("runs") / "gan"
    arguments = {"latent_dim": 3, "width": 16, "units": 8}
    train("gan2014", data="digits", out=out, options=OPTIONS, arguments=arguments)
    return out


def tree(path):
    return {
        file.relative_to(path): file.read_bytes()
        for file in path.rglob("*")
        if file.is_file() and file.relative_to(path).parts[0] not in ("encoder", "samples")
    }


class Stop(Exception):
    """Ends a training as a kill does: nothing is written after it."""


def test_a_run_gets_an_encoder(run):
    before = tree(run)
    with pytest.raises(UserError, match="invert"):
        load_model(run).encode(torch.zeros(1, 1, 8, 8))

    def stop(row):
        if row["step"] == 13:
            raise Stop

    arguments = {"architecture": ARCHITECTURE, "options": OPTIONS}
    with RunFolder(run / "encoder").lock(), pytest.raises(UserError, match="another training"):
        invert(run, **arguments)
    with pytest.raises(Stop):
        invert(run, **arguments, on_metrics=stop)
    assert load_model(run).encoder is not None  # of step 12: good or bad, it is one
    result = invert(run, **arguments)
    assert result["step"] == 30 and result["reason"] == "finished"
    assert set(result["estimates"]) == {"code_error", "squared_error"}
    resumed = RunFolder(run / "encoder").load_checkpoint()[0]

    opened = load_run(run)
    x, _ = opened.data.test.batch(torch.arange(9))
    with torch.no_grad():
        q = opened.model.encode(x)
        remade = opened.model.decode(q.mean).mean
    assert (q.mean.shape, remade.shape) == ((9, 3), x.shape)
    assert not opened.model.training and not opened.model.encoder.training
    for shown in (reconstruct(run), interpolate(run, pairs=3)):
        Image.open(shown["picture"]).verify()
    assert (run / "samples" / "latent.svg").is_file()
    left = {path for path, data in tree(run).items() if before.get(path) != data}
    assert {str(path) for path in left} <= {"report.html"}

    whole = run.parent / "whole"
    (whole / "encoder").parent.mkdir()
    for path, data in before.items():
        (whole / path).parent.mkdir(parents=True, exist_ok=True)
        (whole / path).write_bytes(data)
    invert(whole, **arguments)
    never_stopped = RunFolder(whole / "encoder").load_checkpoint()[0]
    assert resumed.keys() == never_stopped.keys()
    assert all(torch.equal(t, never_stopped[name]) for name, t in resumed.items())

    with pytest.raises(UserError, match="another run"):
        invert(whole, **arguments, weight=2.0)
    with pytest.raises(UserError, match="more steps"):
        invert(whole, architecture=ARCHITECTURE, options=replace(OPTIONS, steps=20))
    refined_picture = reconstruct(whole, refine=5)
    assert refined_picture["squared_error"] <= reconstruct(whole)["squared_error"]

    # A generator that has moved on has no encoder any more.
    record = json.loads((whole / "encoder" / "run.json").read_text())
    assert record["generator_step"] == 30
    train(
        "gan2014",
        data="digits",
        out=whole,
        options=replace(OPTIONS, steps=31),
        arguments={"latent_dim": 3, "width": 16, "units": 8},
    )
    assert load_model(whole).encoder is None
    drawn = {path.name for path in (whole / "samples").iterdir()}
    assert "walks.png" in drawn and not drawn & {"reconstructions.png", "interpolation.png"}
    with pytest.raises(UserError, match="remove"):
        invert(whole, **arguments)


def test_an_encoder_that_has_learnt_nothing_gives_a_warning(run, tmp_path):
    opened = load_run(run)
    train_x, test_x = (
        split.batch(torch.arange(len(split)))[0] for split in (opened.data.train, opened.data.test)
    )
    of_mean = (test_x - train_x.mean(0)).square().sum((1, 2, 3)).mean().item()
    assert check_learning(opened, 0.98 * of_mean) == ""
    assert f"one of {of_mean:.4g}" in check_learning(opened, 0.999 * of_mean)

    for path, data in tree(run).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    still = OptimizerSettings(learning_rate=0.0)
    result = invert(tmp_path, architecture=ARCHITECTURE, optimizer=still, options=OPTIONS)
    assert "learnt nothing" in result["warning"]


def test_reconstruct_without_an_encoder(run, tmp_path):
    for path, data in tree(run).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    few, more = (reconstruct(tmp_path, refine=steps)["squared_error"] for steps in (1, 30))
    assert more < few


def test_a_model_that_encodes_needs_no_encoder(trained):
    with pytest.raises(UserError, match="only a generator is given an encoder"):
        invert(trained)
