"""Learning from noisy pictures alone: the loss against its formula, and what it is for."""

import pytest
import torch
from torch import nn

from immersion.batch import Batch
from immersion.check import UserError
from immersion.likelihoods.gaussian import FLOOR, Gaussian
from immersion.models import Translator
from immersion.nn.image_to_image import ImageToImageArchitecture, ImageToImageNetwork
from immersion.objectives import NeighbourLoss, TranslationLoss
from immersion.random import use_seed
from immersion.recipes.adversary import Adversary
from immersion.recipes.call import RecipeCall
from immersion.spec import Spec
from immersion.tasks.denoise import Denoise, sample_neighbours, take_neighbours

NOISY = Denoise(targets="noisy")
SPEC = Spec("photos", (3, 24, 24), "unit")
SMALL = {"translation": ImageToImageArchitecture("restorer", width=4, depth=1), "task": NOISY}


def batch(x: torch.Tensor) -> Batch:
    return Batch(x, None, torch.tensor(0))


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_the_loss_is_equation_8_in_the_likenesss_units(beta):
    model = RecipeCall("denoise", SMALL).build(SPEC).model
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0, 0.1)
    x = torch.rand(4, 3, 24, 24)
    with use_seed(0, "neighbours"):
        terms = NeighbourLoss(TranslationLoss(beta), gamma=3.0)(model, batch(x))
    with use_seed(0, "neighbours"):
        alone = TranslationLoss(beta)(model, batch(x))
    with use_seed(0, "neighbours"):
        pixels = sample_neighbours(x)
    one, other = take_neighbours(x, pixels)
    first, second = take_neighbours(model(x).mean, pixels)
    p = model(one)
    gap = (p.mean - other) - (first - second)
    units = p.stddev ** (2 * beta - 2)
    expected = alone["loss"] + 1.5 * (units * gap**2).flatten(1).sum(1)
    assert torch.allclose(terms["loss"], expected, rtol=1e-5)
    assert torch.allclose(terms["neighbour_gap"], gap.square().flatten(1).mean(1), rtol=1e-5)
    assert torch.equal(terms["squared_error"], alone["squared_error"])


class Scaled(ImageToImageNetwork):
    """Says that a picture is a share of what it is given."""

    halo, multiple = 0, 1

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.tensor(share))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([(self.share - 1) * x, torch.zeros_like(x)], dim=1)


def test_no_gradient_goes_through_the_whole_picture():
    """d/da of the loss of f(y) = a y, where the second f is held."""
    model = Translator(NOISY, Scaled(0.5), Gaussian((1, 8, 8)))
    x = torch.rand(2, 1, 8, 8)
    with use_seed(0, "neighbours"):
        terms = NeighbourLoss(TranslationLoss(1.0), gamma=2.0)(model, batch(x))
    with use_seed(0, "neighbours"):
        one, other = take_neighbours(x, sample_neighbours(x))
    (found,) = torch.autograd.grad(terms["loss"].sum(), model.network.share)
    gap = 0.5 * one - other - 0.5 * (one - other)
    expected = ((0.5 * one - other) * one + 2 * gap * one).sum()
    assert torch.allclose(found, expected, rtol=1e-4)


def test_a_clean_picture_kept_as_it_is_costs_nothing_but_how_neighbours_differ():
    """With no noise the identity has no gap; a network that smooths has one."""
    x = torch.linspace(0, 1, 64).view(1, 1, 8, 8)
    kept, shrunk = (
        NeighbourLoss()(Translator(NOISY, Scaled(share), Gaussian((1, 8, 8))), batch(x))
        for share in (1.0, 0.5)
    )
    assert kept["neighbour_gap"].item() < 1e-12 < shrunk["neighbour_gap"].item()
    assert kept["squared_error"].item() > 0


def test_sigma_is_of_the_error_and_of_the_targets_noise():
    """Of a perfect network on flat pictures the likeliest sigma is that of the noise itself."""
    noise = 0.1
    with use_seed(0, "noise"):
        x = 0.5 + noise * torch.randn(64, 1, 32, 32)
    raw = torch.tensor(0.0, requires_grad=True)

    class Flat(ImageToImageNetwork):
        halo = 0

        def forward(self, given):
            return torch.cat([0.5 - given, raw.expand_as(given)], dim=1)

    model = Translator(NOISY, Flat(), Gaussian((1, 32, 32)))
    optimizer = torch.optim.Adam([raw], lr=0.1)
    for step in range(120):
        with use_seed(0, "neighbours", step):
            terms = NeighbourLoss()(model, batch(x[:8]))
        optimizer.zero_grad()
        terms["loss"].mean().backward()
        optimizer.step()
    assert FLOOR + nn.functional.softplus(raw).item() == pytest.approx(noise, rel=0.05)


def test_the_recipe_takes_it_and_refuses_what_needs_clean_pictures():
    experiment = RecipeCall("denoise", SMALL).build(SPEC)
    assert experiment.players[0].objective == NeighbourLoss()
    for more in ({"latent_dim": 2}, {"adversary": Adversary(0.01)}):
        with pytest.raises(UserError, match="with --targets noisy"):
            RecipeCall("denoise", SMALL | more).build(SPEC)
    halved = {"translation": ImageToImageArchitecture("unet", width=4, depth=3)}
    with pytest.raises(UserError, match="sides that 8 divides"):
        RecipeCall("denoise", SMALL | halved).build(SPEC)
