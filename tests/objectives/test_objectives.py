"""The ELBO's settings do what their names say, and its gradients are those of the exact bound."""

import itertools

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal

from immersion.batch import Batch
from immersion.check import UserError
from immersion.likelihoods import LIKELIHOODS
from immersion.likelihoods.binary import Bernoulli
from immersion.models import VAE, Autoencoder
from immersion.nn import Architecture
from immersion.objectives import ELBO, Reconstruction
from immersion.objectives.gradients import score_function
from immersion.posteriors import DiagonalGaussian, compute_kl_per_unit
from immersion.priors import StandardNormal

FORMS = ["kl", "joint", "entropy"]
X = torch.tensor([[1, 0, 1], [0, 0, 1], [1, 1, 1], [0, 1, 0]], dtype=torch.float64)


def tiny(latent_dim=1):
    torch.manual_seed(7)
    model = VAE.build(
        (3,), latent_dim, Bernoulli((3,)), Architecture("dense", 2, 1, "tanh")
    ).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    return model


def batch(x=X, step=0):
    return Batch(x, None, torch.tensor(step))


def terms_of(objective, model=None, x=X, step=0):
    torch.manual_seed(0)
    return objective(tiny() if model is None else model, batch(x, step))


@pytest.mark.parametrize(
    ("form", "gradient", "keep"),
    list(
        itertools.product(
            FORMS, ["reparameterised", "score-function"], ["both", "reconstruction", "kl"]
        )
    ),
)
def test_terms_are_one_number_an_example_and_mean_what_they_are_called(form, gradient, keep):
    objective = ELBO(form=form, gradient=gradient, keep=keep, samples=3, beta=2.5)
    terms = terms_of(objective)
    assert set(terms) == {"loss", "elbo", "log_likelihood", "kl"}
    assert all(term.shape == (4,) and term.isfinite().all() for term in terms.values())
    torch.testing.assert_close(terms["elbo"], terms["log_likelihood"] - terms["kl"])
    expected = {
        "both": 2.5 * terms["kl"] - terms["log_likelihood"],
        "reconstruction": -terms["log_likelihood"],
        "kl": 2.5 * terms["kl"],
    }
    torch.testing.assert_close(terms["loss"], expected[keep])
    terms["loss"].mean().backward()


@pytest.mark.parametrize("form", FORMS)
def test_the_kl_alone_does_not_move_the_decoder(form):
    model = tiny()
    terms_of(ELBO(form=form, keep="kl"), model)["loss"].mean().backward()
    assert all(p.grad is None or not p.grad.any() for p in model.decoder.parameters())
    assert all(p.grad.any() for p in model.encoder.parameters())


@pytest.mark.parametrize("form", FORMS)
def test_warm_up_raises_the_weight_of_the_kl_from_nought_to_beta(form):
    for step, weight in ((0, 0.0), (25, 1.0), (50, 2.0), (100, 4.0), (999, 4.0)):
        terms = terms_of(ELBO(form=form, beta=4.0, warmup=100), step=step)
        torch.testing.assert_close(terms["loss"], weight * terms["kl"] - terms["log_likelihood"])
        torch.testing.assert_close(terms["elbo"], terms["log_likelihood"] - terms["kl"])


class TestFreeBits:
    """The threshold is on each unit's mean KL over the batch."""

    model = tiny(latent_dim=2)
    units = compute_kl_per_unit(model.encode(X), model.prior()).detach()

    def test_a_unit_below_the_threshold_costs_the_threshold_and_is_not_moved(self):
        small, large = self.units.mean(0).sort().values
        threshold = float(small + large) / 2
        terms = terms_of(ELBO(free_bits=threshold), self.model)
        penalty = (terms["loss"] + terms["log_likelihood"]).mean()
        torch.testing.assert_close(penalty, large + threshold)
        (gradient,) = torch.autograd.grad(penalty, [self.model.encoder[-2].bias])
        # The bias holds mu_1, mu_2, s_1, s_2: the free unit's two do not feel the KL.
        free = int(self.units.mean(0).argmin())
        assert not gradient[[free, free + 2]].any()
        assert gradient[[1 - free, 3 - free]].all()

    def test_an_example_may_fall_below_it_where_the_batch_does_not(self):
        threshold = float(self.units.min() + self.units.mean(0).min()) / 2
        assert self.units.mean(0).min() > threshold > self.units.min()
        terms = terms_of(ELBO(free_bits=threshold), self.model)
        torch.testing.assert_close(terms["loss"], -terms["elbo"])

    def test_the_bound_keeps_its_name(self):
        plain, free = (terms_of(ELBO(free_bits=b), self.model) for b in (0.0, 100.0))
        for name in ("elbo", "log_likelihood", "kl"):
            torch.testing.assert_close(plain[name], free[name], rtol=0, atol=0)
        torch.testing.assert_close(free["loss"], 200.0 - free["log_likelihood"])


def exact_gradient(model, parameters):
    """The gradient of the mean ELBO over X, the expectation in z summed over a grid."""
    z = torch.linspace(-25, 25, 20_001, dtype=torch.float64)[:, None, None]
    q = model.encode(X)
    log_q = q.log_prob(z)
    inside = model.decode(z).log_prob(X) + model.prior().log_prob(z) - log_q
    bound = torch.trapezoid(log_q.exp() * inside, z[:, 0, 0], dim=0).mean()
    return torch.cat([g.flatten() for g in torch.autograd.grad(bound, parameters)])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("gradient", "baseline"),
    [
        ("reparameterised", 0.0),
        ("score-function", 0.0),
        ("score-function", -3.0),
        ("score-function", "leave-one-out"),
    ],
)
def test_every_estimator_has_the_gradient_of_the_exact_bound_as_its_mean(form, gradient, baseline):
    model = tiny()
    parameters = list(model.parameters())
    truth = exact_gradient(model, parameters)
    objective = ELBO(form=form, gradient=gradient, baseline=baseline, samples=4)
    torch.manual_seed(1)
    many, measured = batch(X.repeat(500, 1)), []
    for _ in range(100):
        loss = objective(model, many)["loss"].mean()
        gradients = torch.autograd.grad(-loss, parameters)
        measured.append(torch.cat([g.flatten() for g in gradients]))
    estimates = torch.stack(measured)
    error = estimates.std(0) / len(estimates) ** 0.5
    assert ((estimates.mean(0) - truth).abs() < 4.5 * error + 1e-12).all()
    assert error.max() < 0.03 * truth.abs().max()


