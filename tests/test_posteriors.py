"""One contract for every posterior, and the capabilities that distributions are asked for."""

import math

import pytest
import torch
from safetensors.torch import load, save
from torch.distributions import Independent, MultivariateNormal, Normal

from immersion.batch import Batch
from immersion.check import UserError
from immersion.likelihoods.binary import Bernoulli
from immersion.models import VAE
from immersion.nn import Architecture
from immersion.objectives import ELBO
from immersion.posteriors import (
    MEAN_SAMPLES,
    POSTERIORS,
    Deterministic,
    PointMass,
    Posterior,
    compute_kl_per_unit,
    compute_mean,
    estimate_kl,
    has_density,
    has_entropy,
    has_mean,
)
from immersion.priors import PRIORS, StandardNormal

B, D = 5, 2
every = pytest.mark.parametrize("name", list(POSTERIORS))


def build(name: str, latent_dim: int = D) -> Posterior:
    torch.manual_seed(0)
    posterior = POSTERIORS[name](latent_dim)
    with torch.no_grad():
        for parameter in posterior.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return posterior


def output_of_an_encoder(posterior: Posterior, count: int = B) -> torch.Tensor:
    return torch.randn(count, *posterior.parameter_shape, requires_grad=True)


@every
@pytest.mark.parametrize("latent_dim", [1, 2, 5])
def test_samples_and_densities_have_their_shapes(name, latent_dim):
    posterior = build(name, latent_dim)
    q = posterior(output_of_an_encoder(posterior))
    assert (q.batch_shape, q.event_shape) == ((B,), (latent_dim,))
    z = q.rsample((3,))
    assert z.shape == (3, B, latent_dim)
    assert q.log_prob(z).shape == (3, B) and q.log_prob(z).isfinite().all()
    assert compute_mean(q).shape == (B, latent_dim)


@every
def test_encoder_and_posterior_are_reached_by_the_gradient(name):
    posterior = build(name)
    h = output_of_an_encoder(posterior)
    q = posterior(h)
    z = q.rsample((3,))
    (q.log_prob(z) + z.square().sum(-1)).mean().backward()
    for tensor in (h, *posterior.parameters()):
        assert tensor.grad is not None and tensor.grad.isfinite().all()
    assert (h.grad != 0).all()


@every
def test_the_density_is_that_of_the_samples(name):
    posterior = build(name)
    with torch.no_grad():
        q = posterior(output_of_an_encoder(posterior, 1))
        n = 100_000
        wide = Normal(0.0, 4.0)
        z = wide.sample((n, 1, D))
        weight = (q.log_prob(z) - wide.log_prob(z).sum(-1)).exp().squeeze(1)
        sampled = q.sample((n,)).squeeze(1)
    assert abs(weight.mean() - 1) < 4.5 * weight.std() / n**0.5
    there, here = torch.tanh(sampled).prod(1), weight * torch.tanh(z.squeeze(1)).prod(1)
    error = math.hypot(there.std().item(), here.std().item()) / n**0.5
    assert abs(there.mean() - here.mean()) < 4.5 * error


@every
def test_a_state_dict_is_the_whole_posterior_and_examples_do_not_mix(name):
    posterior, other = build(name), POSTERIORS[name](D)
    other.load_state_dict(load(save(posterior.state_dict())))
    h, z = output_of_an_encoder(posterior), torch.randn(B, D)
    with torch.no_grad():
        together = posterior(h).log_prob(z)
        assert torch.equal(together, other(h).log_prob(z))
        torch.testing.assert_close(posterior(h[1:2]).log_prob(z[1:2])[0], together[1])


