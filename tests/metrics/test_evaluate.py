"""Evaluation on models whose answer is known: nothing dropped, each estimate with its error."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import nn

from immersion.check import NonFinite
from immersion.data.dataset import MemorySplit
from immersion.likelihoods.binary import Bernoulli
from immersion.likelihoods.gaussian import GaussianFixed
from immersion.metrics import Estimate, compute_frechet_distance, evaluate
from immersion.metrics.likelihood import bound
from immersion.models import VAE, Autoencoder, ProbabilisticPCA
from immersion.nn import Architecture

N, D = 1003, 3
LINEAR = Architecture("dense", depth=0)
UNIT = math.log(math.expm1(1 - 1e-4))  # softplus of it, with the floor, is a scale of 1


class Doubles:
    """A split of float64 values."""

    resident = True

    def __init__(self, x):
        self.x = x

    def __len__(self):
        return len(self.x)

    def batch(self, indices):
        return self.x[indices], None


def deaf(mean=None, likelihood=None):
    """Return a VAE whose decoder ignores z: p(x|z) = N(0, I), q(z|x) = N(mean x, 1)."""
    model = VAE.build((D,), 2, likelihood or GaussianFixed((D,)), LINEAR).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.encoder[1].bias[2:] = UNIT
        if mean is not None:
            model.encoder[1].weight[:2] = mean
    return model.eval()


def data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N, D, dtype=torch.float64, generator=generator)
    x[-1] = 40.0  # alone in the last, short batch but two others: it must be counted
    return x


def test_estimate_is_the_mean_with_its_standard_error():
    values = torch.tensor([1.0, 2.0, 4.0, 9.0])
    estimate = Estimate.of(values, "nats")
    assert (estimate.value, estimate.examples, estimate.unit) == (4.0, 4, "nats")
    assert estimate.standard_error == pytest.approx(values.numpy().std(ddof=1) / 2)
    assert str(estimate) == "4 +- 1.8 nats (n = 4)"


def test_estimate_in_other_units_stays_an_estimate():
    other = Estimate(-2.0, 0.5, 10, "nats").affine(-3.0, 1.0, "bits")
    assert other == Estimate(7.0, 1.5, 10, "bits")
    assert Estimate.of(torch.ones(1), "nats").affine(2.0, 0.0, "bits").standard_error is None


def test_one_example_has_no_standard_error():
    assert Estimate.of(torch.tensor([1.0]), "nats").standard_error is None


def test_the_mean_is_taken_in_float64():
    values = torch.tensor([2.0**24, 2.0**24 + 2])  # their mean is no float32
    assert Estimate.of(values, "nats").value == 2.0**24 + 1


def test_known_terms_over_the_whole_set_the_short_last_batch_too():
    x = data()
    mean = torch.tensor([[0.5, 0.0, 0.0], [0.0, -0.3, 0.0]], dtype=torch.float64)
    measured = evaluate(deaf(mean), Doubles(x), discrete=False, importance_samples=10)
    log_p = -0.5 * (x.square().sum(1) + D * math.log(2 * math.pi))
    kl_units = 0.5 * (x @ mean.T).square()
    known = {
        "log_likelihood": log_p,
        "kl": kl_units.sum(1),
        "elbo": log_p - kl_units.sum(1),
        "squared_error": x.square().sum(1),
    }
    assert set(measured.estimates) == {*known, "importance_weighted_bound"}
    for name, values in known.items():
        estimate = measured.estimates[name]
        assert estimate.examples == N
        assert estimate.value == pytest.approx(values.mean().item(), rel=1e-9)
        error = values.std().item() / math.sqrt(N)
        assert estimate.standard_error == pytest.approx(error, rel=1e-9)
        assert estimate.unit == ("squared units of x" if name == "squared_error" else "nats")
    values = [unit.value for unit in measured.kl_per_unit]
    assert values == pytest.approx(kl_units.mean(0).tolist())
    assert all(unit.standard_error > 0 and unit.examples == N for unit in measured.kl_per_unit)
    elbo, log_mean = measured.estimates["elbo"].value, log_p.mean().item()
    assert elbo < measured.estimates["importance_weighted_bound"].value < log_mean


def test_nothing_is_filtered():
    x = data()
    x[500, 0] = math.nan
    with pytest.raises(NonFinite, match=f"1 of {N} test examples"):
        evaluate(deaf(), Doubles(x), discrete=False)


def test_no_number_depends_on_which_others_are_asked_for():
    split = MemorySplit(torch.full((50, D), 128, dtype=torch.uint8), None, "unit", dynamic=True)
    alone, beside = (
        evaluate(deaf(0.1).float(), split, discrete=False, importance_samples=k) for k in (0, 9)
    )
    assert all(beside.estimates[name] == value for name, value in alone.estimates.items())


def test_the_bound_is_log_p_where_the_codes_do_not_matter():
    """q is the prior and the decoder is deaf to z: every log-weight is log p(x)."""
    x = data()
    measured = evaluate(deaf(), Doubles(x), discrete=False, importance_samples=7).estimates
    for name in ("elbo", "importance_weighted_bound"):
        assert measured[name].value == pytest.approx(measured["log_likelihood"].value, rel=1e-9)
    assert measured["kl"].value == pytest.approx(0, abs=1e-9)


def test_chunks_change_the_memory_and_not_the_number_of_codes(monkeypatch):
    model, x = deaf(0.1), data()[:10]
    drawn = []
    own = VAE.log_weights
    monkeypatch.setattr(VAE, "log_weights", lambda s, x, k: drawn.append(k) or own(s, x, k))
    for chunk in (1, 100, 20_000):
        drawn.clear()
        monkeypatch.setattr(bound, "CHUNK", chunk)
        evaluate(model, Doubles(x), discrete=False, importance_samples=11)
        assert sum(drawn) == 11
        assert max(drawn) <= max(1, chunk // (10 * D))


def test_bits_per_dimension():
    x = (data() > 0).double()
    model = deaf(0.3, Bernoulli((D,)))
    measured = evaluate(model, Doubles(x), discrete=True).estimates
    assert measured["log_likelihood"].value == pytest.approx(-D * math.log(2))
    elbo, bits = measured["elbo"], measured["bits_per_dim"]
    assert bits.value == pytest.approx(-elbo.value / (D * math.log(2)), rel=1e-12)
    assert bits.standard_error == pytest.approx(elbo.standard_error / (D * math.log(2)))
    assert (bits.unit, bits.examples) == ("bits/dim", N)
    assert bits.value > 1  # one bit a coin, and the KL on top
    assert "bits_per_dim" not in evaluate(model, Doubles(x), discrete=False).estimates


@pytest.mark.parametrize(("variances", "active"), [((0.0101, 0.0099), 1), ((0.5, 0.0101), 2)])
def test_a_unit_is_active_where_its_mean_varies_by_more_than_a_hundredth(variances, active):
    x = torch.randn(N, D, dtype=torch.float64)
    x = (x - x.mean(0)) / x.std(0)
    mean = torch.zeros(2, D, dtype=torch.float64)
    mean[0, 0], mean[1, 1] = (math.sqrt(v) for v in variances)
    model = deaf(mean)
    model.encoder[1].bias.data[:2] = 5.0  # a mean away from 0 says nothing of x
    assert evaluate(model, Doubles(x), discrete=False).active_units == active


def test_an_autoencoder_has_no_bound():
    x = torch.randn(N, D)
    model = Autoencoder.build((D,), 2, GaussianFixed((D,)), LINEAR).eval()
    measured = evaluate(model, MemorySplit(x, None, "real"), discrete=True, importance_samples=5)
    assert set(measured.estimates) == {"squared_error"}
    assert measured.kl_per_unit == []
    with torch.no_grad():
        error = (model.decoder(model.encoder(x)) - x).square().sum(1)
    assert measured.estimates["squared_error"].value == pytest.approx(error.mean().item())


def test_the_squared_error_of_a_picture_is_summed_over_its_values():
    x = torch.rand(7, 2, 8, 8)
    model = Autoencoder.build((2, 8, 8), 2, GaussianFixed((2, 8, 8)), LINEAR).eval()
    nn.init.zeros_(model.decoder[1].weight)
    nn.init.zeros_(model.decoder[1].bias)
    measured = evaluate(model, MemorySplit(x, None, "unit"), discrete=False)
    expected = x.square().flatten(1).sum(1).mean().item()
    assert measured.estimates["squared_error"].value == pytest.approx(expected)


def test_the_seed_decides_every_draw_and_the_caller_s_generator_is_left_alone():
    model = VAE.build((D,), 2, Bernoulli((D,)), Architecture("dense", 4, 1)).eval()
    split = MemorySplit(torch.full((50, D), 128, dtype=torch.uint8), None, "unit", dynamic=True)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, again, other = (
        evaluate(model, split, discrete=True, importance_samples=3, seed=seed)
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first.estimates["elbo"] != other.estimates["elbo"]
    assert torch.equal(torch.get_rng_state(), before)
    assert first.protocol == {"codes": 1, "kl": "closed form", "importance_samples": 3, "seed": 0}


def test_evaluation_asks_for_no_gradients():
    model = deaf(0.2)
    evaluate(model, Doubles(data()), discrete=False, importance_samples=2)
    assert all(p.grad is None for p in model.parameters())


def test_probabilistic_pca_is_evaluated_by_its_exact_posterior():
    x = data()[:-1]
    model = ProbabilisticPCA.fit(x, 1)
    measured = evaluate(model, Doubles(x), discrete=False, importance_samples=3).estimates
    expected = model.log_prob(x).mean().item()
    for name in ("importance_weighted_bound", "elbo"):  # no draw matters: q is the posterior
        assert measured[name].value == pytest.approx(expected, rel=1e-12)


def features(n, seed, size=4):
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(size, size, dtype=torch.float64, generator=generator)
    return torch.randn(n, size, dtype=torch.float64, generator=generator) @ mix + seed


def test_frechet_distance_is_the_formula_with_scipy_s_matrix_root():
    a, b = features(300, 0), features(200, 1)
    cov_a, cov_b = (np.cov(side.numpy().T) for side in (a, b))
    root = scipy.linalg.sqrtm(cov_a @ cov_b).real
    shift = ((a.mean(0) - b.mean(0)) ** 2).sum().item()
    expected = shift + np.trace(cov_a + cov_b - 2 * root)
    assert compute_frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert compute_frechet_distance(b, a) == pytest.approx(expected, rel=1e-6)
    assert compute_frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_frechet_distance_where_the_covariances_commute():
    """|m_a - m_b|^2 + sum_j (s_aj - s_bj)^2, in any orthogonal axes."""
    white = features(500, 2) - features(500, 2).mean(0)
    white = white @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(white.T))).T
    axes = torch.linalg.qr(features(4, 3)).Q
    scales_a, scales_b = (torch.tensor(s).double() for s in ([1, 2, 3, 4], [2.0, 2, 0.5, 7]))
    a, b = (white * scales_a) @ axes + 1, (white * scales_b) @ axes - 2
    expected = 4 * 9 + (scales_a - scales_b).square().sum().item()
    assert compute_frechet_distance(a, b) == pytest.approx(expected, rel=1e-10)
