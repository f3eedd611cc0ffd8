"""One contract for every recipe: it builds, trains, is recorded, and loads back."""

import json
import shlex
from dataclasses import replace

import pytest
import torch
from torch import nn

from immersion.check import UserError
from immersion.cli import main
from immersion.commands.train import train
from immersion.data import load
from immersion.data.dataset import MemorySplit
from immersion.engine import OptimizerSettings, Options
from immersion.likelihoods import LIKELIHOODS
from immersion.models import Generative
from immersion.nn import Architecture
from immersion.objectives import ELBO
from immersion.objectives.penalties import Penalties
from immersion.random import use_seed
from immersion.recipes import RECIPES
from immersion.recipes.base import resolve_likelihood
from immersion.recipes.call import RecipeCall
from immersion.recipes.gan import DiscriminatorSettings
from immersion.recipes.image_to_image import get_patches
from immersion.run_folder import RunFolder
from immersion.runs.load import load_model, load_run
from immersion.spec import Spec

FEW = Options(steps=5, batch_size=20, validate_every=5)
OF_PICTURES = [name for name, recipe in RECIPES.items() if get_patches(recipe)]
OF_EXAMPLES = [name for name in RECIPES if name not in OF_PICTURES]


def spec_for(recipe: str) -> Spec:
    """Data that a recipe takes."""
    photographs = Spec("photographs", (3, 48, 48), "unit", ("thing", "ground"))
    return photographs if recipe in OF_PICTURES else load("digits").spec


@pytest.mark.parametrize("recipe", OF_EXAMPLES)
def test_every_recipe_trains_and_loads_back(recipe, tmp_path):
    result = train(
        recipe, data="digits", out=tmp_path / "run", options=FEW, arguments={"latent_dim": 3}
    )
    model = load_model(tmp_path / "run")
    x, _ = load("digits").test.batch(torch.arange(7))
    with torch.no_grad():
        if model.encodes:
            assert model.decode(model.encode(x).mean).mean.shape == x.shape
            assert result["estimates"]["squared_error"]["value"] > 0
        if isinstance(model, Generative):
            assert model.decode(model.prior().sample((7,))).mean.shape == x.shape
            assert 0 <= result["estimates"]["coverage"]["value"] <= 1
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.parametrize(
    ("recipe", "arguments"),
    [
        ("gan", {"latent_dim": 3, "settings": DiscriminatorSettings(conditional=True)}),
        ("vae", {"objective": ELBO(beta=0.5, free_bits=0.1)}),
    ],
)
def test_the_recorded_command_repeats_the_run(recipe, arguments, tmp_path):
    result = train(recipe, data="digits", out=tmp_path / "run", options=FEW, arguments=arguments)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    command = [*shlex.split(record["command"])[1:], "--out", str(tmp_path / "run"), "--json"]
    main(command)  # raises SystemExit where a flag is not understood or the run another
    assert result["step"] == FEW.steps


def test_packs_of_classes_and_invalid_numbers_are_errors(tmp_path):
    packed = {"settings": DiscriminatorSettings(pack=3)}
    for arguments, options, words in (
        (packed, Options(batch_size=64), "that 3 divides, received 64; pass --batch-size 66"),
        ({"latent_dim": -3}, FEW, "--latent-dim is too small"),
        ({"discriminator_rate": -1.0}, FEW, "--discriminator-rate is too small"),
    ):
        with pytest.raises(UserError, match=words):
            train("gan", data="digits", out=tmp_path / "r", options=options, arguments=arguments)
    assert not (tmp_path / "r").exists()
    with pytest.raises(UserError, match="a pack of several classes has no label"):
        DiscriminatorSettings(conditional=True, pack=2)


@pytest.mark.parametrize(
    "arguments",
    [
        {"settings": DiscriminatorSettings(spectral_norm=True)},
        {"penalties": Penalties(gradient_penalty=10.0), "game": "wasserstein"},
    ],
)
def test_a_discriminator_with_limited_slopes_has_no_batch_normalisation(arguments):
    images = Spec("images", (1, 16, 16), "unit")
    experiment = RecipeCall("gan", {"architecture": Architecture("dcgan", 4), **arguments}).build(
        images
    )
    modules = list(experiment.model.discriminator.modules())
    assert any(isinstance(module, nn.Conv2d) for module in modules)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in modules)


@pytest.mark.parametrize(
    ("arguments", "r1"),
    [
        ({}, 100 / 256),
        ({"settings": DiscriminatorSettings(spectral_norm=True)}, 0.0),
        ({"penalties": Penalties(r1=None, r2=None, gradient_penalty=10.0)}, 0.0),
        ({"penalties": Penalties(r1=2.0, r2=None, gradient_penalty=10.0)}, 2.0),
    ],
)
def test_limited_slopes_are_not_penalised_by_default(arguments, r1):
    experiment = RecipeCall("gan", arguments).build(Spec("images", (1, 16, 16), "unit"))
    assert experiment.players[0].objective.penalties.r1 == pytest.approx(r1)


@pytest.mark.parametrize(
    ("recipe", "spec", "arguments", "words"),
    [
        ("aae", ("table", (4,), "real"), {"adversarial_weight": -5.0}, "--adversarial-weight is"),
        ("vae-gan", ("table", (4,), "real"), {"beta": -1.0}, "--beta is too small"),
        ("vae-gan", ("table", (4,), "real"), {"gamma": -1.0}, "--gamma is too small"),
        (
            "gan",
            ("images", (1, 16, 16), "real"),
            {"settings": DiscriminatorSettings(augmentation="differentiable")},
            "only images can be augmented: expected levels from 0 to 1, received real values",
        ),
    ],
)
def test_what_would_train_nonsense_is_refused(recipe, spec, arguments, words):
    with pytest.raises(UserError, match=words):
        RecipeCall(recipe, arguments).build(Spec(*spec))


