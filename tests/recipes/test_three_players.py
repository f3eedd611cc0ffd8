"""Games with three players: what each minimises, exactly; and that the engine plays them."""

import math
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import nn

from immersion import engine
from immersion.batch import Batch, Split
from immersion.data.dataset import MemorySplit
from immersion.engine import OptimizerSettings, Options
from immersion.likelihoods import LIKELIHOODS
from immersion.metrics import evaluate
from immersion.models import VAE, VAEGAN, AdversarialAutoencoder, Discriminator
from immersion.nn import Architecture
from immersion.objectives import (
    ELBO,
    CodeDiscriminatorLoss,
    CodeEncoderLoss,
    DecoderLoss,
    FeatureELBO,
    Reconstruction,
    VAEGANDiscriminatorLoss,
)
from immersion.objectives.games import GAMES
from immersion.objectives.penalties import Penalties
from immersion.posteriors import compute_kl_per_unit
from immersion.priors import StandardNormal
from immersion.recipes.aae import aae
from immersion.recipes.vae_gan import vae_gan
from immersion.run_folder import RunFolder
from immersion.spec import Spec

B, D, LATENT = 7, 5, 2
SMALL = Architecture("dense", 8, 1)
LINEAR = Architecture("dense", depth=0)
SPEC = Spec("rows", (D,), "real")


def batch(x=None):
    return Batch(torch.randn(B, D) if x is None else x, None, torch.tensor(0))


def vaegan(architecture=SMALL):
    torch.manual_seed(0)
    build = SMALL.build
    network = architecture.build((D,), (1,))
    return VAEGAN(build((D,), (2 * LATENT,)), build((LATENT,), (D,)), network, LATENT)


def autoencoder():
    torch.manual_seed(0)
    return AdversarialAutoencoder(
        SMALL.build((D,), (LATENT,)),
        SMALL.build((LATENT,), (D,)),
        LIKELIHOODS["gaussian-fixed"]((D,)),
        Discriminator(SMALL.build((LATENT,), (1,))),
        StandardNormal(LATENT),
        LATENT,
    )


