"""A translator with a code: several answers, the same z in every tile, on every kind of task."""

import pytest
import torch

from immersion.batch import Batch
from immersion.check import UserError
from immersion.models import ConditionalVAE
from immersion.models.tiles import apply_in_tiles
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.nn.pooling_encoder import PoolingEncoder
from immersion.objectives import TranslationLoss
from immersion.recipes.call import RecipeCall
from immersion.spec import Spec
from immersion.tasks.enlarge import Enlarge

SPEC = Spec("photos", (3, 24, 24), "unit")
SMALL = {"latent_dim": 3, "translation": ImageToImageArchitecture("restorer", width=4, depth=1)}
RECIPES = ["denoise", "enlarge", "colourise", "inpaint"]


def built(recipe, **more):
    """A translator whose answers depend on z from the start."""
    experiment = RecipeCall(recipe, SMALL | more).build(SPEC)
    torch.manual_seed(1)
    for parameter in experiment.model.network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.2)
    return experiment


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_task_has_a_conditional_vae(recipe):
    experiment = built(recipe)
    (player,) = experiment.players
    x = torch.rand(4, 3, 24, 24)
    terms = player.objective(experiment.model, Batch(x, None, torch.tensor(0)))
    assert torch.allclose(terms["elbo"], terms["log_likelihood"] - terms["kl"])
    assert torch.allclose(terms["loss"], -terms["elbo"]) and (terms["kl"] > 0).all()
    terms["loss"].mean().backward()
    assert all(p.grad is not None for p in player.parameters)
    encoder = [p.grad.abs().sum() for p in experiment.model.code.parameters()]
    assert all(gradient > 0 for gradient in encoder)


@pytest.mark.parametrize("recipe", RECIPES)
def test_draws_differ_and_are_told_by_their_number(recipe):
    model = built(recipe).model.eval()
    given = model.task.pair(torch.rand(2, 3, 32, 40), None).input
    first, second = (model.predict(given, draw).mean for draw in (0, 1))
    assert first.shape[2:] == tuple(
        model.task.presentation.scale * side for side in given.shape[2:]
    )
    assert (first - second).abs().max() > 1e-3
    assert torch.equal(model.predict(given, 0).mean, first)


def test_settings_that_a_code_does_not_read_are_refused():
    with pytest.raises(UserError, match="leave --beta or --latent-dim out"):
        RecipeCall("denoise", SMALL | {"objective": TranslationLoss(beta=1.0)}).build(SPEC)
    with pytest.raises(UserError, match="--latent-dim is too small"):
        RecipeCall("colourise", SMALL | {"latent_dim": -2}).build(SPEC)


def test_without_a_code_there_is_one_answer():
    model = RecipeCall("colourise", SMALL | {"latent_dim": 0}).build(SPEC).model.eval()
    given = torch.rand(1, 1, 16, 16)
    first, second = (model.predict(given, draw).mean for draw in (0, 1))
    assert not model.multimodal
    assert torch.equal(first, second) and torch.equal(first, model(given).mean)


def test_tiles_with_one_code_are_the_whole():
    model = built("colourise").model.eval()
    given, z = torch.rand(1, 1, 88, 104), torch.randn(1, 3)
    network = model.network
    with torch.no_grad():
        whole = model.parameters_of(given, z)
        parts = apply_in_tiles(
            lambda part: model.parameters_of(part, z),
            given,
            halo=network.halo,
            multiple=network.multiple,
            side=32,
        )
    assert torch.allclose(parts, whole, atol=1e-5)


def test_without_z_the_answer_is_that_of_the_priors_mean():
    model = built("colourise").model.eval()
    given = torch.rand(2, 1, 16, 16)
    assert torch.equal(model.parameters_of(given), model.parameters_of(given, torch.zeros(2, 3)))
    assert not torch.equal(
        model.parameters_of(given), model.parameters_of(given, torch.ones(2, 3))
    )


def test_codes_drawn_several_at_once_are_those_drawn_one_by_one():
    model = built("enlarge", task=Enlarge(3)).model.eval()
    pair = model.task.pair(torch.rand(2, 3, 24, 24), None)
    vae = ConditionalVAE(model, pair.input)
    z = torch.randn(4, 2, 3)
    together = vae.decode(z).log_prob(pair.target)
    assert together.shape == (4, 2)
    alone = torch.stack([vae.decode(each).log_prob(pair.target) for each in z])
    assert torch.allclose(together, alone, rtol=1e-4)
    assert vae.log_weights(pair.target, k=5).shape == (5, 2)


def test_the_encoder_of_any_size_sees_all_of_the_picture():
    encoder = PoolingEncoder(2, 3)
    x = torch.rand(1, 2, 50, 34, requires_grad=True)
    encoder(x).sum().backward()
    seen = x.grad.abs().sum(1)[0] > 0
    assert seen[0].any() and seen[-1].any() and seen[:, 0].any() and seen[:, -1].any()
