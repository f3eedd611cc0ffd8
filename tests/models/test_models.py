"""One contract for every model class and likelihood; the priors and posteriors they use."""

import math

import pytest
import torch
from scipy import stats
from torch.nn.functional import softplus

from immersion.check import UserError
from immersion.likelihoods import LIKELIHOODS
from immersion.models import (
    GAN,
    VAE,
    VAEGAN,
    AdversarialAutoencoder,
    Autoencoder,
    ConditionalVAE,
    Decoder,
    Discriminator,
    Generative,
    LatentVariableModel,
    ProbabilisticPCA,
)
from immersion.nn import Architecture
from immersion.posteriors import SMALLEST_SCALE, DiagonalGaussian, PointMass
from immersion.priors import StandardNormal

B, D, LATENT, K = 5, 6, 2, 3
SMALL = Architecture("dense", 8, 1)


def build(name):
    """Return a model by `class/likelihood`, with weights drawn anew."""
    kind, _, likelihood = name.partition("/")
    if kind == "ppca":
        return ProbabilisticPCA.fit(torch.randn(100, D), LATENT)
    p = LIKELIHOODS[likelihood]((D,))
    return {"vae": VAE, "autoencoder": Autoencoder}[kind].build((D,), LATENT, p, SMALL)


def examples(name):
    """Return data in the support of the model's likelihood: 0 and 1 lie in every one."""
    return torch.randint(0, 2, (B, D)).float()


MODELS = ["ppca", *(f"{kind}/{p}" for kind in ("vae", "autoencoder") for p in LIKELIHOODS)]


@pytest.fixture(params=MODELS)
def case(request):
    torch.manual_seed(0)
    return build(request.param).eval(), examples(request.param)


def test_shapes(case):
    model, x = case
    assert isinstance(model, Decoder)
    q = model.encode(x)
    assert model.latent_dim == LATENT
    assert (q.batch_shape, q.event_shape, q.mean.shape) == ((B,), (LATENT,), (B, LATENT))
    assert q.rsample((K,)).shape == (K, B, LATENT)
    for batch_shape in ((), (B,), (K, B), (2, K, B)):
        p = model.decode(torch.randn(*batch_shape, LATENT))
        assert (p.batch_shape, p.event_shape) == (batch_shape, (D,))
        assert p.mean.shape == (*batch_shape, D)
        assert p.log_prob(x if batch_shape else x[0]).shape == batch_shape
        assert p.sample().shape == (*batch_shape, D)


def test_codes_in_many_dimensions_are_decoded_as_they_would_be_one_by_one(case):
    model, x = case
    z = torch.randn(K, B, LATENT)
    together = model.decode(z).log_prob(x)
    for k in range(K):
        torch.testing.assert_close(together[k], model.decode(z[k]).log_prob(x))


def test_log_weights(case):
    model, x = case
    if not isinstance(model, LatentVariableModel):
        assert model.prior is None
        return
    torch.manual_seed(1)
    weights = model.log_weights(x, K)
    assert weights.shape == (K, B)
    assert weights.isfinite().all()
    torch.manual_seed(1)
    q = model.encode(x)
    z = q.rsample((K,))
    prior = torch.from_numpy(stats.norm.logpdf(z.detach()).sum(-1))
    expected = (model.decode(z).log_prob(x) - q.log_prob(z)).detach() + prior
    torch.testing.assert_close(weights.detach().double(), expected, rtol=1e-5, atol=1e-4)


def test_every_parameter_is_reached_by_the_gradient(case):
    model, x = case
    parameters = list(model.parameters())
    if isinstance(model, LatentVariableModel) and parameters:
        (-model.log_weights(x, K).mean()).backward()
    elif parameters:
        (-model.decode(model.encode(x).mean).log_prob(x).mean()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in parameters)