def test_score_function_weighs_log_q_by_value_minus_baseline():
    value = torch.tensor([1.0, 4.0, 10.0]).unsqueeze(1)
    for baseline, weights in (
        (0.0, [1.0, 4.0, 10.0]),
        (2.0, [-1.0, 2.0, 8.0]),
        ("leave-one-out", [1 - 7.0, 4 - 5.5, 10 - 2.5]),  # against the mean of the others
    ):
        log_q = torch.randn(3, 1, requires_grad=True)
        f = score_function(value, log_q, baseline)
        assert torch.equal(f, value)
        (gradient,) = torch.autograd.grad(f.sum(), log_q)
        assert gradient.flatten().tolist() == weights


def test_score_function_keeps_the_gradient_of_the_value_itself():
    theta, log_q = torch.tensor(3.0, requires_grad=True), torch.zeros(2, requires_grad=True)
    score_function(theta * torch.tensor([1.0, 2.0]), log_q).sum().backward()
    assert theta.grad == 3.0
    assert log_q.grad.tolist() == [3.0, 6.0]


@pytest.mark.parametrize(
    ("settings", "word"),
    [({"samples": 0}, "--samples"), ({"form": "joint", "free_bits": 0.1}, "--form kl")],
)
def test_contradictory_settings_are_refused(settings, word):
    with pytest.raises(UserError, match=word):
        ELBO(**settings)


def test_leave_one_out_with_one_draw_is_refused():
    with pytest.raises(UserError, match="--samples 2"):
        ELBO(gradient="score-function", baseline="leave-one-out")


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"form": "klx"}, "kl"),
        ({"keep": "none"}, "reconstruction"),
        ({"gradient": "score"}, "score-function"),
        ({"gradient": "score-function", "samples": 2, "baseline": "loo"}, "leave-one-out"),
        ({"baseline": -100.0}, "--gradient score-function"),
        ({"beta": -1.0}, "--beta is too small"),
        ({"warmup": -1}, "--warmup is too small"),
        ({"free_bits": -0.1}, "--free-bits is too small"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, word):
    with pytest.raises(UserError, match=word):
        ELBO(**settings)


def test_the_kl_of_units_is_the_closed_form_and_the_integral():
    mu = torch.tensor([[0.0, -1.5], [2.0, 0.3]], dtype=torch.float64)
    sigma = torch.tensor([[1.0, 0.2], [1.7, 0.6]], dtype=torch.float64)
    q, prior = Independent(Normal(mu, sigma), 1), StandardNormal(2).double()()
    measured = compute_kl_per_unit(q, prior)
    closed = (mu**2 + sigma**2 - 1) / 2 - sigma.log()
    torch.testing.assert_close(measured, closed, rtol=1e-14, atol=1e-15)
    z = torch.linspace(-30, 30, 60_001, dtype=torch.float64)[:, None, None]
    density = Normal(mu, sigma).log_prob(z)
    integrand = density.exp() * (density - Normal(0.0, 1.0).log_prob(z))
    integral = torch.trapezoid(integrand, z[:, 0, 0], dim=0)
    torch.testing.assert_close(measured, integral, rtol=1e-10, atol=1e-10)


def test_the_kl_of_units_needs_distributions_that_factorise():
    together = MultivariateNormal(torch.zeros(2), torch.eye(2))
    for pair in ((together, StandardNormal(2)()), (StandardNormal(2)(), together)):
        assert compute_kl_per_unit(*pair) is None


def test_nothing_is_lost_to_bfloat16_under_autocast():
    """The networks may be in bfloat16; the likelihood and the KL are not."""
    with torch.autocast("cpu", torch.bfloat16):
        terms = terms_of(ELBO(), tiny().float(), X.float())
        h = torch.nn.functional.linear(torch.ones(2, 4), torch.eye(4))
        assert h.dtype == torch.bfloat16
        assert DiagonalGaussian(h.shape[-1] // 2)(h).mean.dtype == torch.float32
    assert {term.dtype for term in terms.values()} == {torch.float32}


@pytest.mark.parametrize(("error", "term"), [("squared", 1), ("log-likelihood", -1)])
@pytest.mark.parametrize("shape", [(3,), (2, 8, 8)])
def test_reconstruction(shape, error, term):
    torch.manual_seed(0)
    p = LIKELIHOODS["gaussian-fixed"](shape, sigma=0.5)
    model, x = Autoencoder.build(shape, 2, p, Architecture("dense", 4, 1)), torch.randn(5, *shape)
    terms = Reconstruction(error)(model, batch(x))
    mean = model.decoder(model.encoder(x))
    expected = (x - mean).square().flatten(1).sum(1)
    truth = expected if error == "squared" else p(mean).log_prob(x)
    torch.testing.assert_close(terms["loss"], term * truth)
    assert ("log_likelihood" in terms) == (error != "squared")
    assert all(t.shape == (5,) for t in terms.values())
