"""One contract for every prior, and what each of them has of its own."""

import copy
import math
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load, save
from torch import nn
from torch.distributions import Independent, Normal

from immersion.check import UserError
from immersion.models.latent_density import MixturePrior
from immersion.priors import (
    PRIORS,
    Labelled,
    LazyPrior,
    Prior,
    StandardNormal,
    TruncatedNormal,
    UniformCube,
)

D = 2


class Shifted(nn.Module):
    """A lazy distribution that is not of zuko: N(1, I)."""

    def forward(self) -> Independent:
        return Independent(Normal(torch.ones(D), 1.0), 1)


def mixture() -> MixturePrior:
    means = torch.tensor([[-1.0, 0.0], [1.0, 1.0]])
    return MixturePrior(torch.tensor([0.3, 0.7]), means, 0.5 * torch.eye(D).expand(2, D, D))


OTHERS = {
    "uniform": lambda: UniformCube(D),
    "truncated": lambda: TruncatedNormal(D, 0.8),
    "labelled": lambda: Labelled(StandardNormal(D), 3),
    "labelled-uniform": lambda: Labelled(UniformCube(D), 3),
    "mixture": mixture,
    "lazy": lambda: LazyPrior(Shifted()),
}
every = pytest.mark.parametrize("name", [*PRIORS, *OTHERS])


def build(name: str) -> Prior:
    torch.manual_seed(0)
    prior = OTHERS[name]() if name in OTHERS else PRIORS[name](D)
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return prior


@pytest.mark.parametrize("name", list(PRIORS))
def test_docstring_has_density_and_source(name):
    text = PRIORS[name].__doc__ or ""
    assert "p(z) =" in text, "the density"
    assert "Reference:" in text, "a reference"


@every
def test_the_formula_is_one_line(name):
    formula = build(name).formula
    assert formula.startswith(("p(z)", "z =")) and "\n" not in formula


def test_the_description_does_not_need_docstrings():
    code = (
        "from immersion.inference.prior_description import describe_prior\n"
        "from immersion.priors import StandardNormal\n"
        "print(describe_prior(StandardNormal(2))['meaning'])"
    )
    done = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "p(z) = N(0, I) in R^d", done.stderr


@every
def test_samples_and_densities_have_their_shapes(name):
    prior = build(name)
    p = prior()
    size = D + prior.classes
    assert (p.batch_shape, p.event_shape) == ((), (size,))
    assert prior.noise().event_shape == (D,)
    for shape in ((), (5,), (3, 5)):
        z = p.sample(torch.Size(shape))
        assert z.shape == (*shape, size) and z.grad_fn is None
        assert p.log_prob(z).shape == shape and p.log_prob(z).isfinite().all()


@every
def test_the_density_is_that_of_the_samples(name):
    """Importance sampling from a wide Gaussian gives the samples' mean of a bounded function."""
    prior = build(name)
    p, q = prior(), Normal(0.0, 2.0)
    n = 100_000
    with torch.no_grad():
        z = q.sample((n, D))
        y = torch.eye(max(1, prior.classes))[torch.randint(max(1, prior.classes), (n,))]
        code = torch.cat([z, y], 1) if prior.classes else z
        inside = prior.noise().support.check(z) if "uniform" in name else torch.ones(n).bool()
        log_weight = p.log_prob(code).where(inside, -math.inf) - q.log_prob(z).sum(1)
        weight = log_weight.exp() * max(1, prior.classes)
        sampled = p.sample((n,))[:, :D]
    assert abs(weight.mean() - 1) < 4.5 * weight.std() / n**0.5
    for function in (torch.tanh, torch.cos):
        there, here = function(sampled).prod(1), weight * function(z).prod(1)
        error = math.hypot(there.std().item(), here.std().item()) / n**0.5
        assert abs(there.mean() - here.mean()) < 4.5 * error


@every
def test_learned_priors_are_reached_by_the_gradient_both_ways(name):
    prior = build(name)
    parameters = list(prior.parameters())
    if not parameters:
        return
    (-prior().log_prob(torch.randn(50, D)).mean()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in parameters)
    prior.zero_grad()
    prior().rsample((50,)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in parameters)


@every
def test_a_state_dict_is_the_whole_prior(name):
    prior = build(name)
    other = OTHERS[name]() if name in OTHERS else PRIORS[name](D)
    other.load_state_dict(load(save(prior.state_dict())))
    with torch.no_grad():
        z = prior().sample((5,))
        assert torch.equal(prior().log_prob(z), other().log_prob(z))


@every
def test_it_follows_the_models_precision(name):
    if name == "lazy":  # its constants are its author's
        return
    prior = copy.deepcopy(build(name)).double()
    z = prior().sample((5,))
    assert z.dtype == prior().log_prob(z).dtype == torch.float64


@every
def test_quantiles_are_the_inverse_of_the_samples_cdf(name):
    prior = build(name)
    probability = torch.tensor([0.01, 0.3, 0.5, 0.9])
    if not prior.has_quantile:
        with pytest.raises(UserError, match="no quantiles"):
            prior.quantile(probability)
        return
    n = 100_000
    z = prior().sample((n,))[:, :D]
    below = (z[..., None] <= prior.quantile(probability)).float().mean(0)
    error = (probability * (1 - probability) / n).sqrt()
    assert ((below - probability).abs() < 4.5 * error).all()


@every
def test_truncation_cuts_the_noise_or_is_refused(name):
    prior = build(name)
    if name not in ("standard-normal", "labelled"):
        with pytest.raises(UserError, match=r"N\(0, I\)"):
            prior.truncate(0.5)
        return
    z = prior.truncate(0.5)().sample((1000,))
    assert z[:, :D].abs().max() <= 0.5 and z.shape == (1000, D + prior.classes)
    with pytest.raises(UserError, match="above 0"):
        prior.truncate(0.0)


@every
def test_the_path_is_one_of_two(name):
    assert build(name).path in ("linear", "spherical")


@pytest.mark.parametrize("latent_dim", [1, 2])
def test_a_flow_integrates_to_one(latent_dim):
    torch.manual_seed(1)
    prior = PRIORS["flow"](latent_dim).double()
    with torch.no_grad():
        for parameter in prior.parameters():
            parameter.add_(0.03 * torch.randn_like(parameter))
        axis = torch.linspace(-7, 7, {1: 2001, 2: 176}[latent_dim], dtype=torch.float64)
        z = torch.cartesian_prod(*[axis] * latent_dim).view(-1, latent_dim)
        total = prior().log_prob(z).logsumexp(0) + latent_dim * math.log(axis[1] - axis[0])
    assert abs(total.item()) < 1e-3  # a spline's density has kinks, where the rule has its error


def test_a_flow_learns_a_density_that_is_not_gaussian():
    torch.manual_seed(0)
    x = torch.cat([torch.randn(300, 1) * 0.2 - 1, torch.randn(300, 1) * 0.2 + 1])
    prior = PRIORS["flow"](1)
    optimizer = torch.optim.Adam(prior.parameters(), 0.05)
    for _ in range(100):
        optimizer.zero_grad()
        loss = -prior().log_prob(x).mean()
        loss.backward()
        optimizer.step()
    gaussian = Normal(x.mean(), x.std()).log_prob(x).mean()
    assert -loss.item() > gaussian.item() + 0.3
