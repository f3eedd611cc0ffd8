"""The Parzen-window log-likelihood against scikit-learn's kernel density."""

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import KernelDensity

from immersion.check import UserError
from immersion.metrics.likelihood.parzen import SIGMAS, compute_parzen, log_density
from immersion.metrics.samples import neighbours


def images(n, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 1, 6, 6, generator=generator)


def reference(centres, x, sigma):
    # All centres in one leaf: between leaves its bounds lose digits where windows are narrow.
    density = KernelDensity(bandwidth=sigma, leaf_size=len(centres))
    density.fit(centres.flatten(1).double().numpy())
    return density.score_samples(x.flatten(1).double().numpy())


@pytest.mark.parametrize("block", [100, 10**6])
def test_the_density_is_scikit_learn_s(monkeypatch, block):
    monkeypatch.setattr(neighbours, "BLOCK", block)
    centres, x = images(150, 0), images(40, 1)
    found = log_density(x.flatten(1), centres.flatten(1), SIGMAS).numpy()
    for row, sigma in zip(found, SIGMAS.tolist(), strict=True):
        assert row == pytest.approx(reference(centres, x, sigma), abs=1e-6)


def test_the_widths_are_the_protocol_s():
    assert SIGMAS.numpy() == pytest.approx(np.logspace(-1, 0, 10))


def test_sigma_is_chosen_on_the_validation_set_alone():
    drawn, validation, test = images(200, 0), images(50, 1), images(80, 2)
    validation = 0.4 * validation + 0.6 * drawn[:50]  # nearer to the windows than the test set
    means = [reference(drawn, validation, sigma).mean() for sigma in SIGMAS.tolist()]
    best = SIGMAS[int(np.argmax(means))].item()
    on_test = [reference(drawn, test, sigma).mean() for sigma in SIGMAS.tolist()]
    assert np.argmax(on_test) != np.argmax(means)
    estimate, sigma = compute_parzen(drawn, validation, test)
    assert sigma == best
    values = reference(drawn, test, best)
    assert estimate.value == pytest.approx(values.mean(), abs=1e-6)
    assert estimate.standard_error == pytest.approx(values.std(ddof=1) / math.sqrt(80), rel=1e-6)
    assert (estimate.examples, estimate.unit) == (80, "nats")


def test_a_mean_beats_the_data_as_the_warning_says():
    """x ~ N(0, I) in many dimensions: windows on the mean score above windows on real data."""
    generator = torch.Generator().manual_seed(0)
    real, validation, test = (
        0.1 * torch.randn(n, 100, generator=generator) for n in (500, 200, 300)
    )
    means = torch.zeros(500, 100)
    assert (
        compute_parzen(means, validation, test)[0].value
        > compute_parzen(real, validation, test)[0].value + 5
    )


def test_sets_of_unlike_shape_are_refused():
    with pytest.raises(UserError, match="differ in shape"):
        compute_parzen(images(5, 0), images(5, 1), torch.zeros(5, 1, 6, 7))
