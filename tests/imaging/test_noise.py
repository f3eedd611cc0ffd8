"""Noise: the moments of its formulas, one strength per picture, reproducible with a seed."""

import math

import pytest
import torch

from immersion.check import UserError
from immersion.imaging.noise import (
    add_gaussian,
    add_poisson_gaussian,
    add_salt_and_pepper,
    sample_smooth_field,
)

LEVELS = torch.tensor([0.0, 0.1, 0.5, 1.0])


@pytest.fixture
def x() -> torch.Tensor:
    """Four flat pictures of 90,000 values, black to white."""
    torch.manual_seed(0)
    return LEVELS.view(4, 1, 1, 1).repeat(1, 1, 300, 300).double()


def moments(y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return y.mean((1, 2, 3)).float(), y.var((1, 2, 3)).float()


def test_gaussian_has_the_moments_of_each_picture_and_is_not_clipped(x):
    sigma = torch.tensor([0.02, 0.1, 0.2, 0.3])
    y = add_gaussian(x, sigma)
    mean, var = moments(y)
    assert torch.allclose(mean, LEVELS, atol=0.004)  # four standard errors
    assert torch.allclose(var, sigma**2, rtol=0.02)
    assert y.min() < 0 and y.max() > 1


def test_poisson_gaussian_has_the_moments_of_each_picture(x):
    photons, sigma = torch.tensor([10.0, 20, 50, 100]), torch.tensor([0.1, 0.05, 0.02, 0.0])
    mean, var = moments(add_poisson_gaussian(x, photons, sigma))
    assert torch.allclose(mean, LEVELS, atol=0.002)
    assert torch.allclose(var, LEVELS / photons + sigma**2, rtol=0.03)


def test_photons_are_counted_in_whole_numbers(x):
    y = add_poisson_gaussian(x, 30, 0.0) * 30
    assert torch.allclose(y, y.round(), atol=1e-9)
    assert y[0].abs().max() == 0  # no light, no noise of light


def test_salt_and_pepper_replaces_its_share_evenly(x):
    share = torch.tensor([0.0, 0.1, 0.5, 1.0])
    y = add_salt_and_pepper(x + 0.25 - x / 2, share)  # no value at 0 or 1
    black, white = (y == 0).float().mean((1, 2, 3)), (y == 1).float().mean((1, 2, 3))
    assert torch.allclose(black, share / 2, atol=0.007)
    assert torch.allclose(white, share / 2, atol=0.007)


def test_salt_and_pepper_hits_all_channels_of_a_pixel():
    x = torch.full((3, 40, 40), 0.5)
    hit = add_salt_and_pepper(x, 0.3) != 0.5
    assert hit.any() and not hit.all()
    assert torch.equal(hit, hit[:1].expand_as(hit))


DRAWS = {
    "gaussian": lambda x, s: add_gaussian(x, s),
    "poisson-gaussian": lambda x, s: add_poisson_gaussian(x, 100 * s, s),
    "salt and pepper": lambda x, s: add_salt_and_pepper(x, s),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_every_noise_keeps_shape_and_type_and_follows_the_seed(draw):
    for shape in [(2, 3, 5, 6), (3, 5, 6), (1, 5, 6)]:
        x = torch.rand(shape)
        torch.manual_seed(7)
        y = draw(x, 0.2)
        torch.manual_seed(7)
        again = draw(x, torch.full(shape[:1], 0.2) if len(shape) == 4 else 0.2)
        assert y.shape == x.shape and y.dtype == x.dtype
        assert torch.equal(y, again) and not torch.equal(y, x)


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize(
    "x, strength",
    [
        (torch.rand(2, 1, 4, 4), -0.1),
        (torch.rand(2, 1, 4, 4), float("nan")),
        (torch.rand(2, 1, 4, 4), torch.tensor([0.1, 0.2, 0.3])),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), 0.1),
    ],
)
def test_what_makes_no_noise_is_refused(draw, x, strength):
    with pytest.raises(UserError):
        draw(x, strength)


def test_gaussian_carries_gradients():
    x, sigma = torch.rand(2, 1, 4, 4, requires_grad=True), torch.rand(2, requires_grad=True)
    add_gaussian(x, sigma).square().sum().backward()
    assert x.grad.abs().sum() > 0 and sigma.grad.abs().sum() > 0


def test_the_covariance_is_a_gaussian_of_the_distance():
    torch.manual_seed(0)
    z = torch.cat([sample_smooth_field(2, (9, 13), length=4.0) for _ in range(4000)])
    assert abs(z.mean()) < 0.02
    for down, right in ((0, 0), (0, 4), (3, 0), (4, 8)):
        found = (z[:, :, 0, 0] * z[:, :, down, right]).mean().item()
        expected = math.exp(-(down**2 + right**2) / (2 * 4.0**2))
        assert abs(found - expected) < 0.04
    assert abs((z[:, 0, 0, 0] * z[:, 1, 0, 0]).mean()) < 0.04  # channels have nothing in common


def test_a_value_is_a_standard_normal_one():
    torch.manual_seed(0)
    z = torch.cat([sample_smooth_field(1, (1, 1), length=4.0) for _ in range(4000)]).flatten()
    for at in (-1.0, 0.0, 1.0, 2.0):
        expected = torch.distributions.Normal(0.0, 1.0).cdf(torch.tensor(at))
        assert abs((z < at).float().mean() - expected) < 0.02
