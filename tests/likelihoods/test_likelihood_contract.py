"""One test body for every likelihood: what `Likelihood` promises, whatever the member."""

import itertools
import math
import re

import numpy as np
import pytest
import torch
from scipy.integrate import quad_vec
from torch.autograd import gradcheck

from immersion.check import UserError
from immersion.likelihoods import LIKELIHOODS, default_likelihood
from immersion.random import make_generator, use_seed

OPTIONS = [
    ("gaussian", {"bounded": True}),
    ("gaussian-fixed", {"sigma": 0.1, "bounded": True}),
    ("gaussian-shared", {"bounded": True}),
    ("gaussian-optimal", {"bounded": True}),
    ("student-t", {"degrees_of_freedom": 3.0}),
    ("logistic-mixture", {"components": 2, "levels": 4}),
    ("categorical", {"levels": 5}),
]
CASES = [(name, {}) for name in sorted(LIKELIHOODS)] + OPTIONS
every = pytest.mark.parametrize(
    ("name", "options"), CASES, ids=["-".join([n, *o]) for n, o in CASES]
)


def build(name, options, shape=(1,)):
    return LIKELIHOODS[name](shape, **options).eval()


def outputs(likelihood, random=12, extreme=30.0, dtype=torch.float64):
    """Random and extreme network outputs for examples of one value, (N, n)."""
    source = make_generator(0, "outputs")
    h = 2 * torch.randn(random, likelihood.parameters_per_value, generator=source, dtype=dtype)
    h = torch.cat([h, extreme * corners(likelihood.parameters_per_value).to(dtype)])
    # A sum over counts cannot go to exp(30): means and dispersions stay below exp(2.5) = 12.
    return h.clamp(max=2.5) if "counts" in likelihood.values else h


def corners(n):
    """Every vector of signs, (2^n, n), or ten of them where there are many; and the origin."""
    if n <= 3:
        signs = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=n)))
    else:
        signs = torch.randn(10, n, generator=make_generator(0, "corners")).sign()
        signs[:2] = torch.tensor([[1.0], [-1.0]])
    return torch.cat([signs, torch.zeros(1, n)])


def support(likelihood):
    """Every value that x can take, (S,), for a discrete likelihood."""
    if "binary" in likelihood.values:
        return torch.tensor([0.0, 1.0], dtype=torch.float64)
    if "unit" in likelihood.values:
        steps = likelihood.levels - 1
        return torch.arange(steps + 1, dtype=torch.float64) / steps
    return torch.arange(10_000, dtype=torch.float64)


def inside(likelihood, x):
    """Return whether finite values x lie in the support."""
    if likelihood.discrete:
        return torch.isclose(x, support(likelihood).float()).any(-1).all()
    return "real" in likelihood.values or (x.min() >= 0 and x.max() <= 1)


def supported(likelihood):
    """A few typical and extreme values that the likelihood admits, (S,)."""
    if likelihood.discrete and "counts" not in likelihood.values:
        return support(likelihood).float()
    if "counts" in likelihood.values:
        return torch.tensor([0.0, 1.0, 7.0, 1000.0])
    unit = torch.tensor([0.0, 1 / 255, 0.5, 1.0])
    if "real" not in likelihood.values:
        return unit
    return torch.cat([unit, torch.tensor([-100.0, 3.5, 1e4])])


def expectations(likelihood, p):
    """Total mass, mean, variance and entropy of p, each (N,), by sum or by quadrature."""

    def terms(x):
        log_p = p.log_prob(x)
        moments = [torch.ones_like(log_p), x[..., 0], (x - p.mean)[..., 0] ** 2, -log_p]
        return torch.stack([m * log_p.exp() for m in moments]).nan_to_num(nan=0.0)

    if likelihood.discrete:
        x = support(likelihood)
        shape = (len(x), *p.batch_shape, 1)
        return terms(x.reshape(-1, *[1] * (len(shape) - 1)).expand(shape)).sum(1)
    if "real" in likelihood.values:
        scale = p.variance.sqrt()

        def density(t):
            return (terms(p.mean + scale * t) * scale[..., 0]).numpy()

        return torch.from_numpy(quad_vec(density, -np.inf, np.inf, epsabs=1e-9, limit=500)[0])

    def unit(t):
        return terms(torch.full_like(p.mean, t)).numpy()

    return torch.from_numpy(quad_vec(unit, 0, 1, epsabs=1e-9, limit=500)[0])


