"""The first derivatives of maps: metric, singular values, rank, volume; and what is refused."""

import math

import pytest
import torch
from surfaces import sphere
from torch import nn

import immersion as im
from immersion.check import UserError
from immersion.geometry import Manifold, differentials
from immersion.geometry import manifold as module

Z = torch.randn(40, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def smooth(seed=0, d=2, width=16, out=7):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(d, width), nn.Tanh(), nn.Linear(width, out)).double()


def test_derivatives_are_those_of_autograd():
    g = smooth()
    expected = torch.stack([torch.autograd.functional.jacobian(g, z) for z in Z])
    torch.testing.assert_close(differentials.jacobian(g, Z), expected)
    torch.testing.assert_close(Manifold(g, 2).jacobian(Z), expected)
    second = differentials.second_derivatives(g, Z)
    for k in range(7):
        each = torch.stack(
            [torch.autograd.functional.hessian(lambda z, k=k: g(z)[k], z) for z in Z]
        )
        torch.testing.assert_close(second[:, k], each)


def test_the_metric_of_a_sphere():
    metric = Manifold(sphere, 2).metric_matrix(Z)
    expected = 1.5**2 * torch.diag_embed(torch.stack([torch.ones(40), Z[:, 0].cos() ** 2], 1))
    torch.testing.assert_close(metric, expected.double())
    volume = Manifold(sphere, 2).log_volume(Z)
    torch.testing.assert_close(volume, (1.5**2 * Z[:, 0].cos().abs()).log())


def test_a_linear_map_has_the_singular_values_of_its_matrix():
    matrix = torch.randn(9, 3, dtype=torch.float64)
    linear = Manifold(lambda z: z @ matrix.mT, 3)
    z = torch.randn(5, 3, dtype=torch.float64)
    expected = torch.linalg.svdvals(matrix)
    torch.testing.assert_close(linear.singular_values(z), expected.expand(5, 3))
    torch.testing.assert_close(linear.condition_number(z), (expected[0] / expected[2]).expand(5))
    assert linear.rank(z).tolist() == [3] * 5


def test_a_direction_that_the_map_does_not_see_lowers_the_rank():
    flat = Manifold(lambda z: torch.stack([z[:, 0], z[:, 0] ** 2, 0 * z[:, 1]], 1), 2)
    assert flat.rank(Z).tolist() == [1] * 40
    fold = Manifold(lambda z: torch.stack([z[:, 0] ** 2, z[:, 1]], 1), 2)
    assert fold.rank(torch.tensor([[0.0, 1.0], [1.0, 1.0]]).double()).tolist() == [1, 2]
    assert fold.log_volume(torch.tensor([[0.0, 1.0]]).double()).item() == -math.inf


def test_small_singular_values_are_not_lost_in_rounding():
    thin = Manifold(lambda z: torch.stack([z[:, 0], 1e-11 * z[:, 1]], 1), 2)
    assert thin.singular_values(Z)[0, 1].item() == pytest.approx(1e-11)


def test_chunks_give_the_same(monkeypatch):
    g = Manifold(smooth(), 2)
    whole = g.jacobian(Z), g.points(Z)
    monkeypatch.setattr(module, "CHUNK", 30)
    torch.testing.assert_close((g.jacobian(Z), g.points(Z)), whole)


def test_a_model_is_its_mean_in_float64_and_stays_as_it_is():
    p = im.likelihoods.Gaussian((4,))
    decoder = nn.Sequential(nn.Linear(2, 8), nn.SiLU(), nn.Linear(8, 8))
    vae = im.VAE(nn.Linear(4, 4), decoder, p, latent_dim=2).train()
    mean, both = Manifold(vae), Manifold(vae, uncertain=True)
    expected = vae.decode(Z.float()).mean
    torch.testing.assert_close(mean.points(Z).float(), expected)
    assert mean.dim == 2 and vae.training and next(vae.parameters()).dtype == torch.float32
    deviation = Manifold(lambda z: both.g(z)[:, 4:], 2)
    torch.testing.assert_close(
        both.metric_matrix(Z), mean.metric_matrix(Z) + deviation.metric_matrix(Z)
    )


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda g: g.points(torch.zeros(3, 5)), "do not fit the map"),
        (lambda g: g.points(torch.zeros(3, 2, dtype=torch.int64)), "do not fit the map"),
        (lambda g: g.points(torch.full((3, 2), math.nan)), "not finite"),
        (lambda g: Manifold(sphere), "needs dim"),
    ],
)
def test_mistakes_are_sentences(act, words):
    with pytest.raises(UserError, match=words):
        act(Manifold(sphere, 2))