class TestVAEGAN:
    @pytest.mark.parametrize("network", ["dense", "conv", "residual"])
    def test_features_are_what_the_last_linear_layer_is_given(self, network):
        shape, architecture = (1, 8, 8), Architecture(network, width=4)
        features_network = architecture.build(shape, (1,))
        encoder, generator = (architecture.build(*s) for s in ((shape, (4,)), ((2,), shape)))
        model = VAEGAN(encoder, generator, features_network, 2)
        x = torch.randn(B, *shape)
        last = next(m for m in reversed(list(features_network)) if isinstance(m, nn.Linear))
        features, logits = model.discriminate(x)
        torch.testing.assert_close(last(features).squeeze(1), logits)
        torch.testing.assert_close(logits, model.discriminator(x, None))

    def test_its_divergence_is_measured_though_it_has_no_likelihood_of_examples(self):
        model, x = vaegan(LINEAR).eval(), batch().x
        split = MemorySplit(x, None, "real")
        measured = evaluate(model, split, discrete=False)
        kl = compute_kl_per_unit(model.encode(x), model.prior())
        assert {"kl", "squared_error"} == set(measured.estimates)
        assert measured.estimates["kl"].value == pytest.approx(kl.sum(1).mean().item(), rel=1e-5)
        assert len(measured.kl_per_unit) == LATENT and "codes" not in measured.protocol

    def test_with_the_data_as_features_it_is_a_vae(self):
        """A linear discriminator's features are x: the loss is -ELBO with sigma 1, but for log."""
        model, b = vaegan(LINEAR), batch()
        vae = VAE(model.encoder, model.generator, LIKELIHOODS["gaussian-fixed"]((D,)), LATENT)
        terms = []
        for objective, whose in ((FeatureELBO(), model), (ELBO(), vae)):
            torch.manual_seed(1)
            terms.append(objective(whose, b))
        ours, theirs = terms
        constant = D / 2 * math.log(2 * math.pi)
        torch.testing.assert_close(ours["loss"], theirs["loss"] - constant)
        torch.testing.assert_close(ours["kl"], theirs["kl"])
        torch.testing.assert_close(-ours["feature_error"], theirs["log_likelihood"] + constant)

    def test_beta_weighs_the_divergence(self):
        terms = FeatureELBO(3.0)(vaegan(), batch())
        torch.testing.assert_close(terms["loss"], 3 * terms["kl"] + terms["feature_error"])

    def test_the_discriminator_is_penalised_for_its_slope(self):
        """A linear discriminator's slope is its weight wherever it is looked at."""
        model = vaegan(LINEAR)
        weight = next(p for p in model.discriminator.parameters() if p.ndim == 2)
        terms = VAEGANDiscriminatorLoss(GAMES["hinge"](), Penalties(r1=3.0))(model, batch())
        torch.testing.assert_close(terms["penalty"], (1.5 * weight.square().sum()).expand(B))
        without = terms["loss"] - terms["penalty"]
        assert (without >= 0).all() and (terms["penalty"] > 0).all()

    def test_the_decoder_weighs_likeness_against_realism(self):
        model, b = vaegan(), batch()
        by_gamma = []
        for gamma in (0.0, 2.0):
            torch.manual_seed(1)
            by_gamma.append(DecoderLoss(GAMES["non-saturating"](), gamma)(model, b))
        without, terms = by_gamma
        torch.testing.assert_close(without["loss"], without["adversarial"])
        torch.testing.assert_close(
            terms["loss"], terms["adversarial"] + 2 * terms["feature_error"]
        )

    def test_a_discriminator_that_cannot_distinguish_has_the_value_minus_log_4(self):
        model = vaegan()
        blind(model.discriminator)
        terms = VAEGANDiscriminatorLoss(GAMES["minimax"]())(model, batch())
        torch.testing.assert_close(terms["value"], torch.full((B,), -math.log(4)))
        torch.testing.assert_close(terms["loss"], -terms["value"])
        generated = DecoderLoss(GAMES["minimax"](), 0.0)(model, batch())
        torch.testing.assert_close(generated["loss"], torch.full((B,), -math.log(2)))

    def test_the_discriminator_sees_reconstructions_and_samples_alike(self):
        """What it is shown as generated has the mean of both kinds' logits."""
        model, b = vaegan(), batch(torch.zeros(4000, D))
        with torch.no_grad():
            terms = VAEGANDiscriminatorLoss(GAMES["hinge"]())(model, b)
            z = model.encode(b.x).sample(), model.prior().sample((4000,))
            logits = torch.stack([model.discriminator(model.generate(c), None) for c in z])
        spread = logits.std(1).pow(2).sum().sqrt().item() / 2 / math.sqrt(4000)
        assert terms["fake"].mean().item() == pytest.approx(logits.mean().item(), abs=9 * spread)


class TestAdversarialAutoencoder:
    def test_a_discriminator_that_cannot_distinguish_has_the_value_minus_log_4(self):
        model = autoencoder()
        blind(model.discriminator)
        terms = CodeDiscriminatorLoss(GAMES["minimax"]())(model, batch())
        torch.testing.assert_close(terms["value"], torch.full((B,), -math.log(4)))
        torch.testing.assert_close(terms["loss"], -terms["value"])

    def test_the_discriminator_takes_samples_for_real_and_codes_for_generated(self):
        model = autoencoder()
        for p in model.encoder.parameters():
            p.data.zero_()  # every code is 0
        terms = CodeDiscriminatorLoss(GAMES["hinge"]())(model, batch())
        at_zero = model.discriminator(torch.zeros(1, LATENT), None)
        torch.testing.assert_close(terms["fake"], at_zero.expand(B))
        assert terms["real"].unique().numel() == B

    def test_without_weight_the_encoder_reconstructs_and_nothing_else(self):
        model, b = autoencoder(), batch()
        error = Reconstruction()(model, b)["loss"]
        for weight in (0.0, 3.0):
            terms = CodeEncoderLoss(GAMES["non-saturating"](), Reconstruction(), weight)(model, b)
            torch.testing.assert_close(terms["error"], error)
            torch.testing.assert_close(terms["loss"], error + weight * terms["adversarial"])

    def test_codes_come_to_look_like_the_prior(self, tmp_path):
        torch.manual_seed(0)
        code = 5 * torch.rand(2000, LATENT) + 3  # neither centred nor of the right spread
        x = code @ torch.linalg.qr(torch.randn(D, LATENT))[0].T
        split = MemorySplit(x, None, "real")
        torch.manual_seed(0)
        experiment = aae(
            SPEC,
            latent_dim=LATENT,
            architecture=SMALL,
            discriminator_width=32,
            optimizer=OptimizerSettings(learning_rate=1e-2, momentum=0.5),
        )
        play(experiment, Data(split, split), tmp_path, steps=800)
        model = experiment.model.eval()
        with torch.no_grad():
            z = model.encode(x).mean
        assert z.mean(0).abs().max() < 0.3
        assert (z.std(0) - 1).abs().max() < 0.3
        error = Reconstruction()(model, batch(x))["loss"].mean() / x.var(0).sum()
        assert error < 0.1