def test_evaluation_is_the_same_twice_and_examples_do_not_mix(case):
    model, x = case
    before = {name: t.clone() for name, t in model.state_dict().items()}
    first, second = (model.encode(x).mean for _ in range(2))
    assert torch.equal(first, second)
    torch.testing.assert_close(model.encode(x[1:2]).mean[0], first[1])
    decoded = [model.decode(first).log_prob(x) for _ in range(2)]
    assert torch.equal(*decoded)
    torch.testing.assert_close(model.decode(first[1:2]).log_prob(x[1:2])[0], decoded[0][1])
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("name", MODELS)
def test_a_state_dict_is_the_whole_model(name):
    torch.manual_seed(0)
    x = examples(name)
    model = build(name)
    if name != "ppca":  # so that learned and running scales are not those of a new model
        model.train()
        terms = model.decode(model.encode(x).mean).log_prob(x)
        (-terms.mean()).backward()
        torch.optim.SGD(model.parameters(), lr=0.1).step()
    other = build(name)
    assert not same(model.eval(), other.eval(), x)
    other.load_state_dict(model.state_dict())
    assert same(model, other, x)


def same(a, b, x):
    codes = [m.encode(x).mean for m in (a, b)]
    decoded = [m.decode(z).log_prob(x) for m, z in zip((a, b), codes, strict=True)]
    return torch.equal(*codes) and torch.equal(*decoded)


def test_no_model_class_is_missed_here():
    """A concrete class added to the package is to be added to this contract."""
    from immersion import models

    concrete = {
        member
        for member in (getattr(models, name) for name in models.__all__)
        if isinstance(member, type)
        and issubclass(member, Decoder)
        and not member.__abstractmethods__
    }
    # A conditional VAE is a view of a translator: tests/exact/test_conditional_elbo.py has it.
    assert concrete == {VAE, Autoencoder, ProbabilisticPCA, ConditionalVAE, *GENERATORS}


def gan():
    model = GAN(SMALL.build((LATENT,), (D,)), judge(D), StandardNormal(LATENT), LATENT)
    model.encoder = SMALL.build((D,), (LATENT,))  # as one that was trained for it
    return model


def vae_gan():
    encoder, generator = SMALL.build((D,), (2 * LATENT,)), SMALL.build((LATENT,), (D,))
    return VAEGAN(encoder, generator, SMALL.build((D,), (1,)), LATENT)


def adversarial_autoencoder():
    encoder, decoder = SMALL.build((D,), (LATENT,)), SMALL.build((LATENT,), (D,))
    p, prior = LIKELIHOODS["gaussian-fixed"]((D,)), StandardNormal(LATENT)
    return AdversarialAutoencoder(encoder, decoder, p, judge(LATENT), prior, LATENT)


def judge(dimensions):
    return Discriminator(SMALL.build((dimensions,), (1,)))


GENERATORS = {GAN: gan, VAEGAN: vae_gan, AdversarialAutoencoder: adversarial_autoencoder}


@pytest.mark.parametrize("kind", list(GENERATORS))
def test_models_that_are_trained_by_a_game(kind):
    """They draw, encode and decode as others do, and a state dict is the whole of them."""
    torch.manual_seed(0)
    model, x = GENERATORS[kind]().eval(), torch.randn(B, D)
    assert isinstance(model, Generative) and not isinstance(model, LatentVariableModel)
    q = model.encode(x)
    assert (q.batch_shape, q.event_shape, q.mean.shape) == ((B,), (LATENT,), (B, LATENT))
    for batch_shape in ((), (B,), (2, K, B)):
        z = model.prior().sample(batch_shape)
        p = model.decode(z)
        assert (p.batch_shape, p.event_shape) == (batch_shape, (D,))
        assert p.mean.shape == p.sample().shape == (*batch_shape, D)
    alone = model.decode(z[1, 2, 3]).mean
    torch.testing.assert_close(p.mean[1, 2, 3], alone)
    made = model.decode(q.mean).mean
    torch.testing.assert_close(model.decode(model.encode(x[1:2]).mean).mean[0], made[1])
    other = GENERATORS[kind]().eval()
    assert not torch.equal(other.decode(other.encode(x).mean).mean, made)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.decode(other.encode(x).mean).mean, made)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 16, 12)])
@pytest.mark.parametrize("network", ["dense", "conv"])
def test_images(shape, network):
    p = LIKELIHOODS["gaussian"](shape)
    model = VAE.build(shape, LATENT, p, Architecture(network, 8))
    x = torch.rand(B, *shape)
    assert model.decode(torch.randn(K, B, LATENT)).mean.shape == (K, B, *shape)
    assert model.log_weights(x, K).shape == (K, B)


def test_reconstructions_of_an_autoencoder_are_the_decoded_codes():
    model, x = build("autoencoder/gaussian-fixed"), torch.randn(B, D)
    expected = model.decoder(model.encoder(x))
    torch.testing.assert_close(model.decode(model.encode(x).mean).mean, expected)


