"""The game of a translator and a discriminator of patches, held against its formula."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

import immersion as im
from immersion.batch import Batch
from immersion.check import UserError
from immersion.commands.train import train
from immersion.likelihoods.gaussian import FLOOR
from immersion.models import Translator
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.nn.patch_discriminator import PatchDiscriminator
from immersion.objectives import AdversarialTranslation, TranslationLoss
from immersion.objectives.adversarial_translation import compute_patch_logits
from immersion.objectives.games import GAMES
from immersion.random import use_seed
from immersion.recipes.adversary import Adversary
from immersion.recipes.call import RecipeCall
from immersion.runs.load import load_run
from immersion.spec import Spec

SPEC = Spec("photos", (3, 24, 24), "unit")
SMALL = {"translation": ImageToImageArchitecture("restorer", width=4, depth=1)}
RECIPES = ["denoise", "enlarge", "colourise", "inpaint"]


def playing(recipe, weight=0.01, game="non-saturating", latent_dim=0):
    adversary = Adversary(weight, game)
    return RecipeCall(recipe, SMALL | {"adversary": adversary, "latent_dim": latent_dim}).build(
        SPEC
    )


def batch():
    x = torch.rand(4, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    return Batch(x, None, torch.tensor(0))


def test_the_translator_minimises_equation_4():
    """Likeness, and weight times as many values as there are of -log D(x, G(x))."""
    model = playing("colourise").model.eval()  # spectral norms stay as they are
    objective = AdversarialTranslation(TranslationLoss(1.0), GAMES["non-saturating"](), 0.02)
    terms = objective(model, batch())
    alone = objective.likeness(model, batch())
    pair = model.task.pair(batch().x, None)
    logits = model.discriminator(torch.cat([pair.input, model(pair.input).mean], 1))
    game = cross_entropy(logits, torch.ones_like(logits), reduction="none").mean(1)
    assert torch.allclose(terms["adversarial"], game, atol=1e-6)
    assert torch.allclose(terms["loss"], alone["loss"] + 0.02 * 2 * 24 * 24 * game, rtol=1e-5)


def test_the_discriminator_minimises_equation_1():
    experiment = playing("colourise")
    model = experiment.model.eval()
    terms = experiment.players[1].objective(model, batch())
    pair = model.task.pair(batch().x, None)
    real = compute_patch_logits(model, pair.input, pair.target)
    fake = compute_patch_logits(model, pair.input, model(pair.input).mean)
    expected = cross_entropy(real, torch.ones_like(real), reduction="none").mean(1)
    expected = expected + cross_entropy(fake, torch.zeros_like(fake), reduction="none").mean(1)
    assert torch.allclose(terms["loss"], expected, atol=1e-6)
    terms["loss"].sum().backward()
    assert all(p.grad is None for p in model.network.parameters())


@pytest.mark.parametrize("game", list(GAMES))
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_game_moves_every_translator(recipe, game):
    experiment = playing(recipe, game=game)
    shares = [list(player.parameters) for player in experiment.players]
    owned = sorted(id(p) for share in shares for p in share)
    assert owned == sorted(map(id, experiment.model.parameters()))
    for player in experiment.players:
        terms = player.objective(experiment.model, batch())
        assert all(value.shape == (4,) for value in terms.values())
        gradients = torch.autograd.grad(terms["loss"].mean(), player.parameters)
        assert any(gradient.abs().sum() > 0 for gradient in gradients)


def test_with_weight_0_there_is_no_game():
    experiment = playing("colourise", weight=0.0)
    assert len(experiment.players) == 1 and experiment.model.discriminator is None
    with pytest.raises(UserError, match="--adversarial is too small"):
        Adversary(-1.0)
    with pytest.raises(UserError, match="unknown game"):
        playing("colourise", game="chess")


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_the_weight_is_against_half_the_squared_error_whatever_is_minimised(beta):
    """Where sigma is the same everywhere the two gradients in the mean have that ratio."""
    sigma, values = 0.05, 2 * 24 * 24
    model = playing("colourise").model
    with torch.no_grad():
        torch.nn.init.zeros_(model.network.tail.weight)
        model.network.tail.bias[2:] = math.log(math.expm1(sigma - FLOOR))
    objective = AdversarialTranslation(TranslationLoss(beta), GAMES["non-saturating"](), 0.02)
    terms, alone = objective(model, batch()), objective.likeness(model, batch())
    game = terms["loss"] - alone["loss"]
    expected = 0.02 * values * terms["adversarial"] * sigma ** (2 * beta - 2)
    assert torch.allclose(game, expected, rtol=1e-3)


def test_a_game_with_a_code_weighs_what_it_does_without_one():
    experiment = playing("colourise", latent_dim=2)
    model, objective = experiment.model, experiment.players[0].objective
    torch.nn.init.zeros_(model.network.tail.weight)
    torch.nn.init.zeros_(model.network.tail.bias)  # sigma is softplus(0) + FLOOR everywhere
    terms = objective(model, batch())
    game = terms["loss"] + terms["elbo"]
    sigma = math.log(2) + FLOOR
    expected = 0.01 * 2 * 24 * 24 * terms["adversarial"] / sigma**2
    assert torch.allclose(game, expected, rtol=1e-3)


def test_pixels_that_are_known_tell_the_discriminator_nothing():
    """The likeness leaves outputs free outside of holes; the user sees the input there."""
    model = playing("inpaint").model.eval()
    with use_seed(0, "holes"):
        pair = model.task.pair(batch().x, None)
    noise = torch.randn_like(pair.target)
    real = compute_patch_logits(model, pair.input, pair.target)
    outside = compute_patch_logits(model, pair.input, pair.target + (1 - pair.weight) * noise)
    inside = compute_patch_logits(model, pair.input, pair.target + pair.weight * noise)
    assert torch.equal(real, outside) and not torch.allclose(real, inside)


def test_draws_of_a_code_are_judged():
    """With the game alone the encoder of the code learns nothing from the discriminator."""
    experiment = playing("colourise", latent_dim=2)
    model, objective = experiment.model, experiment.players[0].objective
    terms = objective(model, batch())
    assert {"elbo", "kl", "adversarial"} <= set(terms)
    game = terms["adversarial"].mean()
    found = torch.autograd.grad(game, list(model.code.parameters()), allow_unused=True)
    assert all(gradient is None for gradient in found)


def test_a_logit_sees_the_patch_that_is_said():
    critic = PatchDiscriminator(1, width=4).eval()
    x = torch.rand(1, 1, 80, 80, requires_grad=True)
    logits = critic(x)
    logits[0, logits.shape[1] // 2 + 10].backward()
    rows, columns = (x.grad[0, 0].abs().sum(1 - axis).nonzero().flatten() for axis in (0, 1))
    assert len(rows) == len(columns) == 26


def test_no_layer_is_steeper_than_1_however_its_weights_grow():
    torch.manual_seed(0)  # how soon the power iteration is there hangs on the weights
    critic = PatchDiscriminator(3)
    layers = [layer for layer in critic.layers if isinstance(layer, torch.nn.Conv2d)]
    with torch.no_grad():
        for layer in layers:
            layer.parametrizations.weight.original.mul_(30)
    for _ in range(50):
        critic(torch.rand(1, 3, 16, 16))
    for layer in layers:
        steepness = torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
        assert steepness == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("latent_dim", [0, 2])
def test_a_run_of_a_game_is_a_translators_run(latent_dim, tmp_path):
    draw = np.random.default_rng(0)
    for number in range(6):
        levels = draw.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(levels).save(tmp_path / f"{number}.png")
    options = im.Options(steps=4, batch_size=2, validate_every=2, log_every=2, device="cpu")
    arguments = SMALL | {"adversary": Adversary(0.01), "latent_dim": latent_dim}
    result = train(
        "colourise",
        data=str(tmp_path),
        out=tmp_path / "run",
        options=options,
        arguments=arguments,
    )
    run = load_run(tmp_path / "run")
    assert isinstance(run.model, Translator) and run.model.discriminator is not None
    assert result["estimates"]["lab"]["psnr_chroma"]["value"] > 5
    looks = [row for row in run.folder.metrics() if row["split"] == "validation"]
    assert "adversarial" in looks[-1] and ("kl" in looks[-1]) == (latent_dim > 0)
