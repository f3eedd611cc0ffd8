"""Samples in chunks: seeds, labels, cut codes, and what is refused."""

import math

import pytest
import torch
from scipy import stats
from torch import nn

from immersion.check import UserError
from immersion.likelihoods import LIKELIHOODS
from immersion.models import GAN, VAE, Discriminator, ProbabilisticPCA, sampling
from immersion.models.sampling import draw_samples, iterate_samples
from immersion.nn import Architecture
from immersion.priors import Labelled, StandardNormal, UniformCube

SMALL = Architecture("dense", 8, 1)


def vae(dimensions: int = 6, likelihood: str = "gaussian") -> VAE:
    torch.manual_seed(0)
    return VAE.build((dimensions,), 2, LIKELIHOODS[likelihood]((dimensions,)), SMALL).eval()


def shown(prior: nn.Module, latent_dim: int) -> GAN:
    """Return a GAN whose samples are its codes."""
    return GAN(nn.Identity(), Discriminator(nn.Identity()), prior, latent_dim).eval()


def conditional(noise: int = 2, classes: int = 3) -> GAN:
    return shown(Labelled(StandardNormal(noise), classes), noise + classes)


def test_chunks_hold_as_many_as_were_asked_for():
    chunks = list(iterate_samples(vae(), 600, seed=0))
    assert [len(chunk.x) for chunk in chunks] == [250, 250, 100]
    for mean, x, y in chunks:
        assert y is None
        assert mean.shape == x.shape == (len(x), 6)
        assert mean.dtype == x.dtype == torch.float32
        assert not mean.requires_grad


def test_a_smaller_count_is_the_beginning_of_a_larger_one():
    model = vae()
    few, many = (
        list(iterate_samples(model, 600, seed=3)),
        list(iterate_samples(model, 1000, seed=3)),
    )
    for number in range(2):
        assert torch.equal(few[number][1], many[number][1])
    torch.testing.assert_close(few[2][0], many[2][0][:100])
    assert not torch.equal(many[0][0], many[1][0])
    assert not torch.equal(many[0][0], next(iter(iterate_samples(model, 1000, seed=4)))[0])


def test_the_callers_generator_and_gradients_are_left_alone():
    model = vae()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    for _ in iterate_samples(model, 300, seed=0):
        assert torch.is_grad_enabled()
    assert torch.equal(torch.rand(3), expected)


def test_samples_have_the_models_own_distribution():
    weight = torch.tensor([[2.0, 0.0], [1.0, 1.0], [0.0, 0.5]], dtype=torch.float64)
    mean = torch.tensor([5.0, -1.0, 0.0], dtype=torch.float64)
    model = ProbabilisticPCA(weight, mean, torch.tensor(0.3, dtype=torch.float64))
    n = 40_000
    chunks = list(iterate_samples(model, n, seed=0))
    means, x = (torch.cat(parts).double() for parts in list(zip(*chunks, strict=True))[:2])
    covariance = weight @ weight.T + 0.3**2 * torch.eye(3)
    assert (x.mean(0) - mean).abs().max() < 5 * 2.1 / math.sqrt(n)
    assert (x.T.cov() - covariance).abs().max() < 5 * math.sqrt(2 / n) * covariance.max()
    noise = x - means
    assert noise.std().item() == pytest.approx(0.3, rel=5 / math.sqrt(6 * n))
    assert torch.equal(draw_samples(model, n, seed=0).double(), x)


def test_a_generators_samples_have_no_noise():
    for mean, x, _ in iterate_samples(shown(UniformCube(3), 3), 300, seed=0):
        assert torch.equal(mean, x)


@pytest.mark.parametrize("label", [None, 1])
def test_the_classes_of_draws_are_those_that_their_codes_ask_for(label):
    for chunk in iterate_samples(conditional(), 300, seed=0, label=label):
        assert torch.equal(chunk.y, chunk.x[:, 2:].argmax(1))
        assert (len(chunk.y.unique()) == 3) if label is None else (chunk.y == label).all()