def blind(discriminator):
    """Make all logits 0."""
    for p in discriminator.parameters():
        p.data.zero_()


OBJECTIVES = {
    "vae-gan decoder": (vaegan, DecoderLoss),
    "vae-gan discriminator": (vaegan, VAEGANDiscriminatorLoss),
    "aae discriminator": (autoencoder, CodeDiscriminatorLoss),
    "aae encoder": (autoencoder, lambda game: CodeEncoderLoss(game, Reconstruction())),
}


@pytest.mark.parametrize("game", list(GAMES))
@pytest.mark.parametrize("side", list(OBJECTIVES))
def test_every_side_of_every_game_has_one_number_an_example(game, side):
    build, objective = OBJECTIVES[side]
    terms = objective(GAMES[game]())(build(), batch())
    assert {name: t.shape for name, t in terms.items()} == dict.fromkeys(terms, (B,))
    assert all(t.isfinite().all() for t in terms.values())
    assert {"loss", "adversarial"} <= set(terms) or {"loss", "value", "accuracy"} <= set(terms)
    terms["loss"].mean().backward()


class Data(NamedTuple):
    train: Split
    validation: Split


def rows():
    torch.manual_seed(5)
    return Data(*(MemorySplit(torch.randn(n, D), None, "real") for n in (60, 20)))


def play(experiment, data, folder, on_metrics=lambda row: None, **options):
    asked = {"batch_size": 50, "precision": "float32", "validate_every": 0, **options}
    return engine.train(experiment, data, RunFolder(folder), Options(**asked), on_metrics)


RECIPES = {"aae": partial(aae, discriminator_width=8), "vae-gan": vae_gan}


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_every_player_moves_its_own_networks_alone(recipe, tmp_path):
    experiment = RECIPES[recipe](SPEC, latent_dim=LATENT, architecture=SMALL)
    assert {player.name for player in experiment.players} == {
        "encoder",
        "decoder",
        "discriminator",
    }
    b = batch()
    for player in experiment.players:
        loss = player.objective(experiment.model, b)["loss"].mean()
        loss.backward(inputs=player.parameters)
        moved = {id(p) for p in experiment.model.parameters() if p.grad is not None}
        # Squared errors leave a likelihood's scale, which is the decoder's, where it is.
        assert moved == {id(p) for p in player.parameters if p.ndim > 0}
        for p in player.parameters:
            p.grad = None


def killed(recipe: str, folder: str, at: int) -> None:
    """Play a game in this process, which dies by its own hand after step `at`; 0 spares it."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    experiment = RECIPES[recipe](SPEC, latent_dim=LATENT, architecture=SMALL)

    def on_metrics(row):
        if row["step"] == at:
            os.kill(os.getpid(), signal.SIGKILL)

    play(
        experiment,
        rows(),
        folder,
        on_metrics,
        steps=20,
        log_every=1,
        ema=0.9,
        checkpoint_seconds=0.0,
    )


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_a_killed_game_resumes_bit_for_bit(recipe, tmp_path):
    code = f"from test_three_players import killed; killed({recipe!r}, {str(tmp_path / 'a')!r}, 9)"
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, check=False)
    assert done.returncode == -signal.SIGKILL
    assert RunFolder(tmp_path / "a").load_checkpoint()[1]["step"] == 8
    killed(recipe, str(tmp_path / "a"), at=0)
    killed(recipe, str(tmp_path / "b"), at=0)
    (tensors, _), (others, _) = (RunFolder(tmp_path / n).load_checkpoint() for n in "ab")
    assert tensors.keys() == others.keys()
    names = {name.split("/")[1] for name in tensors if name.startswith("optimiser/")}
    assert names == {"encoder", "decoder", "discriminator"}
    assert not [name for name, t in tensors.items() if not torch.equal(t, others[name])]
    lines = [[timeless(row) for row in RunFolder(tmp_path / n).metrics()] for n in "ab"]
    assert lines[0] == lines[1] and len(lines[0]) == 20


def timeless(row):
    return {k: v for k, v in row.items() if k not in ("seconds", "examples_per_second")}