@every
@torch.no_grad()
def test_density_is_normalised_and_has_its_mean_and_variance(name, options):
    likelihood = build(name, options).double()
    p = likelihood(outputs(likelihood))
    mass, mean, variance, _ = expectations(likelihood, p)
    torch.testing.assert_close(mass, torch.ones_like(mass), rtol=0, atol=1e-5)
    torch.testing.assert_close(p.mean[..., 0], mean, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(p.variance[..., 0], variance, rtol=1e-4, atol=1e-5)


@every
@torch.no_grad()
def test_samples_follow_the_density(name, options):
    likelihood = build(name, options).double()
    p = likelihood(outputs(likelihood, random=6, extreme=3.0))
    draws = 20_000
    with use_seed(0, "draw"):
        x = p.sample((draws,))
    likelihood.check(x)
    log_p = p.log_prob(x)
    _, _, variance, entropy = expectations(likelihood, p)
    error = 5 * (variance / draws).sqrt() + 1e-6
    assert ((x.mean(0) - p.mean)[..., 0].abs() < error).all()
    error = 5 * log_p.std(0) / math.sqrt(draws) + 1e-6
    assert ((log_p.mean(0) + entropy).abs() < error).all()


@every
@pytest.mark.parametrize("batch", [(5,), (3, 5), ()])
@pytest.mark.parametrize("shape", [(3,), (2, 3, 4)])
@torch.no_grad()
def test_shapes(name, options, batch, shape):
    likelihood = build(name, options, shape)
    for training in (True, False):
        p = likelihood.train(training)(torch.randn(*batch, *likelihood.parameter_shape))
        assert (p.batch_shape, p.event_shape) == (batch, shape)
        x = p.sample()
        assert x.shape == p.mean.shape == p.variance.shape == (*batch, *shape)
        assert p.sample((7,)).shape == (7, *batch, *shape)
        assert p.log_prob(x).shape == batch
        likelihood.check(x)


@every
@torch.no_grad()
def test_an_example_is_the_sum_of_its_values(name, options):
    """Values do not mix, and h is ordered parameter by parameter: (n * C, H, W)."""
    shape = (2, 3, 2)
    likelihood, one = build(name, options, shape), build(name, options)
    h = torch.randn(4, *likelihood.parameter_shape, generator=make_generator(0, "h"))
    x = likelihood(h).sample()
    alone = h.unflatten(1, (likelihood.parameters_per_value, 2)).movedim(1, -1).reshape(4, 12, -1)
    expected = one(alone).log_prob(x.reshape(4, 12, 1)).sum(-1)
    torch.testing.assert_close(likelihood(h).log_prob(x), expected, rtol=1e-5, atol=1e-4)


@every
def test_gradients_are_finite_at_extreme_outputs(name, options):
    likelihood = LIKELIHOODS[name]((1,), **options)
    n = likelihood.parameters_per_value
    random = 5 * torch.randn(20, n, generator=make_generator(0, "h"))
    h = torch.cat([30 * corners(n), random]).requires_grad_()
    for x, training in itertools.product(supported(likelihood)[:, None], (True, False)):
        log_p = likelihood.train(training)(h).log_prob(x.expand(len(h), 1))
        assert log_p.isfinite().all()
        (gradient,) = torch.autograd.grad(log_p.sum(), h)
        assert gradient.isfinite().all()
        likelihood.check(x)


@every
def test_gradients_are_the_derivatives(name, options):
    likelihood = build(name, options).double()
    h = outputs(likelihood, extreme=3.0).requires_grad_()
    x = supported(likelihood).double().clamp(-10, 10)
    for i in (0, len(x) // 2, -1):
        value = x[i].expand(len(h), 1)
        assert gradcheck(lambda h, x=value: likelihood(h).log_prob(x), h, fast_mode=True)
    assert gradcheck(lambda h: likelihood(h).mean, h, fast_mode=True)


@every
def test_geometry_can_differentiate_the_mean(name, options):
    likelihood = build(name, options, (2,))
    h = torch.randn(3, *likelihood.parameter_shape)
    jacobian = torch.func.vmap(torch.func.jacfwd(lambda h: likelihood(h).mean))(h)
    expected = torch.func.vmap(torch.func.jacrev(lambda h: likelihood(h).mean))(h)
    torch.testing.assert_close(jacobian, expected, rtol=1e-4, atol=1e-5)


@every
@torch.no_grad()
def test_computes_in_float32_or_wider(name, options):
    likelihood = build(name, options)
    h = torch.randn(6, likelihood.parameters_per_value)
    x = supported(likelihood)[:1].expand(6, 1)
    half = likelihood(h.bfloat16())
    assert half.log_prob(x).dtype == half.mean.dtype == half.sample().dtype == torch.float32
    double = likelihood(h.double())
    assert double.log_prob(x.double()).dtype == double.sample().dtype == torch.float64
    single = likelihood(h).log_prob(x).double()
    torch.testing.assert_close(single, double.log_prob(x.double()), rtol=1e-5, atol=1e-5)


@every
def test_state_dict_round_trip(name, options):
    likelihood = LIKELIHOODS[name]((1,), **options)
    h, x = torch.randn(4, likelihood.parameters_per_value), supported(likelihood)[:1].expand(4, 1)
    likelihood(h).log_prob(x)  # in training mode: what adapts to data has adapted
    for parameter in likelihood.parameters():
        parameter.data += 0.5
    copy = LIKELIHOODS[name]((1,), **options)
    copy.load_state_dict(likelihood.state_dict())
    for training in (True, False):
        a, b = (m.train(training)(h).log_prob(x) for m in (likelihood, copy))
        assert torch.equal(a, b)


@every
@torch.no_grad()
def test_deterministic_under_a_seed(name, options):
    likelihood = build(name, options)
    p = likelihood(torch.randn(50, likelihood.parameters_per_value))
    draws = []
    for step in (0, 0, 1):
        with use_seed(0, "draw", step):
            draws.append(p.sample())
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@every
def test_check_refuses_the_impossible_with_a_remedy_that_works(name, options):
    likelihood = build(name, options)
    with pytest.raises(UserError, match=r"3 values that are not finite.*; remove"):
        likelihood.check(torch.tensor([[0.0], [math.nan], [math.inf], [-math.inf]]))
    for x in ([0.0, 1.0], [-0.5, 1.0], [0.0, 2.0], [0.0, 0.3], [0.0, 1.5]):
        x = torch.tensor(x)[:, None]
        if inside(likelihood, x):
            likelihood.check(x)
            continue
        with pytest.raises(UserError) as error:
            likelihood.check(x)
        remedy, *_ = re.findall(r"--likelihood ([a-z-]+)", str(error.value))
        LIKELIHOODS[remedy]((1,)).check(x)


def test_grey_values_are_sent_to_binarization():
    with pytest.raises(UserError, match="--binarize dynamic, static or threshold"):
        build("bernoulli", {}).check(torch.tensor([0.2]))


DEMANDED = {
    "a formula, such as log p(x|h) = ...": r"[pP]\(.+\) = ",
    "the shape of h, such as (..., 2 * C, H, W)": r"\bh\b[^=]*\(\.\.\., .+\)",
    "Reference:": r"\n +Reference:\n +\S",
}


def missing_from_docstring(member):
    """Return what the docstring of a likelihood lacks; a parent's docstring does not count."""
    text = vars(member).get("__doc__") or ""
    return [what for what, pattern in DEMANDED.items() if not re.search(pattern, text)]


@pytest.mark.parametrize("name", sorted(LIKELIHOODS))
def test_docstring_states_formula_shape_and_source(name):
    assert not missing_from_docstring(LIKELIHOODS[name])


def test_a_likelihood_without_a_docstring_fails():
    class Bare(LIKELIHOODS["gaussian"]):
        pass

    assert len(missing_from_docstring(Bare)) == 3


@every
def test_declares_what_it_is_for(name, options):
    assert LIKELIHOODS[name].values
    assert LIKELIHOODS[name].values <= {"binary", "unit", "counts", "real"}


@pytest.mark.parametrize("values", ["binary", "unit", "counts", "real"])
def test_the_default_likelihood_supports_its_data(values):
    assert values in LIKELIHOODS[default_likelihood(values)].values