def test_large_images_come_in_smaller_chunks(monkeypatch):
    monkeypatch.setattr(sampling, "VALUES", 60)
    assert [len(chunk.x) for chunk in iterate_samples(vae(), 25, seed=0)] == [10, 10, 5]
    monkeypatch.setattr(sampling, "VALUES", 1)
    assert [len(chunk.x) for chunk in iterate_samples(vae(), 2, seed=0)] == [1, 1]


@pytest.mark.parametrize("t", [0.3, 1.0, 2.5])
def test_cut_codes_are_exactly_a_truncated_normal(t):
    z = draw_samples(shown(StandardNormal(2), 2), 20_000, seed=0, truncation=t).double()
    assert z.abs().max() <= t + 1e-6
    assert z.abs().max() > 0.99 * t
    truncated = stats.truncnorm(-t, t)
    closed = 1 - 2 * t * stats.norm.pdf(t) / (2 * stats.norm.cdf(t) - 1)
    assert closed == pytest.approx(truncated.var())
    fourth = truncated.moment(4)
    assert abs(z.square().mean() - closed) < 4.5 * math.sqrt((fourth - closed**2) / z.numel())
    assert stats.kstest(z.flatten().numpy(), truncated.cdf).pvalue > 1e-4
    assert abs(torch.corrcoef(z.T)[0, 1]) < 4.5 / math.sqrt(len(z))


def test_a_wide_cut_is_no_cut_and_stays_finite():
    z = draw_samples(shown(StandardNormal(2), 2), 20_000, seed=0, truncation=50.0).double()
    assert z.isfinite().all()
    assert stats.kstest(z.flatten().numpy(), stats.norm.cdf).pvalue > 1e-4


@pytest.mark.parametrize("truncation", [0.0, 0.7])
def test_classes_are_drawn_evenly_unless_one_is_asked_for(truncation):
    model = conditional()
    z = draw_samples(model, 9000, seed=0, truncation=truncation)
    noise, y = z[:, :2], z[:, 2:]
    assert torch.equal(y.sum(1), torch.ones(9000))
    assert ((y == 0) | (y == 1)).all()
    assert stats.chisquare(y.sum(0).numpy()).pvalue > 1e-4
    assert (noise.abs().max() <= 0.7 + 1e-6) == (truncation > 0)
    for label in range(3):
        one = draw_samples(model, 300, seed=0, truncation=truncation, label=label)
        assert torch.equal(one[:, 2:], torch.eye(3)[label].expand(300, 3))
        torch.testing.assert_close(one[:, :2], noise[:300])  # the same noise for every class


def test_a_conditional_generator_decodes_its_labels():
    torch.manual_seed(0)
    generator, judge = SMALL.build((2 + 3,), (1, 4, 4)), SMALL.build((1, 4, 4), (3,))
    model = GAN(generator, Discriminator(judge), Labelled(StandardNormal(2), 3), 5).eval()
    x = [draw_samples(model, 4, seed=0, label=label) for label in range(3)]
    assert x[0].shape == (4, 1, 4, 4)
    assert not torch.equal(x[0], x[1])
    z = torch.cat([draw_samples(conditional(), 4, seed=0, label=2)])
    torch.testing.assert_close(model.decode(z).mean, x[2])
    assert model.prior().event_shape == (5,)


@pytest.mark.parametrize(
    ("model", "settings", "words"),
    [
        (vae(), {"count": 0}, "--count"),
        (vae(), {"label": 1}, "not class-conditional"),
        (shown(StandardNormal(2), 2), {"label": 0}, "not class-conditional"),
        (conditional(), {"label": 3}, "from 0 to 2"),
        (conditional(), {"label": -1}, "from 0 to 2"),
        (shown(UniformCube(2), 2), {"truncation": 0.5}, r"N\(0, I\).*UniformCube"),
        (vae(), {"truncation": -0.5}, "above 0"),
    ],
)
def test_mistakes_are_told_before_anything_is_drawn(model, settings, words):
    with pytest.raises(UserError, match=words):
        iterate_samples(model, **{"count": 5, "seed": 0, **settings})