def test_the_momentum_of_sgd_alone_rises():
    with pytest.raises(UserError, match="leave --momentum-steps out"):
        OptimizerSettings(momentum_steps=10)


def test_the_record_says_what_was_chosen_and_the_doctor_reads_it(tmp_path):
    train("gan", data="digits", out=tmp_path / "run", options=FEW)
    folder = RunFolder(tmp_path / "run")
    given = folder.record().settings
    assert given["ema"] == 0.999 and given["r1"] == pytest.approx(100 / 64)
    assert given["game"] == "relativistic" and given["momentum"] == 0.0


def test_a_conditional_net_draws_classes_as_often_as_the_data_have_them():
    settings = DiscriminatorSettings(conditional=True)
    experiment = RecipeCall("gan", {"settings": settings}).build(
        Spec("table", (2,), "real", ("a", "b"))
    )
    y = torch.tensor([0] * 90 + [1] * 10)
    experiment.begin(MemorySplit(torch.zeros(100, 2), y, "real"))
    with use_seed(0, "classes"):
        drawn = experiment.model.sample_codes(4000, None)[:, -2:]
    assert abs(drawn[:, 1].mean().item() - 0.1) < 0.02 and (drawn.sum(1) == 1).all()
    cut = experiment.model.prior.truncate(0.5)
    assert torch.equal(cut.shares, experiment.model.prior.shares)


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_the_record_repeats_the_recipe(recipe):
    """Arguments written as JSON and read back build the same first weights."""
    spec = spec_for(recipe)
    defaults = RecipeCall(recipe).complete().to_python()
    recorded = json.loads(json.dumps(RecipeCall(recipe).complete().to_json()))
    assert RecipeCall(recipe, recorded).to_python() == defaults
    first, again = (RecipeCall(recipe, a).build(spec, seed=3).model for a in (defaults, recorded))
    states = zip(first.state_dict().values(), again.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in states)


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_players_share_out_all_parameters(recipe):
    experiment = RecipeCall(recipe).build(spec_for(recipe))
    owned = [id(p) for player in experiment.players for p in player.parameters]
    assert sorted(owned) == sorted(map(id, experiment.model.parameters()))


@pytest.mark.parametrize("likelihood", list(LIKELIHOODS))
def test_every_likelihood_trains_a_vae(likelihood, tmp_path):
    """On data of the kind that it is for, with the loss going down."""
    import numpy as np

    values = sorted(LIKELIHOODS[likelihood].values)[-1]
    random = np.random.default_rng(0)
    x = {
        "binary": random.integers(0, 2, (200, 6)),
        "unit": random.integers(0, 256, (200, 1, 8, 8), dtype=np.uint8),
        "counts": random.poisson(5, (200, 6)),
        "real": random.normal(size=(200, 6)),
    }[values]
    np.save(tmp_path / "x.npy", x)
    options = Options(steps=60, batch_size=40, log_every=20, validate_every=0)
    out = tmp_path / "run"
    arguments = {"likelihood": likelihood, "latent_dim": 2, "binarize": "none"}
    train("vae", data=str(tmp_path / "x.npy"), out=out, options=options, arguments=arguments)
    losses = [row["loss"] for row in load_run(out).folder.metrics() if row["split"] == "train"]
    assert losses[-1] < losses[0]


def test_auto_follows_the_data():
    mnist_like = load("digits").spec.__class__("m", (1, 4, 4), "unit", binarize="dynamic")
    assert resolve_likelihood(mnist_like, "auto", "auto")[1] == "dynamic"
    grey, how = resolve_likelihood(mnist_like, "continuous-bernoulli", "auto")
    assert how == "none" and type(grey).__name__ == "ContinuousBernoulli"
    assert resolve_likelihood(mnist_like, "auto", "none")[0].bounded


@pytest.mark.parametrize("network", ["dense", "conv", "residual"])
def test_every_network_trains_a_vae(network, tmp_path):
    from immersion.nn import Architecture

    arguments = {"latent_dim": 2, "architecture": Architecture(network, width=8)}
    result = train("vae", data="digits", out=tmp_path / "r", options=FEW, arguments=arguments)
    assert result["step"] == 5


def test_penalties_that_are_left_open_fall_with_the_number_of_values():
    for shape, expected in (((1, 8, 8), 100 / 64), ((3, 32, 32), 100 / 3072)):
        experiment = RecipeCall("gan").build(Spec("images", shape, "unit"))
        penalties = experiment.players[0].objective.penalties
        assert penalties.r1 == penalties.r2 == pytest.approx(expected)
    given = {"penalties": Penalties(r1=0.0, r2=0.5)}
    penalties = (
        RecipeCall("gan", given).build(Spec("table", (2,), "real")).players[0].objective.penalties
    )
    assert (penalties.r1, penalties.r2) == (0.0, 0.5)


def test_an_argument_that_was_not_there_yet_had_its_default(tmp_path):
    out = tmp_path / "run"
    train("gan", data="digits", out=out, options=FEW)
    folder = RunFolder(out)
    record = folder.record()
    del record.arguments["settings"]["mirror"]
    folder.write_record(record)
    more = replace(FEW, steps=6)
    with pytest.raises(UserError, match="mirror False, as there"):
        mirrored = {"settings": DiscriminatorSettings(mirror=True)}
        train("gan", data="digits", out=out, options=more, arguments=mirrored)
    assert train("gan", data="digits", out=out, options=more)["step"] == 6