def test_probabilistic_pca_refuses_what_it_cannot_fit():
    x = torch.randn(50, 4)
    for latent_dim in (0, 4, 9):
        with pytest.raises(UserError, match="1 to 3"):
            ProbabilisticPCA.fit(x, latent_dim)
    flat = torch.randn(50, 2) @ torch.eye(2, 4)
    with pytest.raises(UserError, match="fewer latents"):
        ProbabilisticPCA.fit(flat, 2)


def test_probabilistic_pca_takes_the_maximum_of_the_likelihood():
    torch.manual_seed(0)
    x = torch.randn(200, 4).double() @ torch.randn(4, 4).double()
    best = ProbabilisticPCA.fit(x, 2)
    for _ in range(20):
        weight = best.weight + 0.01 * torch.randn(4, 2)
        for noise in (best.noise, 1.01 * best.noise, 0.99 * best.noise):
            other = ProbabilisticPCA(weight, best.mean, noise)
            assert other.log_prob(x).mean() < best.log_prob(x).mean()


class TestStandardNormal:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_density(self, dtype):
        z = torch.randn(7, 3, dtype=dtype)
        p = StandardNormal(3).to(dtype)()
        assert (p.batch_shape, p.event_shape) == ((), (3,))
        expected = torch.from_numpy(stats.norm.logpdf(z).sum(-1))
        torch.testing.assert_close(p.log_prob(z), expected.to(dtype))

    def test_draws(self):
        torch.manual_seed(0)
        z = StandardNormal(2)().sample((100_000,))
        assert z.mean(0).abs().max() < 4.5 / math.sqrt(100_000)
        assert (torch.cov(z.T) - torch.eye(2)).abs().max() < 4.5 * math.sqrt(2 / 100_000)

    def test_has_nothing_to_train_or_save(self):
        assert not list(StandardNormal(2).parameters())
        assert not StandardNormal(2).state_dict()


class TestDiagonalGaussian:
    def test_is_the_formula(self):
        h = torch.randn(5, 4, dtype=torch.float64)
        q = DiagonalGaussian(2)(h)
        scale = softplus(h[:, 2:]) + SMALLEST_SCALE
        assert torch.equal(q.mean, h[:, :2])
        torch.testing.assert_close(q.stddev, scale, rtol=1e-14, atol=0)
        z = torch.randn(3, 5, 2, dtype=torch.float64)
        expected = torch.from_numpy(stats.norm.logpdf(z, h[:, :2], scale).sum(-1))
        torch.testing.assert_close(q.log_prob(z), expected, rtol=1e-12, atol=0)

    @pytest.mark.parametrize(
        ("given", "used"),
        [
            (torch.bfloat16, torch.float32),
            (torch.float16, torch.float32),
            (torch.float32, torch.float32),
            (torch.float64, torch.float64),
        ],
    )
    def test_computes_in_float32_or_wider(self, given, used):
        q = DiagonalGaussian(2)(torch.randn(5, 4).to(given))
        assert q.mean.dtype == q.stddev.dtype == q.rsample().dtype == used

    def test_neither_end_overflows(self):
        q = DiagonalGaussian(2)(torch.tensor([[0.0, 0.0, -1e6, 1e6]]))
        assert q.stddev[0, 0].item() == pytest.approx(SMALLEST_SCALE)
        assert q.stddev[0, 1].item() == pytest.approx(1e6)
        assert q.log_prob(q.mean).isfinite().all()


class TestPointMass:
    def test_all_draws_are_the_point(self):
        point = torch.randn(5, 2, requires_grad=True)
        q = PointMass(point)
        assert torch.equal(q.mean, point)
        draws = q.rsample((3,))
        assert torch.equal(draws, point.expand(3, 5, 2))
        draws.sum().backward()
        assert torch.equal(point.grad, torch.full((5, 2), 3.0))
        assert q.sample().grad_fn is None

    def test_has_no_density(self):
        q = PointMass(torch.zeros(5, 2))
        with pytest.raises(NotImplementedError):
            q.log_prob(torch.zeros(5, 2))
        with pytest.raises(NotImplementedError):
            torch.distributions.kl_divergence(q, StandardNormal(2)())
