"""Draws of a code, pooled into one mean and one deviation a value: the law of total variance."""

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from immersion.evaluation.translators import POOLED, predict_distribution
from immersion.models.pooled import pool_predictions
from immersion.nn.image_to_image import ImageToImageArchitecture
from immersion.recipes.call import RecipeCall
from immersion.spec import Spec


def normal(mean: torch.Tensor, sigma: torch.Tensor | float) -> Independent:
    return Independent(Normal(mean, torch.as_tensor(sigma).expand_as(mean)), mean.ndim - 1)


def test_a_linear_gaussian_model_has_its_marginal_exactly():
    """x = W z + b + s n: N(b, W W^T + s^2) a value, where the draws have the prior's moments.

    The 2 d points at sqrt(d) on either side of each axis have mean 0 and covariance I.
    """
    torch.manual_seed(0)
    d, shape = 3, (1, 4, 5)
    w = torch.randn(d, *shape, dtype=torch.float64)
    b = 100 + torch.randn(shape, dtype=torch.float64)
    s = 0.1 + torch.rand(shape, dtype=torch.float64)
    points = math.sqrt(d) * torch.cat([torch.eye(d), -torch.eye(d)]).double()
    p = pool_predictions(normal((b + torch.einsum("d,d...->...", z, w))[None], s) for z in points)
    assert p.batch_shape == (1,) and p.event_shape == shape
    assert torch.allclose(p.mean[0], b, rtol=1e-12)
    assert torch.allclose(p.variance[0], w.square().sum(0) + s**2, rtol=1e-9)


def test_the_moments_are_the_mixtures():
    torch.manual_seed(1)
    means, sigmas = torch.randn(5, 2, 1, 3, 3), torch.rand(5, 2, 1, 3, 3) + 0.1
    p = pool_predictions(normal(m, s) for m, s in zip(means, sigmas, strict=True))
    values = Normal(means.movedim(0, -1), sigmas.movedim(0, -1))
    mixture = MixtureSameFamily(Categorical(torch.ones(2, 1, 3, 3, 5)), values)
    assert torch.allclose(p.mean, mixture.mean, atol=1e-6)
    assert torch.allclose(p.variance, mixture.variance, rtol=1e-5)


def test_one_draw_is_itself_and_equal_draws_are_one():
    q = normal(torch.rand(2, 1, 3, 3), 0.2)
    for count in (1, 4):
        p = pool_predictions([q] * count)
        assert torch.allclose(p.mean, q.mean) and torch.allclose(p.stddev, q.stddev)


@pytest.mark.parametrize("recipe", ["colourise", "enlarge"])
def test_a_translators_draws_are_pooled(recipe):
    settings = {
        "latent_dim": 2,
        "translation": ImageToImageArchitecture("restorer", width=4, depth=1),
    }
    model = RecipeCall(recipe, settings).build(Spec("photos", (3, 24, 24), "unit")).model.eval()
    torch.manual_seed(1)
    for parameter in model.network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.2)
    given = model.task.pair(torch.rand(1, 3, 40, 32), None).input
    p = predict_distribution(model, given)
    answers = [model.predict(given, draw) for draw in range(POOLED)]
    drawn = torch.stack([answer.mean for answer in answers])
    assert torch.allclose(p.mean, drawn.mean(0), atol=1e-5)
    within = torch.stack([answer.uncertainty.square() for answer in answers]).mean(0)
    assert torch.allclose(p.variance, within + drawn.var(0, correction=0), rtol=1e-4)
    assert (p.variance > within).all() and not p.mean.requires_grad
