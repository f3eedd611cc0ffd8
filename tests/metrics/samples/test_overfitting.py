"""The share of a discriminator's gap that is lost on new examples."""

import math

import pytest
import torch

from immersion.metrics.samples.memorisation import compute_discriminator_overfitting


def around(mean, count, seed, spread=1.0):
    return mean + spread * torch.randn(count, generator=torch.Generator().manual_seed(seed))


def exactly(mean):
    return mean + torch.tensor([-0.1, 0.1])


@pytest.mark.parametrize(
    ("held_out", "share"), [(3.0, 0.0), (2.0, 0.25), (-1.0, 1.0), (4.0, -0.25)]
)
def test_the_share_is_that_of_the_means(held_out, share):
    found = compute_discriminator_overfitting(exactly(3.0), exactly(held_out), exactly(-1.0))
    assert found.value == pytest.approx(share, abs=1e-6)


def test_no_constant_and_no_scale_of_the_logits_matters():
    sets = [around(mean, 100, seed) for seed, mean in enumerate((2.0, 1.0, 0.0))]
    found = compute_discriminator_overfitting(*sets)
    other = compute_discriminator_overfitting(*(7 + 3 * logits.double() for logits in sets))
    assert other.value == pytest.approx(found.value, rel=1e-5)
    assert other.standard_error == pytest.approx(found.standard_error, rel=1e-5)


def test_where_nothing_is_told_apart_there_is_no_share():
    assert (
        compute_discriminator_overfitting(*(around(0.0, 100, seed) for seed in range(3))) is None
    )
    assert compute_discriminator_overfitting(*(torch.zeros(5) for _ in range(3))) is None
    assert compute_discriminator_overfitting(exactly(-1.0), exactly(0.0), exactly(1.0)) is None
    broken = torch.tensor([math.nan, 1.0])
    assert compute_discriminator_overfitting(broken, exactly(0.0), exactly(1.0)) is None


def test_the_error_bar_is_the_spread_over_redraws():
    found = [
        compute_discriminator_overfitting(
            around(3.0, 200, 3 * n), around(1.5, 100, 3 * n + 1), around(0.0, 300, 3 * n + 2)
        )
        for n in range(300)
    ]
    values = torch.tensor([each.value for each in found])
    errors = torch.tensor([each.standard_error for each in found])
    assert errors.mean().item() == pytest.approx(values.std().item(), rel=0.15)
    assert found[0].examples == 100