@every
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_computes_in_float32_or_wider_under_autocast_too(name, dtype):
    used = torch.float64 if dtype == torch.float64 else torch.float32
    posterior = build(name).to(used)
    h = output_of_an_encoder(posterior).detach().to(dtype)
    torch.manual_seed(0)
    plain = posterior(h).rsample()
    density = posterior(h).log_prob(plain)
    with torch.autocast("cpu", torch.bfloat16):
        torch.manual_seed(0)
        z = posterior(h).rsample()
        log_q = posterior(h).log_prob(z)
    assert z.dtype == log_q.dtype == used
    assert torch.equal(z, plain) and torch.equal(log_q, density)


class TestCapabilities:
    gaussian = Independent(Normal(torch.zeros(B, D), 1.0), 1)
    full = MultivariateNormal(torch.zeros(D), torch.eye(D))

    def test_densities(self):
        assert has_density(self.gaussian) and has_density(self.full)
        assert not has_density(PointMass(torch.zeros(B, D)))
        assert not has_density(Deterministic(D)(torch.zeros(B, D)))

    def test_means_and_entropies(self):
        flow = build("flow")
        q = flow(output_of_an_encoder(flow))
        assert has_mean(self.gaussian) and has_entropy(self.gaussian) and has_entropy(self.full)
        assert not has_mean(q) and not has_entropy(q) and has_density(q)
        assert has_mean(PointMass(torch.zeros(B, D)))

    def test_a_mean_without_a_closed_form_is_estimated(self):
        flow = build("flow")
        with torch.no_grad():
            q = flow(output_of_an_encoder(flow))
            many = q.sample((20_000,))
            torch.manual_seed(1)
            error = (compute_mean(q) - many.mean(0)).abs()
        assert (error < 4.5 * many.std(0) / MEAN_SAMPLES**0.5).all()

    def test_a_divergence_without_a_closed_form_is_estimated(self):
        prior = StandardNormal(D)()
        assert compute_kl_per_unit(self.full, prior) is None
        assert compute_kl_per_unit(PointMass(torch.zeros(B, D)), prior) is None
        q = Independent(Normal(torch.ones(B, D), 0.5), 1)
        z = q.sample((20_000,))
        each = estimate_kl(q, prior, z)
        error = (each.mean(0) - compute_kl_per_unit(q, prior).sum(-1)).abs()
        assert (error < 4.5 * each.std(0) / 20_000**0.5).all()


class TestBound:
    def test_its_form_follows_from_what_q_and_p_have(self):
        flow, gaussian = build("flow"), build("diagonal-gaussian")
        prior = StandardNormal(D)()
        q = flow(output_of_an_encoder(flow))
        with pytest.raises(UserError, match=r"entropy in closed form.*--form joint"):
            ELBO(form="entropy").check(q, prior)
        with pytest.raises(UserError, match=r"each unit.*--free-bits"):
            ELBO(free_bits=0.1).check(q, prior)
        with pytest.raises(UserError, match=r"each unit.*--free-bits"):
            ELBO(free_bits=0.1).check(
                gaussian(output_of_an_encoder(gaussian)), PRIORS["flow"](D)()
            )
        for form in ("kl", "joint", "entropy"):
            ELBO(form=form).check(gaussian(output_of_an_encoder(gaussian)), prior)
        ELBO().check(q, prior)

    @pytest.mark.parametrize(
        ("prior", "posterior"), [("standard-normal", "flow"), ("flow", "diagonal-gaussian")]
    )
    def test_without_a_closed_form_kl_is_joint(self, prior, posterior):
        torch.manual_seed(0)
        model = VAE.build(
            (6,),
            D,
            Bernoulli((6,)),
            Architecture("dense", 8, 1),
            PRIORS[prior](D),
            POSTERIORS[posterior](D),
        )
        batch = Batch(torch.randint(0, 2, (B, 6)).float(), None, torch.tensor(0))
        terms = []
        for form in ("kl", "joint"):
            torch.manual_seed(1)
            terms.append(ELBO(form=form, beta=0.5)(model, batch))
        assert all(torch.equal(terms[0][name], terms[1][name]) for name in terms[1])
