"""The bundle holds every measure, each as its own function gives it."""

import pytest
import torch

from immersion.check import UserError
from immersion.metrics.samples.coverage import NEIGHBOUR, compute_coverage
from immersion.metrics.samples.frechet import compute_frechet, compute_unbiased_frechet
from immersion.metrics.samples.kernel_distance import compute_kernel_distance
from immersion.metrics.samples.quality import compute_quality, describe_quality
from immersion.metrics.samples.two_sample import compute_two_sample_accuracy


def draws(n, seed, shift=0.0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 4, generator=generator) + shift


def test_every_measure_under_its_name():
    real, drawn = draws(120, 0), draws(100, 1, 0.7)
    found = compute_quality(real, drawn, seed=5)
    assert found == {
        "frechet": compute_frechet(real, drawn),
        "frechet_unbiased": compute_unbiased_frechet(real, drawn, 5),
        "kernel_distance": compute_kernel_distance(real, drawn, 5),
        "precision": compute_coverage(real, drawn)["precision"],
        "recall": compute_coverage(real, drawn)["recall"],
        "density": compute_coverage(real, drawn)["density"],
        "coverage": compute_coverage(real, drawn)["coverage"],
        "two_sample_accuracy": compute_two_sample_accuracy(real, drawn, 5),
    }
    assert all(estimate.standard_error > 0 for estimate in found.values())


def test_the_caller_s_generator_and_features_are_left_alone():
    real, drawn = draws(50, 0), draws(50, 1)
    before, state = (real.clone(), drawn.clone()), torch.get_rng_state()
    compute_quality(real, drawn)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(real, before[0]) and torch.equal(drawn, before[1])


def test_fewer_samples_than_feature_dimensions_is_refused():
    with pytest.raises(UserError, match="features of fewer dimensions"):
        compute_quality(torch.randn(100, 40), torch.randn(40, 40))


@pytest.mark.parametrize("count", [100, 11_500])
def test_the_protocol_says_what_was_done(count):
    real, drawn = draws(count + 20, 0), draws(count, 1)
    said = describe_quality(real, drawn)
    subsets = compute_kernel_distance(real, drawn).examples
    sizes = f"{(count + 20) // subsets:,} real and {count // subsets:,} drawn"
    assert said["kernel_distance"] == f"{subsets} disjoint subsets of {sizes} examples"
    assert f"k = {NEIGHBOUR} " in said["neighbourhoods"] and "with 3)" in said["neighbourhoods"]
    small = real[:60], drawn[:50]
    assert compute_coverage(*small) == compute_coverage(*small, k=NEIGHBOUR)
    assert f"15 random subsets, of {count // 10:,} to {count:,} drawn" in said["frechet_unbiased"]
