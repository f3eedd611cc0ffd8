"""The Frechet distance: its value, its error bar and its extrapolation, on Gaussians."""

import numpy as np
import pytest
import torch

from immersion.check import NonFinite, UserError
from immersion.metrics import compute_frechet_distance
from immersion.metrics.samples.frechet import compute_frechet, compute_unbiased_frechet


def gaussian(n, size, seed, shift=0.0, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, size, dtype=torch.float64, generator=generator) * scale + shift


def test_the_value_is_the_published_implementation_s_formula():
    """tr (C_a C_b)^(1/2) as the sum of the roots of the eigenvalues of the plain product."""
    mix = gaussian(6, 6, 9)
    a, b = (gaussian(150, 6, 1) @ mix).numpy(), (gaussian(90, 6, 2, 0.3) @ mix.T).numpy()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    roots = np.sqrt(np.linalg.eigvals(cov_a @ cov_b).astype(complex)).real.sum()
    shift = ((a.mean(0) - b.mean(0)) ** 2).sum()
    expected = shift + np.trace(cov_a) + np.trace(cov_b) - 2 * roots
    a, b = torch.from_numpy(a), torch.from_numpy(b)
    assert compute_frechet(a, b).value == pytest.approx(expected, rel=1e-9)
    assert compute_frechet(a, b).value == compute_frechet_distance(a, b)


def test_the_standard_error_is_the_jackknife_s():
    """Leave each example out in turn: slow, and independent of the derivative."""
    a, b = gaussian(120, 3, 3), gaussian(80, 3, 4, 0.5, 1.5)
    variance = 0.0
    for side, other in ((a, b), (b, a)):
        left = [
            compute_frechet_distance(side[torch.arange(len(side)) != i], other)
            for i in range(len(side))
        ]
        variance += np.var(left) * (len(side) - 1)
    assert compute_frechet(a, b).standard_error == pytest.approx(variance**0.5, rel=0.05)


def test_both_error_bars_cover():
    """Of 100 repetitions about 95 lie within two errors: of the mean, or of the truth (0.32)."""
    biased, unbiased = [], []
    for seed in range(100):
        a, b = gaussian(200, 4, seed), gaussian(200, 4, 1000 + seed, 0.2, 1.2)
        biased.append(compute_frechet(a, b))
        unbiased.append(compute_unbiased_frechet(a, b, seed))
    mean = np.mean([e.value for e in biased])
    assert mean > 0.32 + 0.05  # the bias that the extrapolation takes away
    assert np.mean([e.value for e in unbiased]) == pytest.approx(0.32, abs=0.03)
    for estimates, centre in ((biased, mean), (unbiased, 0.32)):
        within = [abs(e.value - centre) < 2 * e.standard_error for e in estimates]
        assert 88 <= sum(within) <= 100


def test_the_seed_decides_the_subsets():
    a, b = gaussian(100, 3, 0), gaussian(100, 3, 1)
    assert (
        compute_unbiased_frechet(a, b, 0)
        == compute_unbiased_frechet(a, b, 0)
        != compute_unbiased_frechet(a, b, 1)
    )


def test_features_that_never_vary_add_only_their_shift():
    a, b = gaussian(100, 3, 0), gaussian(100, 3, 1)
    wide_a = torch.cat([a, torch.zeros(100, 2, dtype=a.dtype)], 1)
    wide_b = torch.cat([b, torch.ones(100, 2, dtype=a.dtype)], 1)
    plain, wide = compute_frechet(a, b), compute_frechet(wide_a, wide_b)
    assert wide.value == pytest.approx(plain.value + 2, rel=1e-9)
    assert wide.standard_error == pytest.approx(plain.standard_error, rel=1e-6)


@pytest.mark.parametrize(
    "measure", [compute_frechet_distance, compute_frechet, compute_unbiased_frechet]
)
def test_no_more_examples_than_dimensions_is_refused(measure):
    with pytest.raises(
        UserError, match="too few drawn examples: expected more than 5, received 5"
    ):
        measure(gaussian(50, 5, 0), gaussian(5, 5, 1))
    measure(gaussian(6, 5, 0), gaussian(6, 5, 1))


@pytest.mark.parametrize(
    "measure", [compute_frechet_distance, compute_frechet, compute_unbiased_frechet]
)
def test_features_that_do_not_match_are_refused(measure):
    with pytest.raises(UserError, match=r"\(50, 5\) and \(50, 4\)"):
        measure(gaussian(50, 5, 0), gaussian(50, 4, 1))
    broken = gaussian(50, 5, 0)
    broken[3, 2] = float("nan")
    with pytest.raises(NonFinite, match="not finite for 1 of 50"):
        measure(broken, gaussian(50, 5, 1))
