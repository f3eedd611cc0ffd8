"""A linear conditional VAE, of which p(target | input) and p(z | input, target) are known.

target = (1 + a) input + b + w z + sigma e at every pixel, one z for the whole picture: the targets
are jointly Gaussian, with covariance sigma^2 I + w^2 11^T.
"""

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from immersion.batch import Batch
from immersion.likelihoods.gaussian import GaussianFixed
from immersion.models import ConditionalVAE, PictureCode, Translator
from immersion.nn.image_to_image import ImageToImageNetwork
from immersion.objectives import ELBO, ConditionalELBO
from immersion.posteriors import SMALLEST_SCALE
from immersion.tasks import Pair
from immersion.tasks.denoise import Denoise

A, B, W, SIGMA, SIDE = -0.3, 0.2, 0.7, 0.5, 4
PRECISION = 1 + SIDE**2 * W**2 / SIGMA**2


class Pixelwise(ImageToImageNetwork):
    """a input + b + w z; the task adds the input."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(2, 1, 1)
        with torch.no_grad():
            self.mix.weight.copy_(torch.tensor([A, W]).view(1, 2, 1, 1))
            self.mix.bias.fill_(B)

    @property
    def halo(self):
        return 0

    def forward(self, x):
        return self.mix(x)


class Posterior(nn.Module):
    """The exact mean and scale of z, from the picture's mean residual; or others."""

    def __init__(self, shift, widen):
        super().__init__()
        self.shift, self.widen = shift, widen

    def forward(self, x):
        given, target = x.mean((2, 3)).unbind(1)
        residual = target - (1 + A) * given - B
        mean = SIDE**2 * W / SIGMA**2 * residual / PRECISION + self.shift
        scale = torch.full_like(mean, self.widen * PRECISION**-0.5)
        raw = torch.expm1(scale - SMALLEST_SCALE).log()
        return torch.stack([mean, raw], dim=1)


def translator(shift=0.0, widen=1.0):
    code = PictureCode(1, Posterior(shift, widen))
    p = GaussianFixed((1, SIDE, SIDE), SIGMA)
    return Translator(Denoise(), Pixelwise(), p, code).double()


@pytest.fixture(scope="module")
def pair():
    generator = torch.Generator().manual_seed(0)
    given, target = torch.randn(2, 6, 1, SIDE, SIDE, generator=generator).double()
    return Pair(given, target)


@pytest.fixture(scope="module")
def truth(pair):
    """log p(target | input), (B,), in nats."""
    pixels = SIDE**2
    eye = torch.eye(pixels, dtype=torch.float64)
    mean = ((1 + A) * pair.input + B).flatten(1)
    return MultivariateNormal(mean, SIGMA**2 * eye + W**2).log_prob(pair.target.flatten(1))


def terms(model, pair, **settings):
    torch.manual_seed(0)
    objective = ConditionalELBO(ELBO(**settings))
    return objective.compute_terms(model, pair, torch.tensor(0))[0]


def test_with_the_true_posterior_the_bound_is_the_log_likelihood(pair, truth):
    found = terms(translator(), pair, form="joint")
    assert torch.allclose(found["elbo"], truth, atol=1e-9)
    assert torch.allclose(found["loss"], -truth, atol=1e-9)


def test_its_importance_weights_are_all_equal(pair, truth):
    weights = ConditionalVAE(translator(), pair.input).log_weights(pair.target, k=5)
    assert torch.allclose(weights, truth.expand(5, -1), atol=1e-9)


@pytest.mark.parametrize("form", ["kl", "joint", "entropy"])
def test_with_another_the_gap_is_the_divergence_of_the_two(form, pair, truth):
    shift, widen, samples = 0.3, 1.6, 20_000
    found = terms(translator(shift, widen), pair, form=form, samples=samples)
    scale = PRECISION**-0.5
    gap = kl_divergence(Normal(shift, widen * scale), Normal(0.0, scale))
    assert torch.allclose(truth - found["elbo"], gap.double().expand(6), atol=0.15)
    assert gap > 1.5


def test_the_kl_is_analytic(pair):
    model = translator(0.3, 1.6)
    q = model.code.encode(pair.input, pair.target)
    found = terms(model, pair)["kl"]
    mu, sigma = q.mean.squeeze(1), q.stddev.squeeze(1)
    expected = (mu**2 + sigma**2 - 1) / 2 - sigma.log()
    assert torch.allclose(found, expected, atol=1e-9)


def test_a_pixel_that_does_not_count_adds_nothing(pair):
    """With weight 1 on one pixel the likelihood term is that pixel's alone."""
    weight = torch.zeros_like(pair.target)
    weight[..., 1, 2] = 1
    model = translator()
    vae = ConditionalVAE(model, pair.input, weight)
    z = torch.randn(3, 6, 1, dtype=torch.float64)
    mean = (1 + A) * pair.input[:, 0, 1, 2] + B + W * z.squeeze(2)
    found = vae.decode(z).log_prob(pair.target)
    assert torch.allclose(found, Normal(mean, SIGMA).log_prob(pair.target[:, 0, 1, 2]), atol=1e-9)


def test_the_objective_makes_its_own_pairs():
    model = translator()
    x = torch.rand(3, 1, SIDE, SIDE, dtype=torch.float64)
    torch.manual_seed(0)
    found = ConditionalELBO()(model, Batch(x, None, torch.tensor(0)))
    assert sorted(found) == ["elbo", "kl", "log_likelihood", "loss"]
    assert all(value.shape == (3,) and value.isfinite().all() for value in found.values())
